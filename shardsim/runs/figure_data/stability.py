"""Reflection from checkpoints of training, as `plot.stability` takes it.

Axes: C checkpoints, K seeds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.scalars import Whole
from shardsim.plot.stability import Course
from shardsim.reflection.config import CONTROLS
from shardsim.reflection.constancy import FLAT
from shardsim.reflection.stability_tables import DRIFT, NONE, OUTCOME
from shardsim.runs.figure_data import outcomes, results
from shardsim.runs.figure_data.over_time import steps_in_words
from shardsim.runs.run import Run


class Courses(NamedTuple):
    """All that the figure shows; what is said is of both places, whichever is drawn."""

    steps: np.ndarray  # f[C]
    classes: dict[str, list[Course]]
    said: dict[str, tuple[str, str]]  # class -> from when drift, and outcome, stay small
    margin: float
    model: str


def courses(run: Run, onset: str = "", place: str = "onset", seed: Whole | None = None) -> Courses:
    """Return the values of every shard over the checkpoints, by class of onsets.

    Args:
        run: a run to which `shardsim reflect RUN --checkpoints N` has added its table.
        onset: only this class; all if empty.
        place: "onset", or "target" levels.
        seed: only the seed at this position.

    Raises:
        UserError: no such class, place or seed, or the table is not there.
    """
    table = results.choose(run.stability, "place", place)
    model, sham = models_of(table)
    data = outcomes.by_class(table, onset, seed)
    span = data["value_high"] - data["value_low"]
    part = (data["value"] - data["value_low"]) / span.where(span > FLAT)
    drift = data["change"].sel(question=DRIFT)
    classes = {
        str(name): [
            Course(
                label,
                colour,
                _of(drift.sel(at | {"model": model})),
                _of(drift.sel(at | {"model": sham})) if sham else np.full((1, 1), np.nan),
                _of(part.sel(at | {"model": NONE})),
                _of(part.sel(at | {"model": model})),
            )
            for label, colour, shard in zip(
                results.labels(table),
                results.colours(run.shards.dataset),
                data["shard"].values,
                strict=True,
            )
            for at in [{"onset": name, "shard": shard}]
        ]
        for name in data["onset"].values
    }
    said = {
        name: (
            f"{name} \N{EN DASH} stable: {_from(table, DRIFT, name, model)}",
            f"ends as from the last: {_from(table, OUTCOME, name, model)}",
        )
        for name in classes
    }
    steps = np.asarray(table["steps"], np.float64)
    return Courses(steps, classes, said, float(table.attrs["epsilon"]), model)


def models_of(table: xr.Dataset) -> tuple[str, str]:
    """Return the model that reflects, and its sham; empty where there is none."""
    rules = [str(name) for name in table["model"].values if name != NONE]
    real = [name for name in rules if name not in CONTROLS]
    model = (real or rules)[0]
    return model, next((name for name in rules if name != model), "")


def _from(table: xr.Dataset, question: str, kind: str, model: str) -> str:
    at = {"question": question, "kind": kind, "model": model}
    return when(float(table["stable_together"].sel(at)))


def when(steps: float) -> str:
    """From when something is so, in words."""
    return f"from {steps_in_words(steps)} on" if np.isfinite(steps) else "at no point"


def _of(values: xr.DataArray) -> np.ndarray:
    """Return f[K, C]."""
    return values.transpose("seed", "checkpoint").values
