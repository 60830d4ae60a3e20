"""Exact planning against plain Python, brute force, closed forms and rolled-out episodes."""

from __future__ import annotations

from collections import deque
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import shortest_path

from shardsim.env import planning
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.types import Tabular
from tests.env.conftest import WORLDS


def breadth_first(walls: np.ndarray, goal: tuple[int, int]) -> np.ndarray:
    """Moves from each free cell to a goal, by breadth-first search."""
    found = np.full(walls.shape, np.inf)
    found[goal] = 0
    queue = deque([goal])
    while queue:
        row, column = queue.popleft()
        for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            cell = (row + down, column + right)
            inside = 0 <= cell[0] < walls.shape[0] and 0 <= cell[1] < walls.shape[1]
            if inside and not walls[cell] and found[cell] == np.inf:
                found[cell] = found[row, column] + 1
                queue.append(cell)
    return found


def chain(size: int, right: float) -> Tabular:
    """A corridor with one action that goes right or left by chance, and absorbing ends."""
    here = np.arange(size)
    ends = np.isin(here, [0, size - 1])
    step = np.where(ends, 0, 1)
    moves = np.stack([np.minimum(here + step, size - 1), np.maximum(here - step, 0)], axis=-1)
    chance = np.broadcast_to(np.array([right, 1 - right], np.float32), (size, 1, 2))
    return Tabular(
        next_state=jnp.asarray(moves[:, None], jnp.int32),
        probability=jnp.asarray(chance),
        rewards=jnp.asarray((moves[None, :, None] == size - 1) & ~ends[None, :, None, None]).astype(
            jnp.float32
        ),
        terminated=jnp.asarray(np.isin(moves, [0, size - 1])[:, None]),
        reachable=jnp.ones(size, bool),
        start=jnp.full(size, 1 / size, jnp.float32),
    )


def level(world, index: int = 0) -> Tabular:
    """One level's tables, as jax arrays."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), world.analysis.tabular)


def random_policy(tabular: Tabular, seed: int) -> jax.Array:
    """Any stationary policy."""
    shape = tabular.probability.shape[:2]
    return jax.nn.softmax(2 * jax.random.normal(jax.random.key(seed), shape), axis=1)


@pytest.mark.parametrize("name", ["cheese", "thirst", "key_chest"])
def test_distances_equal_breadth_first_search(name, request):
    world = request.getfixturevalue(name)
    env, others = world.env, world.env.num_states // (world.env.height * world.env.width)
    for index, walls in enumerate(np.asarray(world.levels.walls)):
        free = ~walls.reshape(-1)
        for number, concept in enumerate(env.concept_names):
            goal = tuple(np.asarray(world.levels.position[index, number, 0]))
            expected = np.repeat(breadth_first(walls, goal).reshape(-1, 1), others, axis=1)
            if concept == "key":
                expected[:, 1] = np.inf  # a key that is carried lies nowhere
            got = world.analysis.distance[index, :, number].reshape(-1, others)
            np.testing.assert_array_equal(got[free], expected[free])


@pytest.mark.parametrize("layout", ["tree", "loops", "noise"])
def test_distances_to_every_cell_equal_those_of_scipy_on_random_mazes(layout):
    env = make("cheese-corner", height=9, width=13, layout=layout)
    levels = sample_levels(env, jax.random.key(5), 7, "train")
    goals = planning.every_cell(env)

    def solve(levels):
        return planning.for_levels(
            lambda level: (
                env.tabular(level).next_state,
                planning.distances(env.tabular(level), goals),
            ),
            levels,
            at_once=3,
        )

    next_state, got = jax.jit(solve)(levels)
    for index in range(7):
        np.testing.assert_array_equal(
            got[index], fewest_moves(np.asarray(next_state[index, :, :, 0]))
        )


def fewest_moves(next_state: np.ndarray) -> np.ndarray:
    """Moves from each state to each, by SciPy's breadth-first search; inf where there is no way."""
    states, actions = next_state.shape
    here = np.repeat(np.arange(states), actions)
    links = csr_matrix((np.ones(here.size), (here, next_state.reshape(-1))), (states, states))
    return shortest_path(links, unweighted=True)


@given(
    seed=st.integers(0, 2**16),
    states=st.sampled_from([2, 33, 70]),
    count=st.sampled_from([1, 5, 40]),
)
def test_certain_moves_give_the_same_distances_as_value_iteration_on_any_graph(seed, states, count):
    """With a second outcome that never happens, the solver for chances does the same problem."""
    draw = np.random.default_rng(seed)
    moves = draw.integers(0, states, (states, 2, 1)).astype(np.int32)
    goals = draw.random((states, count)) < 1.5 / states
    entered = goals[moves] | (draw.random((states, 2, 1, count)) < 0.5 / states)
    certain = chain(states, 0.5)._replace(
        next_state=jnp.asarray(moves), probability=jnp.ones((states, 2, 1), jnp.float32)
    )
    doubled = certain._replace(
        next_state=jnp.concatenate([certain.next_state] * 2, axis=2),
        probability=jnp.asarray(np.broadcast_to(np.float32([1, 0]), (states, 2, 2))),
    )
    for moves_in in (None, entered):
        twice = None if moves_in is None else jnp.asarray(np.repeat(moves_in, 2, axis=2))
        once = None if moves_in is None else jnp.asarray(moves_in)
        got = _distances(certain, jnp.asarray(goals), once)
        np.testing.assert_array_equal(got, _distances(doubled, jnp.asarray(goals), twice))
        inside = (np.isfinite(fewest_moves(moves[:, :, 0])) @ goals) > 0
        assert moves_in is not None or np.array_equal(np.isfinite(got), inside)


def test_every_cell_is_a_goal_in_all_states_that_have_the_agent_there(key_chest):
    env = key_chest.env
    goals = np.asarray(planning.every_cell(env))
    assert goals.shape == (env.num_states, env.height * env.width)
    np.testing.assert_array_equal(goals.argmax(axis=1), np.arange(env.num_states) // 2)
    np.testing.assert_array_equal(goals.sum(axis=1), 1)


def test_levels_solved_a_few_at_a_time_are_solved_alike(slip):
    """Values, a policy's values, hits and visits of 6 levels, 4 at a time, beside one by one."""
    env, analysis = slip.env, jax.tree.map(jnp.asarray, slip.analysis)
    tables, weights = analysis.tabular, slip.levels.reward_weights
    policy = jax.vmap(
        lambda key: jax.random.dirichlet(key, jnp.ones(env.num_actions), (env.num_states,))
    )(jax.random.split(jax.random.key(2), 6))

    def solve(tabular, weights, policy, goals, entered):
        return (
            planning.optimal_values(tabular, weights, 0.9, 8),
            planning.evaluate_policy(tabular, weights, policy, 0.9, 8),
            planning.hitting_probabilities(tabular, policy, goals, 8, entered),
            planning.visitation(tabular, policy, tabular.start, 8),
        )

    arguments = (tables, weights, policy, analysis.goals, analysis.entered)
    together = jax.jit(lambda *each: planning.for_levels(solve, *each, at_once=4))(*arguments)
    alone = jax.jit(solve)
    for index in range(6):
        one = alone(*take(arguments, index))
        for got, expected in zip(jax.tree.leaves(together), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(got[index], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("size", "right"), [(6, 0.7), (60, 0.5), (8, 0.3)])
def test_distance_in_a_corridor_with_slips_has_its_closed_form(size, right):
    # One action, right with chance p and reflected at the left end: E[i -> n] by recursion.
    here = np.arange(size)
    moves = np.stack([np.minimum(here + 1, size - 1), np.maximum(here - 1, 0)], axis=-1)
    tabular = chain(size, right)._replace(next_state=jnp.asarray(moves[:, None], jnp.int32))
    goals = jnp.asarray(here == size - 1)[:, None]
    ascent = [1 / right]  # expected moves from i to i + 1
    for _ in range(size - 2):
        ascent.append(1 / right + (1 - right) / right * ascent[-1])
    expected = np.concatenate([np.cumsum(ascent[::-1])[::-1], [0]])
    got = _distances(tabular, goals)[:, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.parametrize("failing", [0.5, 0.99, 0.995, 0.99999])
def test_moves_that_fail_take_as_many_times_longer_and_lose_as_much(cheese, failing):
    """The distance is moves / (1 - failing), and actions lose what they lose where none fail."""
    certain = level(cheese)
    here = jnp.broadcast_to(
        jnp.arange(certain.next_state.shape[0], dtype=jnp.int32)[:, None, None],
        certain.next_state.shape,
    )
    chance = jnp.array([1 - failing, failing], jnp.float32)
    failed = certain._replace(
        next_state=jnp.concatenate([certain.next_state, here], axis=2),
        probability=jnp.broadcast_to(chance, (*here.shape[:2], 2)),
    )
    goals = jnp.asarray(cheese.analysis.goals[0])
    got = _distances(failed, goals)
    exact = cheese.analysis.distance[0] / np.asarray(chance, np.float64)[0]
    np.testing.assert_allclose(got, exact, rtol=1e-6)
    lost, sure = planning.advantages(failed, got), cheese.analysis.advantage[0]
    away = ~np.asarray(goals)[:, None] & np.ones_like(sure, bool)
    np.testing.assert_allclose(lost[away], sure[away], atol=1e-3)
    np.testing.assert_array_equal(planning.best_actions(lost)[away], (sure == 0)[away])


def test_actions_that_are_equally_good_by_symmetry_are_equally_good():
    """On open ground north and west are alike wherever the goal is as far up as it is left."""
    env = make("slip", folders=[WORLDS], slip=0.25, height=7, width=7)
    drawn = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    tabular = jax.jit(env.tabular)(drawn.replace(walls=jnp.zeros((7, 7), bool)))
    goals = jnp.arange(49)[:, None] == 0
    advantage = np.asarray(planning.advantages(tabular, _distances(tabular, goals)))[..., 0]
    best = planning.best_actions(advantage).reshape(7, 7, 4)
    north, west = env.action_names.index("north"), env.action_names.index("west")
    diagonal = np.arange(1, 7)
    assert np.all(best[diagonal, diagonal, north] & best[diagonal, diagonal, west])
    assert not best[diagonal, diagonal].all(axis=-1).any()
    # What is told apart is told apart by more than the tolerance: nothing lies between.
    assert np.all((advantage == 0) | (advantage < -planning.TIE))


def test_values_are_equally_good_relative_to_themselves():
    values = jnp.array([[1e4, 1e4 - 0.05, 1e4 - 1], [1.0, 1 - 5e-6, 0.999]], jnp.float32)
    np.testing.assert_array_equal(
        planning.equally_good(values), [[True, True, False], [True, True, False]]
    )


def test_a_goal_that_can_be_missed_for_good_is_unreachable_and_what_risks_it_is_avoided():
    # 0 -a0-> goal 2 or pit 3 by half; 0 -a1-> 1, 1 -> goal surely; the pit is for ever.
    next_state = np.array([[[2, 3], [1, 1]], [[2, 2], [2, 2]], [[2, 2], [2, 2]], [[3, 3], [3, 3]]])
    tabular = Tabular(
        next_state=jnp.asarray(next_state, jnp.int32),
        probability=jnp.full((4, 2, 2), 0.5, jnp.float32),
        rewards=jnp.zeros((1, 4, 2, 2), jnp.float32),
        terminated=jnp.zeros((4, 2, 2), bool),
        reachable=jnp.ones(4, bool),
        start=jnp.full(4, 0.25, jnp.float32),
    )
    goals = jnp.array([[False], [False], [True], [False]])
    distance = planning.distances(tabular, goals)
    np.testing.assert_array_equal(distance[:, 0], [2, 1, 0, np.inf])
    # Losing the goal counts as one beyond the farthest state (3): half of 3 against 1.
    advantage = planning.advantages(tabular, distance)
    np.testing.assert_allclose(advantage[0, :, 0], [-0.5, 0.0])
    np.testing.assert_array_equal(advantage[3], 0)


def test_advantages_are_zero_one_or_two_moves_short_where_moves_are_certain(cheese):
    analysis = cheese.analysis
    free = ~np.asarray(cheese.levels.walls).reshape(len(analysis.distance), -1)
    advantage, at_goal = analysis.advantage, analysis.goals[:, :, None]
    assert np.all(advantage.max(axis=2)[free] == 0)
    toward = (
        np.take_along_axis(
            analysis.distance[:, :, None],
            analysis.tabular.next_state.reshape(len(free), -1, 1, 1),
            axis=1,
        ).reshape(advantage.shape)
        - analysis.distance[:, :, None]
    )
    here = free[:, :, None, None] & ~at_goal & np.isfinite(toward)
    for change, short in ((-1, 0), (0, -1), (1, -2)):
        which = here & (toward == change)
        assert which.any()
        assert np.all(advantage[which] == short)
    bump = analysis.blocked[:, :, :, None] & here
    assert np.all(advantage[bump] == -1)
    away = free[:, :, None, None] & at_goal & ~analysis.blocked[:, :, :, None]
    # At the goal staying is best where a wall lets one stay; else leaving by any way is.
    can_stay = analysis.blocked.any(axis=2)[:, :, None, None]
    assert np.all(advantage[away & can_stay & np.ones_like(here)] == -1)


def test_taking_the_key_is_a_best_action_and_having_it_leaves_no_direction(key_chest):
    analysis = key_chest.analysis
    entered = analysis.entered[:, :, :, 0, 0]
    assert entered[:, 0::2].any()
    assert not entered[:, 1::2].any()
    assert np.all(analysis.advantage[:, :, :, 0][entered] == 0)
    assert np.all(analysis.distance[:, :, 0][entered.any(axis=2) & ~analysis.goals[:, :, 0]] == 1)
    assert np.all(analysis.advantage[:, 1::2, :, 0] == 0)


@pytest.mark.parametrize(("discount", "horizon"), [(1.0, 5), (0.9, 6)])
def test_optimal_and_policy_values_equal_a_plain_recursion(world, discount, horizon):
    tabular = level(world)
    weights = world.levels.reward_weights[0]
    policy = np.asarray(random_policy(tabular, 3), np.float64)
    table = jax.tree.map(np.asarray, tabular)
    reward = np.tensordot(np.asarray(weights), table.rewards, axes=1).astype(np.float64)

    def after(state, action, value):
        total = 0.0
        for outcome, chance in enumerate(table.probability[state, action]):
            where = state, action, outcome
            onward = 0.0 if table.terminated[where] else value(int(table.next_state[where]))
            total += float(chance) * (reward[where] + discount * onward)
        return total

    @cache
    def best(state, left):
        if left == 0:
            return 0.0
        return max(
            after(state, action, lambda there: best(there, left - 1))
            for action in range(policy.shape[1])
        )

    @cache
    def followed(state, left):
        if left == 0:
            return 0.0
        return sum(
            policy[state, action] * after(state, action, lambda there: followed(there, left - 1))
            for action in range(policy.shape[1])
        )

    states = range(world.env.num_states)
    values, action_values = planning.optimal_values(tabular, weights, discount, horizon)
    np.testing.assert_allclose(values, [best(s, horizon) for s in states], atol=1e-5)
    np.testing.assert_allclose(values, action_values.max(axis=1), atol=1e-6)
    got = planning.evaluate_policy(
        tabular, weights, jnp.asarray(policy, jnp.float32), discount, horizon
    )
    np.testing.assert_allclose(got, [followed(s, horizon) for s in states], atol=1e-5)
    planned, _ = planning.optimal_plan(tabular, weights, discount, horizon)
    np.testing.assert_allclose(planned[0], values, atol=1e-6)
    np.testing.assert_allclose(planned[-1], [best(s, 1) for s in states], atol=1e-6)


def roll_out(env, level, actions, states, keys, discount):
    """Discounted return float32[B] of the time-dependent plan int32[T, S], through `env.step`."""

    def one(index, key):
        def step(carry, plan):
            state, key, alive, scale, total = carry
            key, step_key = jax.random.split(key)
            moved = env.step(step_key, state, plan[env.index_of(state)])
            total = total + jnp.where(alive, scale * moved.reward, 0.0)
            alive = alive & ~moved.terminated & ~moved.truncated
            return (moved.state, key, alive, scale * discount, total), None

        state = env.state_at(level, index)
        start = (state, key, jnp.bool_(True), jnp.float32(1), jnp.float32(0))
        return jax.lax.scan(step, start, actions)[0][-1]

    return jax.vmap(one)(states, keys)


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_oracle_value_is_the_rolled_out_optimum(world, discount):
    env, horizon = world.env, world.env.max_steps
    draws = 1500 if env.num_outcomes > 1 else 1
    first = jax.tree.map(lambda leaf: leaf[0], world.levels)
    values, actions = planning.optimal_plan(level(world), first.reward_weights, discount, horizon)
    states = np.flatnonzero(world.analysis.tabular.start[0])
    batch = jnp.asarray(np.repeat(states, draws), jnp.int32)
    keys = jax.random.split(jax.random.key(1), len(batch))
    got = jax.jit(lambda s, k: roll_out(env, first, actions, s, k, discount))(batch, keys)
    got = np.asarray(got).reshape(len(states), draws)
    assert np.asarray(values[0])[states].max() > 0
    if draws == 1:
        np.testing.assert_allclose(got[:, 0], values[0][states], atol=1e-5)
    else:
        error = np.maximum(got.std(axis=1) / np.sqrt(draws), 1e-3)
        z = (got.mean(axis=1) - np.asarray(values[0])[states]) / error
        assert np.abs(z).max() < 4.5
        assert np.abs(z.mean()) * np.sqrt(len(z)) < 4.5


@pytest.mark.parametrize("right", [0.5, 0.7])
def test_hitting_probabilities_are_the_gamblers_ruin(right):
    size = 6
    tabular, here = chain(size, right), np.arange(size)
    goals = jnp.stack([jnp.asarray(here == 0), jnp.asarray(here == size - 1)], axis=1)
    ratio = (1 - right) / right
    wins = here / (size - 1) if right == 0.5 else (1 - ratio**here) / (1 - ratio ** (size - 1))
    policy = jnp.ones((size, 1), jnp.float32)
    got = planning.hitting_probabilities(tabular, policy, goals, 400)
    np.testing.assert_allclose(got, np.stack([1 - wins, wins], axis=1), atol=1e-5)
    # Within one move only the neighbours of an end can have hit it.
    soon = planning.hitting_probabilities(tabular, policy, goals, 1)
    np.testing.assert_allclose(soon[1], [1 - right, 0], atol=1e-6)
    np.testing.assert_array_equal(soon[2], [0, 0])
    # A reward of 1 at the right end makes the value the probability of reaching it.
    value = planning.evaluate_policy(tabular, jnp.ones(1), policy, 1.0, 400)
    np.testing.assert_allclose(value[1:-1], wins[1:-1], atol=1e-5)


def test_termination_elsewhere_ends_the_search():
    tabular = chain(5, 0.5)
    goals = jnp.arange(5)[:, None] == 4
    stopped = tabular._replace(terminated=tabular.terminated | (tabular.next_state == 2))
    got = planning.hitting_probabilities(stopped, jnp.ones((5, 1)), goals, 200)[:, 0]
    np.testing.assert_allclose(got, [0, 0, 0.25, 0.5, 1], atol=1e-5)


def test_key_or_exit_first_counts_a_key_that_is_gone_when_taken(key_chest):
    """Hitting through moves: chances of all concepts and neither sum to 1, the key's are real."""
    analysis = key_chest.analysis
    tabular = level(key_chest)
    goals, entered = jnp.asarray(analysis.goals[0]), jnp.asarray(analysis.entered[0])
    policy = jnp.full(tabular.probability.shape[:2], 0.25, jnp.float32)
    got = planning.hitting_probabilities(tabular, policy, goals, 2000, entered)
    starts = np.flatnonzero(analysis.tabular.start[0])
    np.testing.assert_allclose(got[starts].sum(axis=1), 1, atol=1e-3)
    assert (got[starts, 0] > 0).any()
    # Solved once more as a linear system on the cells, with all three as absorbing ends.
    cells = np.asarray(tabular.next_state[0::2, :, 0]) // 2
    size = len(cells)
    where = key_chest.env.width * np.asarray(key_chest.levels.position[0, :, 0])[:, 0]
    where = where + np.asarray(key_chest.levels.position[0, :, 0])[:, 1]
    matrix, ends = np.eye(size), np.zeros((size, 3))
    for cell in range(size):
        if cell in where:
            ends[cell] = (where == cell) / (where == cell).sum()
        else:
            np.add.at(matrix[cell], cells[cell], -0.25)
    free = ~np.asarray(key_chest.levels.walls[0]).reshape(-1)
    exact = np.linalg.solve(matrix[np.ix_(free, free)], ends[free])
    np.testing.assert_allclose(got[0::2][free], exact, atol=2e-3)


@given(seed=st.integers(0, 2**16), index=st.integers(0, 5))
def test_visitation_sums_to_the_expected_length(slip, seed, index):
    tabular = level(slip, index)
    policy, horizon = random_policy(tabular, seed), 9
    visits = _visitation(tabular, policy, horizon)
    # With a reward of 1 for every move, the value of the start is the expected episode length.
    paid = tabular._replace(rewards=jnp.ones_like(tabular.rewards[:1]))
    length = _evaluate(paid, jnp.ones(1), policy, 1.0, horizon)
    np.testing.assert_allclose(visits.sum(), tabular.start @ length, rtol=1e-4)
    assert visits.min() >= 0
    assert np.all(visits[~np.asarray(tabular.reachable)] == 0)


@given(seed=st.integers(0, 2**16), index=st.integers(0, 5))
def test_no_policy_beats_the_oracle(slip, seed, index):
    tabular = level(slip, index)
    weights = slip.levels.reward_weights[index]
    value = _evaluate(tabular, weights, random_policy(tabular, seed), 0.9, 12)
    best, _ = _optimal(tabular, weights, 0.9, 12)
    assert np.all(value <= best + 1e-5)


_distances = jax.jit(planning.distances)
_visitation = jax.jit(
    lambda tabular, policy, horizon: planning.visitation(tabular, policy, tabular.start, horizon),
    static_argnums=2,
)
_evaluate = jax.jit(planning.evaluate_policy, static_argnums=(3, 4))
_optimal = jax.jit(planning.optimal_values, static_argnums=(2, 3))
