"""What the views of a run's shards agree on, the test of shardness over seeds, and the ceiling.

Axis letters: S agents (seeds) · C contexts · K shards · N nulls · T checkpoints.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.statistics import sign_flip_p
from shardsim.shards.contexts.sampling import DISTANCE_BINS, distance_bin
from shardsim.shards.evidence.report import (
    activation_view,
    behaviour_view,
    counted,
    parameter_opinion,
    report,
)
from shardsim.shards.evidence.updates import ParameterView
from shardsim.shards.identify import NAMES
from shardsim.shards.population import Population, match
from shardsim.shards.tables import verdict
from shardsim.shards.view_tables import readable_gates

CEILINGS = ("habits+affordance", "shards", "ceiling", "ceiling permuted")


def agreed_summary(found: Population, parameters: ParameterView | None) -> dict[str, Any]:
    """Return plain values: `views` of each shard, the test of shardness, the ceiling."""
    views = reports(found, parameters)
    return {
        "views": views,
        "statuses": counted(views),
        "shardness_test": shardness_test(found),
        "ceiling": ceiling(found),
    }


def reports(found: Population, parameters: ParameterView | None) -> list[dict[str, Any]]:
    """Return the report of each shard across the three views."""
    checks = None if found.views is None else found.views.causal
    read = None if found.views is None else readable_gates(found)
    held = np.stack([match(found.preferences, one.preferences) >= 0 for one in found.own])
    return [
        report(
            behaviour_view(verdict(found), held[:, k], float(found.margin[k])),
            activation_view(k, checks, read),
            parameter_opinion(k, found.preferences, parameters),
        ).plain()
        for k in range(len(found.preferences))
    ]


def shardness_test(found: Population) -> dict[str, float]:
    """Return exact one-sided p-values over seeds, and what they are judged against.

    `p_value`: that shards save no bits against the best rival; `p_value_above_nulls`: that they
    save no more than in the null of the same seed that saves most; `threshold`: the largest mean
    of a null, in bits a decision; `smallest_p`: what this number of seeds can reach at all.
    """
    own = np.array([one.shardness for one in found.own])
    nulls = np.array([[one.shardness for one in fits] for fits in found.nulls.fits.values()])
    return {
        "p_value": sign_flip_p(own),
        "p_value_above_nulls": sign_flip_p(own - nulls.max(0)),
        "threshold": float(nulls.mean(1).max()),
        "smallest_p": float(0.5 ** len(own)),
    }


def ceiling(found: Population) -> dict[str, Any]:
    """Return bits a decision of the shards and of the ceilings, in all and by distance.

    The distance is that to the nearest concept; mean over seeds, None where no context is so far.
    """
    data = found.batteries["target"].data[0]
    nearest = np.min(np.where(data.reachable, data.distance, np.inf), axis=1)
    bins = np.where(np.isfinite(nearest), distance_bin(nearest), -1)
    every = {name: np.mean([one.bits[name] for one in found.own], 0) for name in CEILINGS}
    return {
        NAMES[name]: {
            "mean": float(values.mean()),
            "by_distance": {
                label: mean_of(values[bins == n]) for n, label in enumerate(DISTANCE_BINS)
            },
        }
        for name, values in every.items()
    }


def mean_of(values: np.ndarray) -> float | None:
    """Return the mean of what is known, or None."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def agreed_dataset(data: xr.Dataset, parameters: ParameterView | None) -> xr.Dataset:
    """Add the parameter view to a run's Dataset.

    Dims update_checkpoint, seed, event_kind, shard.
    """
    if parameters is None:
        return data
    at = ("update_checkpoint", "seed")
    variables = {
        "update_counts": ((*at, "event_kind"), parameters.counts),
        "update_provenance": ((*at, "event_kind", "shard"), parameters.provenance),
        "update_p_value": (("event_kind", "shard"), parameters.p_value),
    }
    coords = {
        "update_checkpoint": list(parameters.checkpoints),
        "event_kind": list(parameters.kinds),
    }
    return data.assign_coords(coords).assign(variables)
