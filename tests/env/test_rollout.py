"""Rollouts: chains of exact transitions, begun from the bank, with outcomes as likely as said."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.levels import take
from shardsim.env.rollout import (
    begin,
    draw_starts,
    make_bank,
    random_actions,
    roll_out,
    states_of,
)
from shardsim.env.types import Level, State, Step

COUNT, LENGTH, LEVELS, STARTS = 16, 150, 5, 3


@pytest.fixture(scope="module")
def bank(slip):
    """A bank of small levels with an instance more, not there, whose row is the level's number."""
    bank = make_bank(slip.env, jax.random.key(1), LEVELS, STARTS)
    marked = bank.levels.position.at[:, 0, 1, 0].set(jnp.arange(LEVELS))
    return bank._replace(levels=bank.levels.replace(position=marked))


def number_of(levels: Level) -> jax.Array:
    """Return int32[B], the numbers of levels in the bank."""
    return levels.position[:, 0, 1, 0]


@pytest.fixture(scope="module")
def happened(slip, bank):
    """What `see` saw in each step, stacked on T, and where the episodes were at the end."""
    env = slip.env
    act = random_actions(env)
    first = begin(bank, draw_starts(bank, jax.random.key(2), (COUNT,)))

    def see(seen, states: State, step: Step):
        at, kept = seen
        new = (number_of(states.level), states.cell, states.steps, *step[1:], step.state.cell)
        kept = jax.tree.map(lambda all_steps, one: all_steps.at[at].set(one), kept, new)
        return at + 1, kept

    def empty(dtype, *shape):
        return jnp.zeros((LENGTH, COUNT, *shape), dtype)

    flag, number = empty(bool), empty(jnp.int32)
    rewards = empty(jnp.float32, len(env.reward_names))
    kept = (number, number, number, empty(jnp.float32), rewards, flag, flag, number)

    @jax.jit
    def play(key):
        return roll_out(env, bank, key, first, LENGTH, act, see, (jnp.int32(0), kept))

    last, (count, kept) = play(jax.random.key(3))
    assert int(count) == LENGTH
    names = ("level", "cell", "steps", "reward", "rewards", "terminated", "truncated", "led")
    return dict(zip(names, jax.tree.map(np.asarray, kept), strict=True)), first, last


def test_each_step_goes_on_where_the_last_one_led_or_begins_in_the_bank(happened, bank, slip):
    seen, first, last = happened
    ended = seen["terminated"] | seen["truncated"]
    assert ended.any() and seen["terminated"].any() and seen["truncated"].any()
    np.testing.assert_array_equal(seen["cell"][0], first.fields["cell"])
    cells = np.concatenate([seen["cell"][1:], last.fields["cell"][None]])
    steps = np.concatenate([seen["steps"][1:], last.steps[None]])
    np.testing.assert_array_equal(cells[~ended], seen["led"][~ended])
    np.testing.assert_array_equal(steps, np.where(ended, 0, seen["steps"] + 1))
    late = seen["steps"] + 1 >= slip.env.max_steps
    np.testing.assert_array_equal(seen["truncated"], late & ~seen["terminated"])
    starts = np.asarray(bank.starts["cell"])
    begun = seen["steps"] == 0
    drawn = set(zip(seen["level"][begun], seen["cell"][begun], strict=True))
    assert drawn <= {(level, cell) for level, row in enumerate(starts) for cell in row}
    assert len(drawn) > LEVELS
    same = ~ended[:-1]
    np.testing.assert_array_equal(seen["level"][1:][same], seen["level"][:-1][same])


def test_every_step_is_a_possible_transition_with_its_own_reward(happened, bank, slip):
    seen, first, _ = happened
    env, weights = slip.env, np.float32([1, -0.5])
    np.testing.assert_allclose(seen["reward"], seen["rewards"] @ weights, rtol=1e-6)
    tables = jax.jit(jax.vmap(env.tabular))(bank.levels)
    level = seen["level"]
    np.testing.assert_array_equal(level[0], first.level)
    possible = np.asarray(tables.probability)[level, seen["cell"]] > 0
    there = np.asarray(tables.next_state)[level, seen["cell"]]
    assert np.all(np.any(possible & (there == seen["led"][:, :, None, None]), axis=(2, 3)))


def test_a_uniform_gives_each_outcome_its_probability_and_never_an_impossible_one(world):
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


def test_random_actions_are_drawn_alike_often(slip, bank):
    act = random_actions(slip.env)
    states = states_of(bank, begin(bank, jnp.zeros(20_000, jnp.int32)))
    drawn = np.bincount(np.asarray(act(jax.random.key(4), states)), minlength=slip.env.num_actions)
    assert drawn.size == slip.env.num_actions
    expected = 20_000 / slip.env.num_actions
    assert np.all(np.abs(drawn - expected) < 5 * np.sqrt(expected))
