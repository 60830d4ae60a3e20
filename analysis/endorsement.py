"""endorsement: what each shard gains as each grows, at every onset, beside who judges there."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.endorsement import endorsement_matrices
from shardsim.runs.figure_data import endorsement, results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run, *, onset: str = "", seed: int | None = None, confidence: float = 0.9
) -> FigureBase:
    """Draw a row an onset: the judges' shares, and the matrix dJ_j / d log w_k."""
    onsets = endorsement.endorsed(run, onset, seed)
    data = run.shards.dataset
    about = results.seeds_in_words(run, seed)
    names, colours = results.labels(data), results.colours(data)
    return endorsement_matrices(onsets, names, colours, confidence, about)
