"""identities: shares as streams between checkpoints, and whether separate fits find the shards."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError
from shardsim.plot.paths import Checks, identities
from shardsim.runs.figure_data import over_time, results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int | None = None) -> FigureBase:
    """Draw the checkpoints that were also fitted alone; pale is what was not found there."""
    found = results.distribution(run, seed)
    track = results.of_seed(run.track, seed)
    alone = track["separate_shards"].transpose("checkpoint", "seed").values
    places = np.flatnonzero(np.isfinite(alone).all(axis=1)).tolist()
    if len(places) < 2:
        raise UserError(
            f"{len(places)} checkpoints of this run were fitted alone, and two are needed; "
            "track again with a larger identify.track_checks"
        )
    cosine = track["match_cosine"].transpose("checkpoint", "seed", "shard").values[places]
    checks = Checks(places, alone[places], cosine, float(track.attrs["threshold"]))
    times = [over_time.steps_in_words(steps) for steps in found.steps[places]]
    return identities(found, checks, times)
