"""cheese-vector: an object's activation vector subtracted and added (Turner et al. 2023)."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot import object_vectors
from shardsim.runs.run import Run
from shardsim.studies import cheese_vector as finding
from shardsim.studies.object_vectors import VECTORS


def draw(
    run: Run,
    *,
    concept: str = "",
    rival: str = "",
    levels: int = 64,
    split: str = "target",
    confidence: float = 0.9,
) -> FigureBase:
    """Draw all seeds' last checkpoint; the first object against the last concept by default."""
    found = finding.cheese_vector(run, levels, split, concept, rival)
    return object_vectors.cheese_vector(
        found.rows,
        found.coefficient,
        found.chance,
        found.removed,
        VECTORS,
        found.name,
        confidence,
    )
