"""gates-over-time: where over one level each shard is active, checkpoint by checkpoint."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.levels import gates_over_time
from shardsim.runs.figure_data import gate_maps, over_time
from shardsim.runs.figure_data.level import level_view
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run,
    *,
    seed: int = 0,
    checkpoints: int = 5,
    level: int | None = None,
    split: str = "target",
) -> FigureBase:
    """Draw a row a shard, for one agent; gates before the last checkpoint are fitted now."""
    view = level_view(run, seed, -1, level, split)
    places = over_time.checkpoints(run, checkpoints)
    gates = [gate_maps.gates_at(run, seed, view.covariates, place) for place in places]
    steps = run.training["steps"].values[places]
    times = [f"{over_time.steps_in_words(float(one))} steps" for one in steps]
    by_shard = {name: [at[name] for at in gates] for name in gates[0]}
    return gates_over_time(view.board, by_shard, times, "gate (logits per move)")
