"""The outcome of one step by a number in 0..1: as likely as the tables say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.levels import take

pytestmark = pytest.mark.slow


def test_it_gives_each_outcome_its_probability_and_never_an_impossible_one(world):
    env = world.env
    level = jax.tree.map(jnp.asarray, take(world.levels, 0))
    tabular = take(world.analysis.tabular, 0)
    count = 400
    grid = (np.arange(count, dtype=np.float32) + 0.5) / count
    uniform = jnp.asarray(np.concatenate([grid, np.float32([0, 1 - 2**-23])]))
    states = np.flatnonzero(tabular.reachable)[:4]

    def one(uniform, index, action):
        moved = env.step_with_uniform(uniform, env.state_at(level, index), action)
        return env.index_of(moved.state)

    every = jax.vmap(jax.vmap(jax.vmap(one, (0, None, None)), (None, None, 0)), (None, 0, None))
    led = jax.jit(every)(uniform, jnp.asarray(states, jnp.int32), jnp.arange(env.num_actions))
    for state, by_action in zip(states, np.asarray(led), strict=True):
        for action, found in enumerate(by_action):
            chance = np.zeros(env.num_states)
            np.add.at(chance, tabular.next_state[state, action], tabular.probability[state, action])
            counted = np.bincount(found[:count], minlength=env.num_states) / count
            np.testing.assert_allclose(counted, chance, atol=len(tabular.probability[0, 0]) / count)
            assert np.all(chance[found] > 0)
