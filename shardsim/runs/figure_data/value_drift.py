"""Values of the old shards on the way through reflection, as `plot.drift` takes them.

Axes: K seeds, T steps.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base.scalars import Whole
from shardsim.plot.drift import Drift
from shardsim.reflection.constancy import FLAT
from shardsim.runs.figure_data import outcomes, results
from shardsim.runs.run import Run


def drifts(
    run: Run, onset: str = "", place: str = "onset", seed: Whole | None = None
) -> dict[str, list[Drift]]:
    """Return for each class of onsets how far every shard's value has moved, by step.

    Args:
        run: a run that has reflected.
        onset: only this class; all if empty.
        place: "onset", or "target" levels.
        seed: only the seed at this position.

    Raises:
        UserError: no such class, place or seed, or nobody reflected.
    """
    data = results.choose(outcomes.reflected(run), "place", place)
    span = data["value_high"] - data["value_low"]
    moved = (data["value_path"] - data["value_before"]) / span.where(span > FLAT)
    data = outcomes.by_class(data.assign(moved=moved), onset, seed)
    moved = data["moved"].dropna("model", how="all")
    names = results.labels(run.shards.dataset)
    return {
        str(name): [
            _drift(label, moved.sel(onset=name, shard=shard))
            for label, shard in zip(names, data["shard"].values, strict=True)
        ]
        for name in data["onset"].values
    }


def _drift(label: str, moved: xr.DataArray) -> Drift:
    known = moved.transpose("model", "seed", "step").dropna("step", how="all")
    models = {str(name): known.sel(model=name).values for name in known["model"].values}
    return Drift(label, np.asarray(known["step"], np.float64), models)
