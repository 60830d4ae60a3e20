"""constancy: change of every shard's value by reflection, with the tolerance."""

from __future__ import annotations

from matplotlib.figure import Figure

from shardsim.plot.reflection import value_changes
from shardsim.runs.figure_data import outcomes
from shardsim.runs.run import Run


def draw(run: Run, *, place: str = "target") -> Figure:
    """Draw the change over the achievable range by onset and model, with intervals over seeds.

    `place` says where the value is measured: on "target" levels, or at the "onset" itself.
    """
    return value_changes(*outcomes.changes(run, place))
