"""Strata, densities and drawing on cases that can be worked out by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.env.types import Tabular
from shardsim.shards.contexts.sampling import (
    ABSENT,
    decision_states,
    distance_bin,
    draw,
    inclusion,
    sampling_density,
    scatter_objects,
    strata,
)

pytestmark = pytest.mark.slow


def test_distances_fall_into_the_five_bins():
    distance = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 40.0, np.inf])
    assert distance_bin(distance).tolist() == [0, 0, 1, 2, 3, 3, 4, 4, 4]


def test_a_stratum_is_distance_and_conflict():
    distance = np.array([[1.0, 6.0], [1.0, 6.0], [2.0, np.inf]])
    east, north = [0.0, -2.0], [-2.0, 0.0]
    advantage = np.array([[east, north], [east, east], [east, [0.0, 0.0]]]).transpose(0, 2, 1)
    reachable = np.isfinite(distance)
    found = strata(distance, advantage, reachable)
    assert found[0].tolist() == [1, 0, 2]  # conflict only in the first context
    assert found[1].tolist() == [9, 8, 10]  # unreachable is a bin of its own


def test_density_gives_strata_equal_chance():
    chance = np.array([0.7, 0.1, 0.1, 0.1])
    row = np.array([[0, 1, 1, 1]])
    assert np.allclose(sampling_density(chance, row), [0.5, 1 / 6, 1 / 6, 1 / 6])
    two = np.array([[0, 1, 1, 1], [0, 0, 0, 5]])
    expected = [
        (0.5 + 0.5 * 7 / 9) / 2,
        (1 / 6 + 1 / 18) / 2,
        (1 / 6 + 1 / 18) / 2,
        (1 / 6 + 0.5) / 2,
    ]
    assert np.allclose(sampling_density(chance, two), expected)


@given(
    st.lists(st.floats(0.01, 100.0), min_size=5, max_size=40),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_drawing_keeps_size_and_chances(density, size, seed):
    chance = inclusion(np.array(density), size)
    assert np.isclose(chance.sum(), size)
    assert (chance <= 1).all()
    below = chance < 1
    ratio = chance[below] / np.array(density)[below]
    assert ratio.size == 0 or np.allclose(ratio, ratio[0])
    drawn = draw(chance, seed)
    assert len(drawn) == size
    assert len(set(drawn.tolist())) == size
    assert set(np.flatnonzero(chance == 1)) <= set(drawn.tolist())


def test_systematic_drawing_is_unbiased():
    chance = inclusion(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    count = np.zeros(4)
    for seed in range(2000):
        count[draw(chance, seed)] += 1
    assert np.allclose(count / 2000, chance, atol=0.04)


def test_nothing_is_decided_where_the_episode_has_ended():
    # 0 -> 1 -> 2 (terminal) and 3, which no start leads to.
    tabular = Tabular(
        next_state=jnp.array([[[1]], [[2]], [[3]], [[3]]], jnp.int32),
        probability=jnp.ones((4, 1, 1), jnp.float32),
        rewards=jnp.zeros((1, 4, 1, 1), jnp.float32),
        terminated=jnp.array([[[False]], [[True]], [[False]], [[False]]]),
        reachable=jnp.ones(4, bool),
        start=jnp.array([1.0, 0.0, 0.0, 0.0], jnp.float32),
    )
    assert np.asarray(decision_states(tabular)).tolist() == [True, True, False, False]


def test_scattered_objects_that_a_level_lacked_are_missing_with_the_same_chance():
    env = make("lava-land")  # no lava in training
    levels = sample_levels(env, jax.random.key(0), 50, "train")
    assert not np.asarray(levels.present)[:, 1].any()
    present = np.asarray(scatter_objects(env, jax.random.key(1), levels).present)[:, 1]
    assert abs(1 - present.mean() - ABSENT) < 5 * (ABSENT * (1 - ABSENT) / present.size) ** 0.5


def test_scattered_objects_leave_a_cell_to_the_agent():
    env = make("lava-land", height=3, width=5, lava_cells=4)  # five cells to ten things at times
    levels = sample_levels(env, jax.random.key(0), 50, "train")
    scattered = scatter_objects(env, jax.random.key(1), levels)
    free = (~np.asarray(scattered.walls)).sum((1, 2))
    for level in range(50):
        there = np.asarray(scattered.present[level])
        spots = np.asarray(scattered.position[level])[there]
        assert not np.asarray(scattered.walls[level])[spots[:, 0], spots[:, 1]].any()
        assert len(np.unique(spots, axis=0)) == len(spots) < free[level]


def test_scattered_objects_stand_on_free_cells_apart(corner_env, corner_battery):
    levels = jax.tree.map(lambda leaf: leaf[:200], corner_battery.states.level)
    scattered = scatter_objects(corner_env, jax.random.key(0), levels)
    position, present = np.asarray(scattered.position), np.asarray(scattered.present)
    rows = np.arange(200)
    for concept in (0, 1):
        spot = position[:, concept, 0]
        assert not np.asarray(scattered.walls)[rows, spot[:, 0], spot[:, 1]].any()
        assert 0.1 < 1 - present[:, concept].mean() < 0.4
    assert (position[:, 0] != position[:, 1]).any(-1).all()
    assert present[:, 2].all()
    assert (position[:, 2] == 0).all()
