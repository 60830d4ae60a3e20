"""animation: the policy over one level and the shares, over training, as a GIF or MP4."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.levels import flow
from shardsim.plot.moving import moving_policy
from shardsim.runs.figure_data import over_time, results
from shardsim.runs.figure_data.level import level_view
from shardsim.runs.run import Run


def draw(
    run: Run,
    *,
    seed: int = 0,
    checkpoints: int = 16,
    level: int | None = None,
    split: str = "target",
) -> FigureBase:
    """Draw a frame a checkpoint; saved as .png, .svg or .pdf it is the last frame."""
    places = over_time.checkpoints(run, checkpoints)
    views = [level_view(run, seed, place, level, split) for place in places]
    found = results.distribution(run)
    arrows = [flow(view.policy, run.env.action_names) for view in views]
    titles = [
        f"seed {run.seeds[seed]}, {over_time.steps_in_words(found.steps[place])} env steps"
        for place in places
    ]
    return moving_policy(views[0].board, arrows, found, places, titles)
