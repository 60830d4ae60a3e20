"""What activations and doses say of a run's shards, as variables and plain figures.

Axis letters: S agents (seeds) · K shards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shardsim.base.statistics import t_interval
from shardsim.shards.evidence.activations import BETTER
from shardsim.shards.evidence.components import (
    Variables,
    direction_coordinates,
    direction_variables,
)
from shardsim.shards.evidence.dose_response import (
    dose_coordinates,
    dose_summaries,
    dose_variables,
)
from shardsim.shards.population import Population


def readable_gates(found: Population) -> np.ndarray:
    """Return bool[S, K]: some layer reads the gate better than shuffled labels, or it is constant.

    There must be views.
    """
    assert found.views is not None
    scores = found.views.readout
    layers = found.views.causal[0].layers
    chance = np.maximum(scores["shuffled labels"], 0.0) + BETTER
    seen = np.any([scores[layer] > chance for layer in layers], 0)
    seen |= np.stack([model.gates.std(0) < 1e-6 for model in found.batteries["target"].models])
    return seen


def view_variables(found: Population) -> Variables:
    """Return what the views say of every seed, in dims of the run's Dataset."""
    if found.views is None:
        return {}
    causal = found.views.causal
    layers = list(causal[0].layers)
    controls = [name for name in found.views.readout if name not in layers]
    variables: Variables = _activation_gates(found)
    if found.views.doses is not None:
        variables |= dose_variables(found.views.doses)
    variables |= direction_variables(found.views.directions)
    for dim, names in (("layer", layers), ("control", controls)):
        end = "" if dim == "layer" else "_control"
        same = [[one[name] for one in found.views.agreement] for name in names]
        variables[f"agreement{end}"] = ((dim, "seed"), np.array(same))
        read = np.stack([found.views.readout[name] for name in names])
        variables[f"readout{end}"] = ((dim, "seed", "shard"), read)
    return {
        **variables,
        "causal_effect": (
            ("seed", "layer", "ablated", "shard"),
            np.stack([check.effect for check in causal]),
        ),
        "causal_random": (
            ("seed", "layer", "ablated", "draw"),
            np.stack([check.random for check in causal]),
        ),
        "causal_steer": (("seed", "layer", "ablated"), np.stack([c.steer for c in causal])),
        "causal_specific": (("seed", "layer", "ablated"), np.stack([c.specific for c in causal])),
    }


def view_coordinates(found: Population) -> dict[str, Any]:
    """Return the coordinates of what `view_variables` gives."""
    if found.views is None:
        return {}
    layers = list(found.views.causal[0].layers)
    coords: dict[str, Any] = {
        "layer": layers,
        "control": [name for name in found.views.readout if name not in layers],
        "ablated": list(range(len(found.preferences))),
    }
    if found.views.gates is not None:
        coords["view"] = list(found.views.gates.views)
    if found.views.doses is not None:
        coords |= dose_coordinates(found.views.doses)
    return coords | direction_coordinates(found.views.directions)


def _activation_gates(found: Population) -> Variables:
    """Explained, bits and likeness to the covariate gates of every view."""
    gates = None if found.views is None else found.views.gates
    if gates is None:
        return {}
    return {
        "explained_by_view": (("seed", "view"), gates.explained),
        "bits_by_view": (("seed", "view"), gates.bits),
        "gate_likeness": (("seed", "view", "shard"), gates.likeness),
    }


def by_activations(found: Population) -> dict[str, Any]:
    """What gates read from the best layer explain, beside every other view; nothing without."""
    gates = None if found.views is None else found.views.gates
    if gates is None:
        return {}
    by_seed = gates.of(gates.best)
    mean = float(by_seed.mean())
    low, high = mean, mean
    if len(by_seed) > 1:
        interval = t_interval(by_seed)
        low, high = float(interval.low), float(interval.high)
    views = dict(zip(gates.views, map(float, gates.explained.mean(0)), strict=True))
    best = {"layer": gates.best, "mean": mean, "low": low, "high": high, "views": views}
    return {"explained_by_activations": best}


def intervened(found: Population) -> list[dict[str, Any]]:
    """What dosing each shard did, an entry a shard; empty ones without views."""
    if found.views is None or found.views.doses is None:
        return [{} for _ in found.preferences]
    return dose_summaries(found.views.doses)


def cluster_agreement(found: Population) -> dict[str, float]:
    """Mean over seeds of the adjusted mutual information of every layer and control."""
    if found.views is None:
        return {}
    tables = found.views.agreement
    return {name: float(np.mean([table[name] for table in tables])) for name in tables[0]}
