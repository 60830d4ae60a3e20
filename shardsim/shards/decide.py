"""What is decided about the shards of agents, from the evidence in their table: in one place.

The same rules serve one agent and several; what an interval is over changes: the seeds, or the
levels where there is one agent.

Axis letters: S agents (seeds) · L levels · K shards.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base.statistics import Interval, t_interval
from shardsim.shards.evidence import report
from shardsim.shards.evidence.report import Report
from shardsim.shards.fit.verdict import verdict_of
from shardsim.shards.history.memory import judged
from shardsim.shards.schema import by_seed


def shardness_by_seed(data: xr.Dataset) -> np.ndarray:
    """Return float64[S]: best rival minus shards, bits per decision, mean over levels."""
    return by_seed(data, "shardness_by_level").mean(1)


def shardness(data: xr.Dataset) -> Interval:
    """Return the shardness with Student's interval over seeds, or over levels of one agent."""
    return shardness_of(by_seed(data, "shardness_by_level"))


def shardness_of(by_level: np.ndarray) -> Interval:
    """Return Student's interval of float64[S, L] over agents, or over levels of one agent."""
    return t_interval(by_level.mean(1) if len(by_level) > 1 else by_level[0])


def null_threshold(data: xr.Dataset) -> float:
    """Return the largest mean shardness of a null; minus infinity without nulls."""
    if "null_shardness" not in data:
        return -np.inf
    return float(by_seed(data, "null_shardness").mean(0).max())


def verdict(data: xr.Dataset) -> str:
    """Return the verdict on the agents of a table.

    Of agents most of which remember, what they do with an empty memory tells it no more.
    """
    found = verdict_of(
        [str(one) for one in by_seed(data, "own_verdict")],
        shardness(data),
        float(by_seed(data, "explained").mean()),
        null_threshold(data),
        data.sizes["shard"],
    )
    remember = "remembers" in data and bool(2 * by_seed(data, "remembers").mean() > 1)
    return judged(found, remember)


def reports(data: xr.Dataset) -> list[Report]:
    """Return what each view says of each shard, and the status that follows."""
    said = verdict(data)
    held, margin = by_seed(data, "held"), by_seed(data, "margin").mean(0)
    return [
        report.report(
            report.behaviour_view(said, held[:, k], float(margin[k])),
            _activations(data, k),
            report.updates_view(data, k),
        )
        for k in range(data.sizes["shard"])
    ]


def _activations(data: xr.Dataset, shard: int) -> report.Opinion:
    if "specific" not in data:
        return report.NOT_PATCHED
    names = ("readable", "specific", "erases_another")
    return report.activation_view(*(by_seed(data, name)[:, shard].astype(bool) for name in names))


def decided(data: xr.Dataset) -> xr.Dataset:
    """Return the table with the verdict and shardness as attributes, and each shard's status."""
    interval = shardness(data)
    status = np.array([one.status for one in reports(data)], dtype=str)
    ends = {f"shardness_{end}": float(getattr(interval, end)) for end in ("mean", "low", "high")}
    variable = data["status"].copy(data=status) if "status" in data else ("shard", status)
    return data.assign(status=variable).assign_attrs(verdict=verdict(data), **ends)
