"""stability: what reflection changes when it starts earlier in training, and where it leads."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.stability import stability_over_training
from shardsim.runs.figure_data import stability
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
    """Draw a row a class of onsets; first do: shardsim reflect RUN --checkpoints 8."""
    found = stability.courses(run, onset, place, seed)
    where = "at the onset" if place == "onset" else "on target levels"
    return stability_over_training(
        found.steps, found.classes, found.said, found.margin, found.model, confidence, where
    )
