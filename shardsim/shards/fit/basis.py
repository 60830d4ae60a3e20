"""The basis is a hypothesis too: what 'toward a concept' means to the agent.

Each hypothesis replaces the advantages; the one that predicts held-out levels best is chosen once a
run. Axes: C contexts, A actions, O concepts, L levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from shardsim.base.errors import UserError
from shardsim.shards.fit.data import LONGEST, DecisionData
from shardsim.shards.fit.structure import find_structure

MOVES = "moves"
NORMALISED = "normalised"
STRAIGHT = "straight line"
DISCOUNTS = (0.7, 0.9)
STANDARD_ERRORS = 2.0
LEAST_GAIN = 0.05


class Basis(NamedTuple):
    """The choice, and what it rests on."""

    name: str
    losses: dict[str, np.ndarray]  # hypothesis -> [L], held-out quadratic loss


def _replaced(data: DecisionData, advantages: np.ndarray) -> DecisionData:
    """Another basis, scaled to the spread of the moves basis; the planner keeps the moves."""
    spread = advantages.std() / max(float(data.advantages.std()), 1e-12)
    planned = data.advantages if data.planned is None else data.planned
    kept = advantages / max(float(spread), 1e-12) * data.reachable[:, None, :]
    return data._replace(advantages=kept, planned=planned)


def discounted(data: DecisionData, discount: float) -> DecisionData:
    """Loss in γ^d by an action that is not best: strong near a concept, nothing far away."""
    finite = np.where(data.reachable, np.minimum(data.distance, LONGEST), LONGEST)
    nearest = np.maximum(finite - 1.0, 0.0)[:, None, :]
    value = discount ** (nearest - data.advantages)
    return _replaced(data, value - value.max(1, keepdims=True))


def normalised(data: DecisionData) -> DecisionData:
    """Every concept's advantages scaled to unit spread over the actions of each context."""
    spread = data.advantages.std(1, keepdims=True)
    return _replaced(data, np.where(spread > 1e-9, data.advantages / np.maximum(spread, 1e-9), 0.0))


def straight_line(data: DecisionData, moves: np.ndarray, concepts: tuple[str, ...]) -> DecisionData:
    """Loss in straight-line distance, walls respected only where a move is blocked.

    Args:
      data: with features rows_to_<concept> and columns_to_<concept>.
      moves: [A, 2], rows and columns that each action goes; zeros where it does not move.
      concepts: names on the axis O.

    Raises:
      UserError: a bearing is missing from the features.
    """
    names = {name: column for column, name in enumerate(data.feature_names)}
    missing = [o for o in concepts if f"rows_to_{o}" not in names]
    if missing:
        raise UserError(f"no bearing to '{missing[0]}' among the covariates; use basis 'moves'")
    gone = np.asarray(moves, np.float64)[None] * ~data.blocked[:, :, None]  # [C, A, 2]
    columns = []
    for concept in concepts:
        rows = data.features[:, names[f"rows_to_{concept}"], None] - gone[:, :, 0]
        across = data.features[:, names[f"columns_to_{concept}"], None] - gone[:, :, 1]
        nearer = -np.hypot(rows, across)
        columns.append(nearer - nearer.max(1, keepdims=True))
    return _replaced(data, np.stack(columns, 2))


def hypotheses(
    data: DecisionData, concepts: tuple[str, ...] = (), moves: np.ndarray | None = None
) -> dict[str, DecisionData]:
    """All bases that the data allows; the straight line needs `moves` [A, 2] and the names."""
    found = {MOVES: data, NORMALISED: normalised(data)}
    found |= {f"discount {d}": discounted(data, d) for d in DISCOUNTS}
    if moves is not None:
        found[STRAIGHT] = straight_line(data, moves, concepts)
    return found


def choose_basis(
    data: DecisionData,
    concepts: tuple[str, ...] = (),
    moves: np.ndarray | None = None,
    *,
    max_shards: int = 3,
    seed: int = 0,
) -> Basis:
    """Fit shards under every hypothesis and keep the moves unless another is clearly better.

    Clearly: by more than two standard errors, paired over levels, and by LEAST_GAIN of the loss.

    Raises:
      UserError: as `straight_line`, and where there are too few levels.
    """
    losses: dict[str, np.ndarray] = {}
    with threadpool_limits(limits=1):
        for name, candidate in hypotheses(data, concepts, moves).items():
            found = find_structure(candidate, max_shards=max_shards, seed=seed)
            losses[name] = found.path.losses[found.path.chosen]
    best = min(losses, key=lambda name: losses[name].mean())
    gap = losses[MOVES] - losses[best]
    error = gap.std(ddof=1) / np.sqrt(len(gap))
    needed = max(STANDARD_ERRORS * error, LEAST_GAIN * float(losses[MOVES].mean()))
    return Basis(best if gap.mean() > needed else MOVES, losses)
