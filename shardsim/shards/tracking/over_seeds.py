"""Events over the seeds of a run: in how many, when in the median seed, with an interval.

Axis letter: S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.statistics import median_rank
from shardsim.shards.tracking.events import Event


class OverSeeds(NamedTuple):
    """One kind of event over all seeds, by each seed's first.

    An event lies between two checkpoints, so the median and the ends of its interval do too: each
    pair holds the checkpoint before the earlier and the one after the later. Seeds without the
    event count as later than all others, so an end may be inf.
    """

    shard: int  # these five as in `Event`
    kind: str
    threshold: str
    level: float
    other: int
    times: Sequence[tuple[float, float]]  # S, env steps from and to, in the order of the seeds
    median: tuple[float, float]
    interval: tuple[float, float]
    coverage: float  # of the interval of the median; 0 for one seed, which has none

    @property
    def happened(self) -> int:
        """In how many seeds it was seen, or was so from the first checkpoint on."""
        return sum(end < np.inf for _, end in self.times)


def over_seeds(
    events: Sequence[Event], seeds: Sequence[int], last: float, confidence: float = 0.9
) -> list[OverSeeds]:
    """Put events together over seeds.

    Args:
      events: of `track_events`.
      seeds: all training seeds of the run, S.
      last: env steps of the last checkpoint.
      confidence: of the interval of the median, as far as so many seeds can give it.
    """
    groups: dict[tuple, dict[int, Event]] = {}
    for one in events:
        # Levels without a threshold are NaN, which equals nothing.
        key = one.shard, one.kind, one.threshold, one.other
        first = groups.setdefault(key, {}).setdefault(one.seed, one)
        if one.from_steps < first.from_steps:
            groups[key][one.seed] = one
    rank, coverage = median_rank(len(seeds), confidence)
    found = []
    for (shard, kind, threshold, other), by_seed in groups.items():
        level = next(iter(by_seed.values())).level
        never = last, np.inf
        never = last, np.inf
        times = [by_seed[seed][-2:] if seed in by_seed else never for seed in seeds]
        start, end = (sorted(ends) for ends in zip(*times, strict=True))
        median = start[(len(seeds) - 1) // 2], end[len(seeds) // 2]
        interval = start[rank], end[len(seeds) - 1 - rank]
        found.append(
            OverSeeds(shard, kind, threshold, level, other, times, median, interval, coverage)
        )
    return found
