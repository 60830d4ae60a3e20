"""What reflection cost or gave every old shard, exactly, and what it could have had at most.

Axis letters: D seeds · U onsets · R rules · B contexts · N = D * U * B · L levels · S states ·
A actions · K shards · Q the two places: the onset, and the starts of target levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.base.parallel import each
from shardsim.reflection import values
from shardsim.reflection.in_weights import Afterwards
from shardsim.reflection.setting import Setting
from shardsim.reflection.world import World, flattened

PLACES = ("onset", "target")


class ShardReturns(NamedTuple):
    """J of every shard of before, in discounted preference."""

    before: np.ndarray  # float64[D, U, Q, K]
    after: np.ndarray  # float64[D, U, R, Q, K]
    low: np.ndarray  # float64[D, U, Q, K], the least that any policy gives
    high: np.ndarray  # float64[D, U, Q, K], the most
    level_change: np.ndarray  # float64[D, U, R, L, K], after minus before, from each target level


class Ranges(NamedTuple):
    """The least and the most that any policy gives each shard from the onsets."""

    low: np.ndarray  # float64[D, U, K]
    high: np.ndarray  # float64[D, U, K]


def ranges_of(setting: Setting, discount: float) -> Ranges:
    """Return the least and the greatest J that any policy gives the shards from the onsets."""
    return Ranges(*Here(setting, flattened(setting.worlds, 3), discount).ends())


def returns_of(
    setting: Setting, afterwards: Afterwards, discount: float, near_ends: Ranges
) -> ShardReturns:
    """Evaluate the shards under the policies before and after reflection.

    Args:
        setting: onsets and policies before.
        afterwards: policies after.
        discount: of what a shard wants, for each move.
        near_ends: as `ranges_of` gives them.
    """
    here = Here(setting, flattened(setting.worlds, 3), discount)
    there = There(setting, discount)
    rules, shape = afterwards.onset.shape[2], afterwards.target.shape[:3]
    near = [setting.policy, *(afterwards.onset[:, :, rule] for rule in range(rules))]
    far = [*setting.target_policy, *flattened(afterwards.target, 3)]
    found = each(here.returns, near)
    reached = np.array(each(there.returns, far))
    old, new = np.split(reached, [len(setting.target_policy)])
    new = new.reshape(*shape, *new.shape[1:])
    far_ends = there.ends()
    return ShardReturns(
        before=_both(found[0], old.mean(1)[:, None]),
        after=_both(np.stack(found[1:], 2), new.mean(3)),
        level_change=new - old[:, None, None],
        low=_both(near_ends[0], far_ends[0]),
        high=_both(near_ends[1], far_ends[1]),
    )


def _both(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return float64[..., Q, K] of the two places, float64[..., K] each."""
    return np.stack(np.broadcast_arrays(near, far), -2)


class Here(NamedTuple):
    """The contexts of the onsets."""

    setting: Setting
    world: World  # [N]
    discount: float

    def average(self, found: np.ndarray) -> np.ndarray:
        """Return float64[D, U, K] of float64[N, K]."""
        shaped = found.reshape(*self.setting.weight.shape, -1)
        return np.einsum("dub,dubk->duk", self.setting.worlds.weight, shaped)

    def returns(self, policy: np.ndarray) -> np.ndarray:
        """Return J float64[D, U, K] of policies float[D, U, B, S, A]."""
        rows = flattened(policy, 3)
        return self.average(
            values.shard_values(self.world, rows, self.setting.preferences, self.discount)
        )

    def ends(self) -> list[np.ndarray]:
        """Return the least and the greatest J, float64[D, U, K] each."""
        found = values.achievable(self.world, self.setting.preferences, self.discount)
        return [self.average(values.at_start(self.world, end)) for end in found]


class There(NamedTuple):
    """The starts of the target levels."""

    setting: Setting
    discount: float

    def average(self, found: np.ndarray) -> np.ndarray:
        """Return float64[L, K] of float64[L, S, K]."""
        start = np.asarray(self.setting.target_start, np.float64)
        return np.einsum("ls,lsk->lk", start, found)

    def returns(self, policy: np.ndarray) -> np.ndarray:
        """Return J float64[L, K] of a policy float[L, S, A]."""
        found = values.concept_values(self.setting.target.world, policy, self.discount)
        return self.average(found @ self.setting.preferences.T)

    def ends(self) -> list[np.ndarray]:
        """Return the least and the greatest J, float64[K] each."""
        world = self.setting.target.world
        found = values.achievable(world, self.setting.preferences, self.discount)
        return [self.average(end).mean(0) for end in found]
