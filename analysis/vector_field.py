"""vector-field: an agent's policy over one level, and what each concept does to it."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.levels import Field, flow, vector_field
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
    """Draw mean moves as arrows; influence by removal, and by the mirror test for places.

    The level is one of those that the run's agents are evaluated on; by default the one with
    most decisions in which concepts conflict.
    """
    view = level_view(run, seed, checkpoint, level, split)
    names = run.env.action_names
    fields = [
        Field(
            f"effect of {name}{' (mirror)' if name in view.mirrored else ''}",
            flow(view.change[name], names),
            signed,
        )
        for name, signed in view.signed.items()
    ]
    policy = Field(
        f"policy, seed {run.seeds[seed]}, level {view.number}", flow(view.policy, names), None
    )
    return vector_field(view.board, policy, fields, "signed influence S\n(moves per decision)")
