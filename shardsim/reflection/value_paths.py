"""What every old shard gets on the way through reflection, exactly.

Axis letters: D seeds · U onsets · R rules · T steps · M steps at which parameters are kept ·
B contexts · S states · A actions · K shards · Q the two places.
"""

from __future__ import annotations

import jax
import numpy as np

from shardsim.base.parallel import each
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.in_weights import afterwards_of
from shardsim.reflection.setting import Setting
from shardsim.reflection.shard_returns import PLACES, Here, ShardReturns, There
from shardsim.reflection.weights import Trace
from shardsim.reflection.world import flattened
from shardsim.shards.agents import Networks

ONSET, TARGET = range(len(PLACES))


def value_paths(
    setting: Setting,
    networks: Networks,
    trace: Trace,
    returns: ShardReturns,
    config: ReflectConfig,
) -> np.ndarray:
    """Return J float64[D, U, R, T + 1, Q, K] of the shards of before, NaN where it is not asked.

    Before and after it always stands; at `config.refit_steps` in both places; at the onset after
    every step if `config.follow_values`.

    Args:
        setting: where they reflected.
        networks: the agents before.
        trace: numpy [D, U, R], how they changed.
        returns: of before and after.
        config: which steps.
    """
    shape = returns.after.shape
    found = np.full((*shape[:3], config.steps + 1, *shape[3:]), np.nan)
    found[:, :, :, 0] = returns.before[:, :, None]
    found[:, :, :, -1] = returns.after
    for number, step in enumerate(config.refit_steps):
        here = jax.tree.map(lambda leaf, n=number: leaf[:, :, :, n], trace.kept)
        found[:, :, :, step] = _both(setting, networks, here, config.discount)
    if trace.around is not None:
        _follow(setting, np.asarray(trace.around), config, found)
    return found


def _both(setting: Setting, networks: Networks, parameters: object, discount: float) -> np.ndarray:
    """Return J float64[D, U, R, Q, K] of networks with parameters [D, U, R] in both places."""
    does = afterwards_of(setting, networks, parameters)
    here, there = Here(setting, flattened(setting.worlds, 3), discount), There(setting, discount)
    near = each(here.returns, [does.onset[:, :, rule] for rule in range(does.onset.shape[2])])
    far = np.array(each(there.returns, list(flattened(does.target, 3)))).mean(1)
    near = np.stack(near, axis=2)
    return np.stack([near, far.reshape(near.shape)], axis=-2)


def _follow(setting: Setting, around: np.ndarray, config: ReflectConfig, found: np.ndarray) -> None:
    """Fill in the values at the onset, by policies float32[D, U, R, T + 1, B, S, A]."""
    here = Here(setting, flattened(setting.worlds, 3), config.discount)
    between = [
        (rule, step)
        for rule in range(around.shape[2])
        for step in range(1, config.steps)
        if step not in config.refit_steps
    ]
    policies = [around[:, :, rule, step] for rule, step in between]
    for (rule, step), value in zip(between, each(here.returns, policies), strict=True):
        found[:, :, rule, step, ONSET] = value
