"""Episodes lived in tabulated levels as the models of sequences read them.

Axis letters: E episodes · T steps · A actions · O concepts · L levels · S states.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from shardsim.shards.fit.data import (
    DECAY,
    LOWEST_ADVANTAGE,
    DecisionData,
    cross_entropy_bits,
    decision_data,
    level_means,
)
from shardsim.shards.history.sequences import Sequences
from shardsim.shards.history.worlds import Lived, Worlds

FAR = 8.0  # cells: regressors of direction are cut there


@runtime_checkable
class Decided(Protocol):
    """A fitted model of decisions."""

    def predict(self, data: DecisionData) -> np.ndarray:
        """Return logits float[N, A]."""
        ...


def sequences(lived: Lived, worlds: Worlds) -> Sequences:
    """Return episodes whose hidden states want concepts: own columns are advantages, P = O.

    Features of change are what a concept's nearness and the drives say, and the time that passed.
    """
    at = lived.level[:, None], lived.state
    own = np.maximum(worlds.advantages[at], LOWEST_ADVANTAGE) * worlds.reachable[at][:, :, None]
    return Sequences(
        own=own.astype(np.float64),
        shared=_shared(worlds.blocked[at]),
        features=_features(lived, worlds),
        action=lived.action.astype(np.int64),
        deciding=lived.deciding,
        level=lived.level.astype(np.int64),
    )


def regressors(lived: Lived, worlds: Worlds) -> Sequences:
    """Return episodes whose hidden states weigh plain regressors, as a GLM-HMM takes them.

    Rows and columns to each concept and the drives, each times every action.
    """
    given = sequences(lived, worlds)
    at = lived.level[:, None], lived.state
    names = [f"{side}_to_{name}" for name in worlds.env.concept_names for side in _SIDES]
    seen = [np.clip(worlds.covariates[name][at], -FAR, FAR) / FAR for name in names]
    seen += [worlds.covariates[name][at] for name in worlds.env.drive_names]
    view = np.stack([*seen, np.ones_like(seen[0])], -1).astype(np.float64)
    actions = given.own.shape[2]
    own = np.einsum("etf,ab->etafb", view, np.eye(actions)).reshape(*given.own.shape[:3], -1)
    return given._replace(own=own)


_SIDES = ("rows", "columns")


def _shared(blocked: np.ndarray) -> np.ndarray:
    """Affordance, and a habit for each action."""
    habit = np.broadcast_to(np.eye(blocked.shape[2]), (*blocked.shape, blocked.shape[2]))
    return np.concatenate([blocked[..., None].astype(np.float64), habit], -1)


def _features(lived: Lived, worlds: Worlds) -> np.ndarray:
    at = lived.level[:, None], lived.state
    distance = worlds.distance[at]
    near = np.where(np.isfinite(distance), DECAY ** np.where(np.isfinite(distance), distance, 0), 0)
    drives = [worlds.covariates[name][at][..., None] for name in worlds.env.drive_names]
    one = np.ones((*lived.state.shape, 1))
    passed = one * np.arange(lived.state.shape[1])[:, None] / lived.state.shape[1]
    columns = [one, near, distance == 0, *drives, passed]
    return np.concatenate(columns, -1).astype(np.float64)


def decided(lived: Lived, worlds: Worlds) -> DecisionData:
    """Return the decisions as contexts, for a model that sees the state alone; logits are 0."""
    on = lived.deciding
    at = np.broadcast_to(lived.level[:, None], on.shape)[on], lived.state[on]
    return decision_data(
        {name: value[at] for name, value in worlds.covariates.items()},
        worlds.env.concept_names,
        worlds.advantages[at],
        worlds.blocked[at],
        worlds.reachable[at],
        np.zeros((on.sum(), worlds.blocked.shape[2])),
        at[0],
    )


def model_bits(model: Decided, lived: Lived, worlds: Worlds) -> np.ndarray:
    """Return float64[L]: bits of the choices under a model that sees the state alone."""
    data = decided(lived, worlds)
    taken = np.full(data.logits.shape, -50.0)
    taken[np.arange(len(taken)), lived.action[lived.deciding]] = 0.0
    return level_means(cross_entropy_bits(taken, model.predict(data)), data.level_index)
