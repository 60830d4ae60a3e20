"""What models on the shard distribution say: to which goal would the judges turn the agent?

The menu of an onset: to stay as one is, or to have those plans alone that end at the first goal, at
the second, or at neither. Gains are exact. A model answers with a lottery over the menu.
Axis letters: B contexts · P kinds of plans · K shards · G goals · M = G + 2 options.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.errors import UserError
from shardsim.reflection.forecast.plans import Plans
from shardsim.reflection.models.presets import PRESETS, Model, preset
from shardsim.reflection.models.problem import Outcome, Problem, problem

STEP_BY_STEP = "endorsement replicator"  # weights, not a lottery; it is forecast by itself
LEAST = 1e-9  # chance of a kind of plan below which an agent does not have it


def menu(plans: Plans, judges: np.ndarray, weight: np.ndarray) -> tuple[Problem, np.ndarray]:
    """Pose the choice of an onset.

    Args:
        plans: of its contexts [B].
        judges: float[B, K].
        weight: float[B], sums to 1.

    Returns:
        The problem, whose option 0 is to stay, and float64[M, G + 1]: what is reached first then.
    """
    by_goal = plans.chance[:, :, None] * plans.goal  # [B, P, G + 1]
    share = by_goal.sum(1)
    now = plans.chance @ plans.returns
    open_to = share > LEAST
    total = np.where(open_to, share, 1.0)
    then = np.einsum("bpg,pk->bgk", by_goal, plans.returns) / total[..., None]
    gains = np.where(open_to[..., None], then - now[:, None], 0.0)
    goes = np.where(open_to[..., None], np.eye(share.shape[1]), share[:, None])
    stays = np.zeros((1, gains.shape[2]))
    gains = np.concatenate([stays, np.einsum("b,bgk->gk", weight, gains)])
    reached = np.concatenate([(weight @ share)[None], np.einsum("b,bgh->gh", weight, goes)])
    return problem(gains.T, weight @ judges), reached


def predicted(posed: Problem, reached: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return for each model float64[G + 1]: what is reached first, the mean over its branches.

    Raises:
        UserError: a name of no model, or of one that decides no such problem.
    """
    return {name: _mean(deciding(name)(posed), reached) for name in names}


def deciding(name: str) -> Model:
    """Return a model that answers with a lottery.

    Raises:
        UserError: there is none of that name, or it takes or gives something else.
    """
    found = preset(name)
    if found.part != "acceptance" or found.name == STEP_BY_STEP:
        able = [one.name for one in PRESETS.values() if one.part == "acceptance"]
        able.remove(STEP_BY_STEP)
        raise UserError(f"{name!r} does not choose among plans; those that do: {', '.join(able)}")
    return found


def _mean(found: Outcome, reached: np.ndarray) -> np.ndarray:
    """Return float64[G + 1]; where nothing is agreed, all stays as it is."""
    return (found.lotteries @ reached).mean(0) if len(found.lotteries) else reached[0]
