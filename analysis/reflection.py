"""reflection: what is reached first after reflection, by onset, step and model."""

from __future__ import annotations

from matplotlib.figure import Figure

from shardsim.plot.reflection import reflection_trajectories
from shardsim.runs.figure_data import outcomes
from shardsim.runs.run import Run


def draw(run: Run, *, confidence: float = 0.9) -> Figure:
    """Draw exact hitting probabilities over reflection steps, with bands over seeds."""
    return reflection_trajectories(*outcomes.hits(run), confidence)
