"""reflection-outcomes: what is reached first over reflection steps, by onset and model."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.outcomes import reflection_outcomes
from shardsim.runs.figure_data import outcomes
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run,
    *,
    onset: str = "",
    battery: str = "onset",
    seed: int | None = None,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw exact probabilities where something moves; what is constant is a sentence.

    They are measured from the onset, or with battery=target from the starts of target levels.
    """
    single = outcomes.hits_by_onset(run, onset, seed, battery)
    return reflection_outcomes(
        *outcomes.hits(run, onset, seed, battery), confidence, by_onset=single
    )
