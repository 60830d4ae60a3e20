"""Stepping with auto-reset: the end of an episode is kept, and the next begins from the bank."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.environment import environment, reset
from shardsim.env.episodes import make_bank

pytestmark = pytest.mark.slow

COUNT = 64


@pytest.fixture(scope="module")
def bank(tiny_env):
    return jax.device_get(make_bank(tiny_env, jax.random.key(1), 10, 6))


def begun(bank):
    """Fresh states [COUNT], as numpy arrays."""
    return jax.device_get(jax.jit(reset, static_argnums=2)(bank, jax.random.key(2), COUNT))


def walls_of(levels) -> set[bytes]:
    return {np.asarray(walls).tobytes() for walls in levels.walls}


def test_the_bank_holds_levels_with_starts_that_are_free(bank, tiny_env):
    assert bank.levels.walls.shape[0] == 10
    assert bank.starts["cell"].shape == (10, 6)
    free = np.asarray(jax.jit(jax.vmap(tiny_env.start_mask))(bank.levels)).reshape(10, -1)
    assert np.take_along_axis(free, bank.starts["cell"], 1).all()


def test_a_reset_draws_pairs_of_level_and_start_from_the_bank(bank):
    states = begun(bank)
    pairs = {
        (np.asarray(bank.levels.walls[level]).tobytes(), int(start))
        for level in range(10)
        for start in bank.starts["cell"][level]
    }
    drawn = {
        (np.asarray(walls).tobytes(), int(cell))
        for walls, cell in zip(states.level.walls, states.fields["cell"], strict=True)
    }
    assert drawn <= pairs
    assert len(drawn) > 20
    assert not np.any(states.steps)


def test_a_step_keeps_where_it_led_and_begins_anew_where_it_ended(bank, tiny_env):
    states = begun(bank)
    late = np.where(np.arange(COUNT) % 2 == 0, tiny_env.max_steps - 1, 0).astype(np.int32)
    states = states.replace(steps=late)
    actions = np.random.default_rng(0).integers(0, 4, COUNT).astype(np.int32)

    @jax.jit
    def step(bank, key, states, actions):
        return environment(tiny_env, bank, key, states, actions)

    move = jax.jit(jax.vmap(lambda s, a: tiny_env.transition(s, a, jnp.int32(0))))
    got = jax.device_get(step(bank, jax.random.key(3), states, actions))
    moved = jax.device_get(move(states, actions))
    np.testing.assert_array_equal(got.final_states.fields["cell"], moved.state.fields["cell"])
    np.testing.assert_array_equal(got.final_states.level.walls, states.level.walls)
    np.testing.assert_array_equal(got.final_states.steps, late + 1)
    np.testing.assert_array_equal(got.rewards, moved.rewards)
    np.testing.assert_array_equal(got.terminated, moved.terminated)
    timed_out = (late + 1 >= tiny_env.max_steps) & ~moved.terminated
    np.testing.assert_array_equal(got.truncated, timed_out)
    ended = np.asarray(got.terminated | got.truncated)
    assert ended.any() and not ended.all() and np.asarray(moved.terminated).any()
    assert not np.any(np.asarray(got.states.steps)[ended])
    assert walls_of(got.states.level) <= walls_of(bank.levels)
    going = ~ended
    np.testing.assert_array_equal(
        got.states.fields["cell"][going], moved.state.fields["cell"][going]
    )
    np.testing.assert_array_equal(got.states.steps[going], late[going] + 1)


def test_a_trajectory_is_a_chain_of_exact_transitions(tiny_run):
    happened = tiny_run.record().trajectory
    env = tiny_run.env
    move = jax.jit(jax.vmap(jax.vmap(lambda s, a: env.transition(s, a, jnp.int32(0)))))
    exact = jax.device_get(move(happened.states, happened.actions))
    np.testing.assert_array_equal(happened.final_states.fields["cell"], exact.state.fields["cell"])
    np.testing.assert_array_equal(happened.rewards, exact.rewards)
    np.testing.assert_array_equal(happened.terminated, exact.terminated)
    ended = np.asarray(happened.terminated | happened.truncated)
    assert ended.any()
    later, led = happened.states.fields["cell"][1:], happened.final_states.fields["cell"][:-1]
    np.testing.assert_array_equal(later[~ended[:-1]], led[~ended[:-1]])
    assert not np.any(np.asarray(happened.states.steps[1:])[ended[:-1]])
