"""diagnosis: how far each measurement is from its exact value, by section."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError
from shardsim.diagnosis.evidence import label_in
from shardsim.plot.evidence import evidence_gaps
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run) -> FigureBase:
    """Draw the measurements in the order of the data flow, under the verdict."""
    found = run.diagnosis
    if not found["evidence"]:
        raise UserError(f"{run.path} has no evidence to draw: {'; '.join(found['notes'])}")
    return evidence_gaps(f"Diagnosis: {label_in(found)}", found["evidence"])
