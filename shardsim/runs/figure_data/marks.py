"""Events of a run's track that the main figure marks."""

from __future__ import annotations

import math

from shardsim.base.errors import UserError
from shardsim.base.scalars import Whole, whole
from shardsim.plot.shares import Mark
from shardsim.runs.run import Run
from shardsim.runs.store import Damaged
from shardsim.shards.tracking.events import (
    FIRST,
    MERGES,
    NULL,
    SPLITS,
    TAKES_OVER,
    Event,
    track_events,
)
from shardsim.shards.tracking.over_seeds import OverSeeds, over_seeds

WORDS = {
    FIRST: "first exceeds its null",
    TAKES_OVER: "takes the lead",
    SPLITS: "splits",
    MERGES: "merges into another",
}


def marks(run: Run, seed: Whole | None = None) -> list[Mark]:
    """What happened to each shard, at the first checkpoint after: of one seed, or the median's.

    A track of fewer than three checkpoints has no events.
    """
    try:
        found = [one for one in track_events(run.track, [NULL]) if one.kind in WORDS]
    except Damaged:
        raise
    except UserError:
        return []
    if seed is not None:
        number = run.seeds[whole("seed", seed, -len(run.seeds), len(run.seeds) - 1)]
        return [_mark(one, one.to_steps) for one in found if one.seen and one.seed == number]
    whole_run = over_seeds(found, run.seeds, float(run.track["steps"].values[-1]))
    return [_mark(one, one.median[1]) for one in whole_run if math.isfinite(sum(one.median))]


def _mark(event: Event | OverSeeds, steps: float) -> Mark:
    return Mark(event.shard, WORDS[event.kind], steps)
