"""Stepping, tables, edits and observations of every test world."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.env.levels import take
from shardsim.env.tabular import reachable_from

pytestmark = pytest.mark.slow


def test_analysing_levels_of_other_values_traces_once(world):
    assert world.traces == 1


def test_every_index_is_the_index_of_its_state(world):
    env, first = world.env, take(world.levels, 0)
    index = jnp.arange(env.num_states, dtype=jnp.int32)
    back = jax.vmap(lambda i: env.index_of(env.state_at(first, i)))(index)
    np.testing.assert_array_equal(back, index)
    assert env.num_states == np.prod(list(env.state_fields.values()))


def test_the_tables_are_what_step_does(world):
    """Every state and action, stepped with many keys: support, rewards, ends and frequencies."""
    env, table = world.env, jax.tree.map(lambda leaf: leaf[0], world.analysis.tabular)
    first, draws = take(world.levels, 0), 400 if env.num_outcomes > 1 else 1

    @jax.jit
    def stepped(keys):
        def one(index, action, key):
            step = env.step(key, env.state_at(first, index), action)
            return env.index_of(step.state), step.rewards, step.terminated, step.truncated

        by_key = jax.vmap(one, (None, None, 0))
        by_action = jax.vmap(by_key, (None, 0, None))
        by_state = jax.vmap(by_action, (0, None, None))
        return by_state(
            jnp.arange(env.num_states, dtype=jnp.int32),
            jnp.arange(env.num_actions, dtype=jnp.int32),
            keys,
        )

    there, rewards, ended, cut = map(
        np.asarray, stepped(jax.random.split(jax.random.key(2), draws))
    )
    assert not cut.any()
    assert np.allclose(table.probability.sum(axis=2), 1, atol=1e-6)
    if draws == 1:
        np.testing.assert_array_equal(there[:, :, 0], table.next_state[:, :, 0])
        np.testing.assert_array_equal(ended[:, :, 0], table.terminated[:, :, 0])
        np.testing.assert_array_equal(
            np.moveaxis(rewards[:, :, 0], -1, 0), table.rewards[:, :, :, 0]
        )
        return
    for state in np.flatnonzero(table.reachable):
        for action in range(env.num_actions):
            expected = np.zeros(env.num_states)
            np.add.at(expected, table.next_state[state, action], table.probability[state, action])
            seen = np.bincount(there[state, action], minlength=env.num_states) / draws
            assert np.abs(seen - expected).max() < 5 * 0.5 / np.sqrt(draws)
            assert set(np.flatnonzero(seen)) <= set(np.flatnonzero(expected))


def test_reachable_states_equal_a_plain_search(world):
    for index in range(len(world.analysis.blocked)):
        table = jax.tree.map(lambda leaf, i=index: leaf[i], world.analysis.tabular)
        found = set(np.flatnonzero(table.start).tolist())
        todo = list(found)
        while todo:
            state = todo.pop()
            possible = table.probability[state] > 0
            for there, end in zip(
                table.next_state[state][possible], table.terminated[state][possible], strict=True
            ):
                fresh = int(there) not in found
                found.add(int(there))
                if fresh and not end:
                    todo.append(int(there))
        assert set(np.flatnonzero(table.reachable).tolist()) >= found
        # What is more can only be a terminal state that is also passed through: none here.
        assert np.isclose(table.start.sum(), 1, atol=1e-5)


def test_nothing_is_reached_through_a_terminal_state():
    next_state = jnp.array([[[1]], [[2]], [[2]]], jnp.int32)
    possible = jnp.ones((3, 1, 1), bool)
    ends = jnp.array([True, False, False])[:, None, None]
    start = jnp.array([True, False, False])
    np.testing.assert_array_equal(
        reachable_from(start, next_state, possible, ends), [True, True, False]
    )


def test_starts_are_where_the_mask_says(world):
    env, first = world.env, take(world.levels, 0)
    states = jax.vmap(lambda key: env.reset(key, first))(jax.random.split(jax.random.key(0), 500))
    chance = world.analysis.tabular.start[0]
    seen = np.unique(jax.vmap(env.index_of)(states))
    np.testing.assert_array_equal(seen, np.flatnonzero(chance))
    cells = np.unique(states.cell)
    np.testing.assert_array_equal(cells, np.flatnonzero(env.start_mask(first).reshape(-1)))


@given(actions=st.lists(st.integers(0, 3), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_walls_are_never_crossed_and_time_runs_out(world, actions, seed):
    env, first = world.env, take(world.levels, seed % 6)
    padded = jnp.asarray((actions * 24)[:24], jnp.int32)
    cells, ended, cut, steps = _walk(env, first, padded, jax.random.key(seed))
    walls = np.asarray(first.walls)
    rows, columns = np.divmod(np.asarray(cells), env.width)
    assert not walls[rows, columns].any()
    assert np.all(np.abs(np.diff(rows)) + np.abs(np.diff(columns)) <= 1)
    np.testing.assert_array_equal(steps, np.arange(1, 25))
    np.testing.assert_array_equal(cut, (steps >= env.max_steps) & ~ended)


def _walk(env, level, actions, key):
    if env not in _WALKS:

        def walk(level, actions, key):
            def step(state, given):
                action, step_key = given
                moved = env.step(step_key, state, action)
                return moved.state, (
                    moved.state.cell,
                    moved.terminated,
                    moved.truncated,
                    moved.state.steps,
                )

            keys = jax.random.split(key, len(actions))
            return jax.lax.scan(step, env.reset(key, level), (actions, keys))[1]

        _WALKS[env] = jax.jit(walk)
    return map(np.asarray, _WALKS[env](level, actions, key))


_WALKS = {}


def test_observation_planes_show_the_state(key_chest):
    env, first = key_chest.env, take(key_chest.levels, 0)
    state = env.reset(jax.random.key(0), first).replace(has_key=jnp.int32(1))
    seen = np.asarray(env.observe(state))
    assert env.observation_channels == ("agent", "walls", "key", "chest", "exit", "has_key")
    assert seen.shape == env.observation_shape
    assert seen[..., 0].sum() == 1
    assert seen[..., 0].reshape(-1)[int(state.cell)] == 1
    np.testing.assert_array_equal(seen[..., 1], first.walls)
    assert seen[..., 2].sum() == 0  # carried
    assert seen[tuple(first.position[1, 0])][3] == 1
    assert np.all(seen[..., 5] == 1)


def test_mirroring_twice_is_nothing_and_places_stay(cheese):
    env, first = cheese.env, take(cheese.levels, 0)
    seen = env.observe(env.reset(jax.random.key(0), first))
    flipped, actions = env.mirror(seen)
    np.testing.assert_array_equal(actions, [0, 3, 2, 1])
    np.testing.assert_array_equal(env.mirror(flipped)[0], seen)
    np.testing.assert_array_equal(flipped[..., 4], seen[..., 4])
    np.testing.assert_array_equal(flipped[..., :4], seen[:, ::-1, :4])


def test_edits_carry_another_level_and_leave_the_first_alone(slip):
    env, first = slip.env, take(slip.levels, 0)
    state = env.reset(jax.random.key(0), first)
    free = np.argwhere(np.asarray(env.can_place(state, "trap")))
    less = env.remove(state, "trap", 1)
    assert env.goal_mask(less, "trap").sum() == 1
    assert env.remove(state, "trap").level.present[1].sum() == 0
    moved = env.move(state, "trap", tuple(free[0]), instance=1)
    assert env.goal_mask(moved, "trap")[tuple(free[0])]
    np.testing.assert_array_equal(moved.level.position[1, 0], first.position[1, 0])
    assert env.goal_mask(state, "trap").sum() == 2
    back = env.move(less, "trap", tuple(np.asarray(first.position[1, 1])), instance=1)
    jax.tree.map(np.testing.assert_array_equal, back, state)
    for cell in free:
        assert not first.walls[tuple(cell)]
        assert not np.asarray(env.observe(state))[tuple(cell)][[0, 2, 3]].any()


def test_wrong_edits_say_what_is_wrong(cheese, key_chest):
    env = cheese.env
    state = env.reset(jax.random.key(0), take(cheese.levels, 0))
    here = tuple(int(part) for part in env.agent_cell(state))
    for wrong, said in (
        (lambda: env.remove(state, "corner"), "is a place"),
        (lambda: env.remove(state, "chese"), "did you mean 'cheese'"),
        (lambda: env.remove(state, "cheese", 1), "instance 1 does not exist"),
        (lambda: env.move(state, "cheese", (9, 0)), "outside the 5x5 grid"),
        (lambda: env.move(state, "cheese", here), "cannot stand on cell"),
        (lambda: state.replace(has_key=1), "no field 'has_key'"),
    ):
        with pytest.raises((UserError, AttributeError), match=said):
            wrong()
    taken = key_chest.env.state_at(take(key_chest.levels, 0), jnp.int32(1))
    cell = np.argwhere(np.asarray(key_chest.env.can_place(taken, "key")))[0]
    with pytest.raises(UserError, match="taken in this state"):
        key_chest.env.move(taken, "key", tuple(cell))


def test_too_many_states_are_a_clear_error(cheese):
    import dataclasses

    env = dataclasses.replace(cheese.env, max_states=10)
    with pytest.raises(UserError, match="25 states, more than its max_states of 10"):
        env.tabular(take(cheese.levels, 0))


def test_thirst_decides_which_good_pays(thirst):
    env, first = thirst.env, take(thirst.levels, 0)
    for concept, pays_thirsty in (("water", 1), ("food", 0)):
        entered = thirst.analysis.entered[0, :, :, 0, env.concept_index(concept)]
        for thirsty in (0, 1):
            state, action = np.argwhere(entered[thirsty::2])[0]
            start = env.state_at(first, jnp.int32(2 * state + thirsty))
            step = env.step(jax.random.key(0), start, jnp.int32(action))
            assert float(step.reward) == float(thirsty == pays_thirsty)
            assert int(step.state.thirsty) == (1 - pays_thirsty if step.reward else thirsty)
            assert not step.terminated
