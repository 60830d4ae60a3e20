"""Shards planted without any fit: gates that are 1 everywhere, over given preferences."""

from __future__ import annotations

import numpy as np

from shardsim.base.schema import labelled
from shardsim.shards import stored_models
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.atoms import Atom
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.schema import SHARDS
from shardsim.shards.shardset import ShardSet


def planted(preferences: np.ndarray, on: Battery, agents: int) -> ShardSet:
    """The shards of `agents` agents alike, with preferences [K, O]; their habits are none."""
    count, actions = len(preferences), on.blocked.shape[1]
    one = ShardModel(
        atoms=(Atom(),),
        coefficients=np.ones((1, count)),
        preferences=preferences,
        gates=np.ones((on.size, count)),
        habit=np.zeros(actions),
        affordance_coefficients=np.zeros(1),
        affordance=np.zeros(on.size),
        predicted=np.zeros((on.size, actions)),
    )
    coordinates = {
        "seed": np.arange(agents),
        "shard": np.arange(1, count + 1),
        "shard_name": np.array([on.concepts[row.argmax()] for row in preferences], dtype=str),
        "concept": list(on.concepts),
    }
    values = {"preferences": preferences, **stored_models.write([one] * agents)}
    return ShardSet(labelled(SHARDS, values, coordinates), on)
