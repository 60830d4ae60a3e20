"""What objects do inside a run's networks, as the rows of a figure and of tables.

Axes: K seeds, L layers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.base.scalars import Whole
from shardsim.base.statistics import SHARE, Bounds
from shardsim.runs.figure_data.results import of_seed, shards
from shardsim.runs.run import Run
from shardsim.shards.evidence.agreement import ACTION, STRONGEST
from shardsim.shards.schema import by_seed

AMI = "adjusted mutual information\nwith the"
AUC, LOST = "AUC of activity (effect size)", "part of the strength lost\nwhen units are ablated"


class Inside(NamedTuple):
    """Measures, each with its rows."""

    layers: list[str]  # L
    panels: dict[str, dict[str, np.ndarray]]  # measure -> row -> f[K, L]
    chance: dict[str, float]  # measure -> what chance gives, where that is not 0
    within: dict[str, Bounds]  # measure -> what a mean cannot leave, where there is such a thing


def inside(run: Run, seed: Whole | None = None) -> Inside:
    """Agreement of clusters, activity and groups of units, by layer; raises as `table` does."""
    data = of_seed(table(run), seed)
    panels = {f"{AMI} {label}": agreement(data, label) for label in (STRONGEST, ACTION)}
    more = {AUC: activity(data), LOST: unit_groups(data)}
    panels |= {name: rows for name, rows in more.items() if rows}
    return Inside([str(name) for name in data["layer"].values], panels, {AUC: 0.5}, {AUC: SHARE})


def table(run: Run) -> xr.Dataset:
    """The table of a run's shards with what objects do to layers.

    Raises UserError where no shard was found, since nothing was compared then, and where they are
    from a time when effects were not measured.
    """
    data = shards(run, "no layer was compared with them")
    if "label" not in data.dims:
        raise UserError(
            f"the shards of {run.path} were identified by an older shardsim, which measured no "
            "effects on layers; identify them again"
        )
    return data


def agreement(data: xr.Dataset, label: str) -> dict[str, np.ndarray]:
    """View -> f[K, L]: how far its clusters agree with a label; none that could not be had."""
    values = by_seed(data.sel(label=label), "agreement")
    views = [str(view) for view in data["view"].values]
    found = {view: values[:, number] for number, view in enumerate(views)}
    return {view: one for view, one in found.items() if np.isfinite(one).all()}


def activity(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Each object's shard and its controls -> f[K, L], area under the ROC curve."""
    sources = {"": "", "_untrained": ", untrained", "_shuffled": ", shuffled"}
    return _by_shard(data, {f"activity_auc{name}": said for name, said in sources.items()})


def unit_groups(data: xr.Dataset) -> dict[str, np.ndarray]:
    """What ablating the units of each shard's object costs it and others, and random units."""
    return _by_shard(
        data,
        {
            "group_lost": ": its units",
            "group_lost_other": ": its units, others",
            "group_lost_random": ": random units",
            "group_lost_other_random": ": random, others",
        },
    )


def _by_shard(data: xr.Dataset, names: dict[str, str]) -> dict[str, np.ndarray]:
    """Rows f[K, L] of every shard that has any, mean over random groups."""
    found = {}
    for place, shard in enumerate(map(str, data["shard_name"].values)):
        for name, said in names.items():
            if name not in data:
                continue
            values = by_seed(data, name)[:, :, place]
            values = values if values.ndim == 2 else values.mean(-1)
            if np.isfinite(values).any():
                found[f"{shard}{said}"] = values
    return found
