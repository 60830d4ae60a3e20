"""simplex-path: the shard distribution's path over training through a triangle of three parts."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError
from shardsim.plot.paths import simplex_path
from shardsim.plot.style import BLUE
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int | None = None, first: int = 0, second: int = 0) -> FigureBase:
    """Draw all shards together, habit with affordance, and the residual.

    With first=1 second=2 (numbers of shards) the corners are these two shards and all else.
    """
    found = results.distribution(run, seed)
    shards = len(found.names) - found.rest
    if not first and not second:
        habit, affordance, residual = np.moveaxis(found.share[..., shards:], -1, 0)
        every = found.share[..., :shards].sum(-1)
        parts = [every, habit + affordance, residual]
        names = ["all shards", "habit and affordance", "residual"]
    else:
        if not (1 <= first <= shards and 1 <= second <= shards) or first == second:
            raise UserError(f"first and second are numbers of two shards, from 1 to {shards}")
        chosen = [found.share[..., number - 1] for number in (first, second)]
        parts = [*chosen, 1.0 - chosen[0] - chosen[1]]
        names = [found.names[first - 1], found.names[second - 1], "all else"]
    return simplex_path(found.steps, np.stack(parts, -1), names, BLUE, found.about)
