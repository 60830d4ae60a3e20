"""gates-on-level: where over one level each shard of an agent is active."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.levels import gates_on_level
from shardsim.runs.figure_data import gate_maps
from shardsim.runs.figure_data.level import level_view
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run,
    *,
    seed: int = 0,
    checkpoint: int = -1,
    level: int | None = None,
    split: str = "target",
) -> FigureBase:
    """Draw a panel a shard: its gate in every cell, for the agent of one seed and checkpoint."""
    view = level_view(run, seed, checkpoint, level, split)
    gates = gate_maps.gates_at(run, seed, view.covariates, checkpoint)
    return gates_on_level(view.board, gates, "gate (logits per move)")
