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
from shardsim.shards.evidence.updates import SCORES, VIEWS, ParameterView
from shardsim.shards.identify import NAMES
from shardsim.shards.population import Population, match
from shardsim.shards.tables import verdict
from shardsim.shards.view_tables import readable_gates

CEILINGS = ("habits+affordance", "shards", "ceiling", "ceiling permuted")


def agreed_summary(found: Population, parameters: ParameterView | None) -> dict[str, Any]:
    """Return plain values: `views` of each shard, the test of shardness, the ceiling, updates."""
    views = reports(found, parameters)
    summary: dict[str, Any] = {
        "views": views,
        "statuses": counted(views),
        "shardness_test": shardness_test(found),
        "ceiling": ceiling(found),
    }
    if parameters is not None:
        summary["updates"] = {
            score: {view: mean_of(parameters.agreement[n, m]) for m, view in enumerate(VIEWS)}
            for n, score in enumerate(SCORES)
        }
    return summary


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

    Dims update_checkpoint, seed, event_kind, update_column, shard, update_score, update_view.
    """
    if parameters is None:
        return data
    at = ("update_checkpoint", "seed")
    variables = {
        "update_agreement": (("update_score", "update_view", *at), parameters.agreement),
        "update_counts": ((*at, "event_kind"), parameters.counts),
        "update_response": ((*at, "update_column", "shard"), parameters.response),
        "update_provenance": ((*at, "event_kind", "shard"), parameters.provenance),
        "update_beyond_random": ((*at, "shard"), parameters.beyond_random),
        "update_p_value": (("shard",), parameters.p_value),
        "update_p_event": (("shard",), parameters.p_event),
        "update_p_by_seed": (("seed", "shard"), parameters.p_by_seed),
    }
    coords = {
        "update_checkpoint": list(parameters.checkpoints),
        "event_kind": list(parameters.kinds),
        "update_score": list(SCORES),
        "update_view": list(VIEWS),
    }
    return data.assign_coords(coords).assign(variables)
