"""What reflection cost or gave every old shard, exactly, and what it could have had at most.

Axis letters: D seeds · U onsets · R rules · B contexts · N = D * U * B · L levels · S states ·
A actions · K shards · Q the two places: the onset, and the starts of target levels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from shardsim.reflection import values
from shardsim.reflection.setting import Setting
from shardsim.reflection.weights import Trace
from shardsim.reflection.world import World

PLACES = ("onset", "target")


class ShardReturns(NamedTuple):
    """J of every shard of before, in discounted preference."""

    before: np.ndarray  # float64[D, U, Q, K]
    after: np.ndarray  # float64[D, U, R, Q, K]
    low: np.ndarray  # float64[D, U, Q, K], the least that any policy gives
    high: np.ndarray  # float64[D, U, Q, K], the most


def returns_of(setting: Setting, trace: Trace, discount: float) -> ShardReturns:
    """Evaluate the shards under the policies before and after reflection.

    Args:
        setting: onsets and policies before.
        trace: policies after, numpy [D, U, R].
        discount: of what a shard wants, for each move.
    """
    here = _Here(setting, flat(setting.worlds), discount)
    there = _There(setting, discount)
    rules = trace.onset_policy.shape[2]
    after = [here.returns(trace.onset_policy[:, :, rule]) for rule in range(rules)]
    shape = trace.target_policy.shape[:3]
    far = np.array([there.returns(trace.target_policy[place]) for place in np.ndindex(*shape)])
    old = np.array([there.returns(policy) for policy in setting.target_policy])[:, None]
    near_ends, far_ends = here.ends(), there.ends()
    return ShardReturns(
        before=_both(here.returns(setting.policy), old),
        after=_both(np.stack(after, 2), far.reshape(*shape, -1)),
        low=_both(near_ends[0], far_ends[0]),
        high=_both(near_ends[1], far_ends[1]),
    )


def flat(world: World) -> World:
    """Return worlds [D, U, B] as one row of contexts [N]."""
    return World(*(leaf.reshape(-1, *leaf.shape[3:]) for leaf in world))


def _rows(policy: Any) -> np.ndarray:
    """Return float[N, S, A] of float[D, U, B, S, A]."""
    return policy.reshape(-1, *policy.shape[3:])


def _both(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return float64[..., Q, K] of the two places, float64[..., K] each."""
    return np.stack(np.broadcast_arrays(near, far), -2)


class _Here(NamedTuple):
    """The contexts of the onsets."""

    setting: Setting
    world: World  # [N]
    discount: float

    def average(self, found: np.ndarray) -> np.ndarray:
        """Return float64[D, U, K] of float64[N, K]."""
        shaped = found.reshape(*self.setting.weight.shape, -1)
        return np.einsum("dub,dubk->duk", self.setting.worlds.weight, shaped)

    def returns(self, policy: Any) -> np.ndarray:
        """Return J float64[D, U, K] of policies float[D, U, B, S, A]."""
        return self.average(
            values.shard_values(self.world, _rows(policy), self.setting.preferences, self.discount)
        )

    def ends(self) -> list[np.ndarray]:
        """Return the least and the greatest J, float64[D, U, K] each."""
        found = values.achievable(self.world, self.setting.preferences, self.discount)
        return [self.average(values.at_start(self.world, end)) for end in found]


class _There(NamedTuple):
    """The starts of the target levels."""

    setting: Setting
    discount: float

    @property
    def world(self) -> World:
        """The target levels [L]."""
        return jax.tree.map(np.asarray, self.setting.probe.target)

    def average(self, found: np.ndarray) -> np.ndarray:
        """Return float64[K] of float64[L, S, K]."""
        start = np.asarray(self.setting.probe.target_start, np.float64)
        return np.einsum("ls,lsk->k", start / len(start), found)

    def returns(self, policy: Any) -> np.ndarray:
        """Return J float64[K] of a policy float[L, S, A]."""
        found = values.first_passage(self.world, policy, self.discount)
        return self.average(found.values @ self.setting.preferences.T)

    def ends(self) -> list[np.ndarray]:
        """Return the least and the greatest J, float64[K] each."""
        found = values.achievable(self.world, self.setting.preferences, self.discount)
        return [self.average(end) for end in found]
