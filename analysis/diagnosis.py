"""diagnosis: the evidence of the diagnosis: measured and exact values."""

from __future__ import annotations

from matplotlib.figure import Figure

from shardsim.diagnosis.evidence import label_in
from shardsim.plot.evidence import evidence_table
from shardsim.runs.run import Run


def draw(run: Run) -> Figure:
    """Draw the table of measurements in the order of the data flow, under the verdict."""
    found = run.diagnosis
    return evidence_table(f"Diagnosis: {label_in(found)}", found["evidence"])
