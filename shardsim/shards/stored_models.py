"""Fitted shards of agents as arrays of their table, and back: so that none is fitted twice.

Axis letters: S agents (seeds) · J atoms · D conditions of an atom · K shards · A actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.atoms import Atom, Condition
from shardsim.shards.fit.data import decisions_on
from shardsim.shards.fit.mle import Fitted
from shardsim.shards.fit.shard_model import ShardModel, shard_model
from shardsim.shards.schema import by_seed

NONE = -1  # where an atom has no further condition, or no soft feature
ATOMS = ("atom_feature", "atom_threshold", "atom_above", "atom_soft", "atom_scale")
COEFFICIENTS = ("gate_coefficient", "affordance_coefficient", "habit")


def write(models: Sequence[ShardModel]) -> dict[str, Any]:
    """Return the models [S] as arrays; agents with fewer atoms have some of coefficient 0."""
    count = max(len(model.atoms) for model in models)
    most = max([1, *(len(atom.conditions) for model in models for atom in model.atoms)])
    size = (len(models), count)
    found: dict[str, Any] = {
        "atom_feature": np.full((*size, most), NONE),
        "atom_threshold": np.zeros((*size, most)),
        "atom_above": np.zeros((*size, most), bool),
        "atom_soft": np.full(size, NONE),
        "atom_scale": np.ones(size),
        "gate_coefficient": np.zeros((*size, models[0].num_shards)),
        "affordance_coefficient": np.zeros(size),
        "habit": np.stack([model.habit for model in models]),
    }
    for s, model in enumerate(models):
        found["gate_coefficient"][s, : len(model.atoms)] = model.coefficients
        found["affordance_coefficient"][s, : len(model.atoms)] = model.affordance_coefficients
        for j, atom in enumerate(model.atoms):
            found["atom_soft"][s, j], found["atom_scale"][s, j] = atom.soft, atom.scale
            for d, condition in enumerate(atom.conditions):
                for name, value in zip(ATOMS[:3], condition, strict=True):
                    found[name][s, j, d] = value
    return found


def read(data: xr.Dataset, battery: Battery) -> tuple[ShardModel, ...]:
    """Return the models of a table [S], with their gates over the battery."""
    preferences = data["preferences"].transpose("shard", "concept").values
    atoms = [by_seed(data, name) for name in ATOMS]
    fitted = [by_seed(data, name) for name in COEFFICIENTS]
    decisions = decisions_on(battery, np.zeros(battery.blocked.shape))
    return tuple(
        shard_model(
            _atoms(*(table[s] for table in atoms)),
            Fitted(*(table[s] for table in fitted)),
            preferences,
            decisions,
        )
        for s in range(len(fitted[0]))
    )


def _atoms(feature, threshold, above, soft, scale) -> tuple[Atom, ...]:
    return tuple(
        Atom(
            tuple(
                Condition(int(feature[j, d]), float(threshold[j, d]), bool(above[j, d]))
                for d in np.flatnonzero(feature[j] != NONE)
            ),
            int(soft[j]),
            float(scale[j]),
        )
        for j in range(len(soft))
    )
