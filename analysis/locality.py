"""locality: how far the influence of objects reaches, by steps and in a straight line."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.locality import locality_figure
from shardsim.plot.style import concept_colours
from shardsim.runs.run import Run
from shardsim.studies import locality as finding

LABELS = {"steps": "steps to the object (moves)", "straight": "straight distance (cells)"}


def draw(
    run: Run, *, levels: int = 400, split: str = "target", toward: str = "", against: str = ""
) -> FigureBase:
    """Draw mean influence by distance over all seeds, beside Aristizabal's (2024) finding."""
    found = finding.locality(run, levels, split, toward, against)
    panels = {}
    for by, label in LABELS.items():
        first = {found.name: found.kernels[by][found.name]}
        ordered = first | found.kernels[by]
        panels[label] = {name: (one.distance, one.mean) for name, one in ordered.items()}
    return locality_figure(
        found.rows,
        panels,
        concept_colours(run.env.concept_names),
        {label: (found.nulls[by].distance, found.nulls[by].mean) for by, label in LABELS.items()},
        {label: found.half[by] for by, label in LABELS.items()},
    )
