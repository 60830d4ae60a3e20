"""what-built: what the updates of each kind of reinforcement do to each shard, beside chance."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.what_built import what_built
from shardsim.runs.figure_data import built
from shardsim.runs.report.built_text import built_by
from shardsim.runs.run import Run


def draw(run: Run, *, shard: str = "", confidence: float = 0.9) -> FigureBase:
    """Draw a panel a shard, or that of one by its number or name; print a sentence on each."""
    found = built.what_built(run, shard)
    sentences = built_by({"built": [row.as_data() for row in found.rows]})
    return what_built(found.panels, found.rows, sentences, found.note, confidence)
