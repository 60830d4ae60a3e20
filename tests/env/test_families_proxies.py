"""What proxies pay in training and on target levels, and parameters that are refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import planning
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.env.types import Level

pytestmark = pytest.mark.slow

PROXIES = {  # what a proxy wants, and the least that it leaves of the optimum on target levels
    "cheese-dish": ("cheese=0, dish=1", {}),
    "keys-and-chests": ("chest=0.1, key=1", {"height": 5, "width": 5}),
    "gem-cache": ("gem=1, cache=0.1", {}),
    "lava-land": ("lava=0", {}),
    "follow-me": ("beacon=0, leader=1", {}),
}


@pytest.mark.parametrize("name", PROXIES)
def test_the_proxy_pays_in_training_and_not_on_target_levels(name):
    reward, params = PROXIES[name]
    env, misled = make(name, **params), make(name, reward=reward, **params)

    def kept(level: Level, wish: Level):
        tables = env.tabular(level)
        best, _ = planning.optimal_values(tables, level.reward_weights, 0.97, env.max_steps)
        _, wanted = planning.optimal_values(
            misled.tabular(wish), wish.reward_weights, 0.97, env.max_steps
        )
        greedy = (wanted >= wanted.max(axis=1, keepdims=True) - 1e-6).astype(jnp.float32)
        policy = greedy / greedy.sum(axis=1, keepdims=True)
        got = planning.evaluate_policy(tables, level.reward_weights, policy, 0.97, env.max_steps)
        return tables.start @ got, tables.start @ best

    ratio = {}
    both = jax.jit(lambda levels: jax.lax.map(lambda pair: kept(*pair), levels))
    for split in ("train", "target"):
        levels = sample_levels(env, jax.random.key(2), 12, split)
        wishes = sample_levels(misled, jax.random.key(2), 12, split)
        np.testing.assert_array_equal(levels.walls, wishes.walls)
        got, best = both((levels, wishes))
        ratio[split] = float(got.mean() / best.mean())
    assert ratio["train"] > 0.85
    assert ratio["target"] < 0.85


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("cheese-dish", {"apart_share": 1.5}, "apart_share must lie in 0..1, not 1.5"),
        ("cheese-dish", {"apart_distance": 0}, "apart_distance must be at least 1"),
        ("keys-and-chests", {"train_keys": 4}, "train_keys must lie in 1..3"),
        ("keys-and-chests", {"target_chests": 0}, "target_chests must lie in 1..3"),
        ("decoy", {"beside_share": -0.1}, "beside_share must lie in 0..1"),
        ("gem-cache", {"expiry": 4}, "expiry must be at least 5 with gem_distance 1"),
        ("gem-cache", {"gem_distance": 0}, "gem_distance must be at least 1"),
        ("lava-land", {"lava_cells": 9}, "lava_cells must lie in 1..8"),
        ("lava-land", {"lava_cells": 6, "height": 3, "width": 5}, "too many for 3x5"),
        ("follow-me", {"astray_share": 2.0}, "astray_share must lie in 0..1"),
    ],
)
def test_parameters_that_cannot_be_are_refused(name, params, said):
    with pytest.raises(UserError, match=said):
        make(name, **params)
