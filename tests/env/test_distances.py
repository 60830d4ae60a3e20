"""Exact distances and advantages against plain Python, SciPy and closed forms."""

from __future__ import annotations

from collections import deque

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
from tests.env.planned import chain, level

pytestmark = pytest.mark.slow


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


def test_actions_that_are_equally_good_by_symmetry_are_equally_good(worlds_folder):
    """On open ground north and west are alike wherever the goal is as far up as it is left."""
    env = make("slip", folders=[worlds_folder], slip=0.25, height=7, width=7)
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


_distances = jax.jit(planning.distances)
