"""drift: change of every shard's value against reflection steps, beside nulls and margin."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.drift import drift_over_steps
from shardsim.runs.figure_data import value_drift
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run,
    *,
    onset: str = "",
    place: str = "onset",
    seed: int | None = None,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw a row a class of onsets and a column a shard; every step with reflect.follow_values."""
    found = value_drift.drifts(run, onset, place, seed)
    margin = float(run.reflection.attrs["epsilon"])
    where = "at the onset" if place == "onset" else "on target levels"
    return drift_over_steps(found, margin, confidence, where)
