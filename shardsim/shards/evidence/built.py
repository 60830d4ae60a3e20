"""What built each shard: the kinds of reinforcement event whose updates strengthen it.

Axis letters: S agents (seeds) · K shards · Q kinds of event.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.statistics import plain_interval
from shardsim.shards.evidence.report import LEVEL, RARE, pushes
from shardsim.shards.evidence.updates import NONE
from shardsim.shards.schema import by_seed


class Push(NamedTuple):
    """What the mean update of one kind of event does to one shard."""

    shard: int  # its number, from 1
    name: str  # of the shard
    event: str  # the reward component that paid, or `NONE`
    part: float  # of all episodes
    seeds: np.ndarray  # float64[S], see `updates.pushes_of` for the unit
    chance: tuple[float, float] | None  # 90 % of such means by chance; unknown in older tables
    p_value: float  # that it strengthens this shard so much more than any other by chance
    selective: bool  # whether it does, with the tests of all shards and kinds in mind

    @property
    def frequent(self) -> bool:
        """Whether so many episodes were of the kind that it may have built a shard."""
        return self.event != NONE and self.part >= RARE

    def as_data(self) -> dict[str, Any]:
        """Return it as plain values, the push as its mean and interval over seeds."""
        ends = {"low": None, "high": None} if len(self.seeds) == 1 else {}
        chance = (
            None if self.chance is None else dict(zip(("low", "high"), self.chance, strict=True))
        )
        return {
            **{key: getattr(self, key) for key in ("shard", "name", "event", "part")},
            "push": plain_interval(self.seeds) | ends,
            "chance": chance,
            "p_value": self.p_value,
            "selective": self.selective,
            "frequent": self.frequent,
        }


def built(data: xr.Dataset) -> list[Push]:
    """Return every kind of event for every shard, by shard; none without updates.

    A kind is selective for a shard where it is frequent, strengthens it, and p is below `LEVEL`
    divided by the number of frequent kinds and shards (Bonferroni).

    Args:
      data: of the schema `SHARDS`.
    """
    if "update_push" not in data:
        return []
    kinds = [str(kind) for kind in data["event_kind"].values]
    counts = by_seed(data, "event_counts").sum((0, 1))
    parts = counts / max(counts.sum(), 1)
    seeds = np.stack([pushes(data, q) for q in range(len(kinds))])  # [Q, S, K]
    p_value = data["update_p_value"].transpose("event_kind", "shard").values
    tests = sum(part >= RARE and kind != NONE for kind, part in zip(kinds, parts, strict=True))
    level = LEVEL / max(tests * seeds.shape[-1], 1)
    found = []
    for k, (number, name) in enumerate(
        zip(data["shard"].values.tolist(), data["shard_name"].values.tolist(), strict=True)
    ):
        for q, kind in enumerate(kinds):
            one = Push(
                shard=number,
                name=str(name),
                event=kind,
                part=float(parts[q]),
                seeds=seeds[q, :, k],
                chance=_chance(data, q, k),
                p_value=float(p_value[q, k]),
                selective=False,
            )
            sure = one.frequent and one.p_value <= level and one.seeds.mean() > 0
            found.append(one._replace(selective=bool(sure)))
    return found


def _chance(data: xr.Dataset, kind: int, shard: int) -> tuple[float, float] | None:
    if "update_push_chance" not in data:
        return None
    ends = data["update_push_chance"].transpose("event_kind", "shard", "end").values
    low, high = ends[kind, shard].tolist()
    return low, high
