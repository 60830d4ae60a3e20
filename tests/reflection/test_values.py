"""Exact values against closed forms, simulation by powers, and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.reflection import values
from tests.reflection.forks import fork, grid_world, random_policy, softmax

DISCOUNT = 0.9


def test_a_fork_pays_the_discounted_distance():
    world = fork((2, 4))
    policy = np.full((1, 7, 2), 0.5)
    policy[0, 0] = 0.3, 0.7
    worth = values.shard_values(world, policy, np.eye(2), DISCOUNT)
    assert worth[0] == pytest.approx([0.3 * DISCOUNT**2, 0.7 * DISCOUNT**4], abs=1e-12)


def test_first_passage_equals_the_sum_over_moves():
    rng = np.random.default_rng(0)
    world = grid_world(rng, 9, 3, 3)
    policy = random_policy(rng, world)
    found = values.at_start(world, values.first_passage(world, policy, DISCOUNT).values)[0]
    expected = np.zeros(3)
    for concept in range(3):
        mass = np.zeros(9)
        mass[0] = 1.0
        for move in range(1, 400):
            rate = mass[:, None, None] * policy[0][:, :, None] * world.probability[0]
            hit, ended = world.entered[0][..., concept], world.terminated[0]
            expected[concept] += DISCOUNT**move * rate[hit].sum()
            mass = np.bincount(
                world.next_state[0][~(hit | ended)], rate[~(hit | ended)], minlength=9
            )
    assert found == pytest.approx(expected, abs=1e-10)


def test_on_the_concept_it_is_worth_one_and_nothing_can_change_it():
    world = fork((2, 4))._replace(start=np.array([2]))
    policy = np.full((1, 7, 2), 0.5)
    gain = values.endorsement(world, policy, np.ones((1, 7, 2, 2)), np.eye(2), DISCOUNT)
    worth = values.shard_values(world, policy, np.eye(2), DISCOUNT)
    assert worth[0, 0] == 1.0
    assert gain[0, 0] == pytest.approx([0.0, 0.0])


def test_endorsement_equals_finite_differences():
    rng = np.random.default_rng(1)
    world = grid_world(rng, 8, 4, 3)
    part, base = rng.normal(size=(1, 8, 4, 2)), rng.normal(size=(1, 8, 4))
    preferences, step = rng.normal(size=(2, 3)), 1e-5

    def worth(logs):
        policy = softmax(base + part @ np.exp(logs))
        return values.shard_values(world, policy, preferences, DISCOUNT)[0]

    found = values.endorsement(world, softmax(base + part.sum(-1)), part, preferences, DISCOUNT)[0]
    for shard, way in enumerate(np.eye(2) * step):
        slope = (worth(way) - worth(-way)) / (2 * step)
        assert found[:, shard] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 2.5)])
def test_case_16_the_fork_endorsement_matrix(weights):
    """E_11 = h_1² w_1 p(1−p), E_21 = −h_1 h_2 w_1 p(1−p), and the same for shard 2."""
    world, height = fork((2, 5)), DISCOUNT ** np.array([2, 5])
    part = np.zeros((1, 8, 2, 2))
    part[0, 0] = np.diag(np.array(weights) * height)
    policy = softmax(part.sum(-1))
    chance = policy[0, 0, 0] * policy[0, 0, 1]
    found = values.endorsement(world, policy, part, np.eye(2), DISCOUNT)[0]
    first, second = np.array(weights) * chance
    expected = [
        [height[0] ** 2 * first, -height[0] * height[1] * second],
        [-height[0] * height[1] * first, height[1] ** 2 * second],
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-12)


def test_the_achievable_range_is_that_of_all_policies():
    """Against every deterministic policy; with one concept no memory can help."""
    rng = np.random.default_rng(3)
    world = grid_world(rng, 5, 2, 1)
    worth = []
    for number in range(2**5):
        table = np.eye(2)[(number >> np.arange(5)) & 1][None]
        worth.append(values.shard_values(world, table, np.array([[0.8]]), DISCOUNT)[0, 0])
    low, high = values.achievable(world, np.array([[0.8]]), DISCOUNT)
    assert (low[0, 0, 0], high[0, 0, 0]) == pytest.approx((min(worth), max(worth)), abs=1e-7)


def test_the_achievable_range_remembers_what_was_entered():
    """On a ring both concepts can be had in turn, but each pays once."""
    world = grid_world(np.random.default_rng(0), 4, 1, 2)
    ring = np.array([1, 2, 3, 0])[:, None, None]
    goals = np.arange(4)[:, None] == np.array([1, 3])
    world = world._replace(
        next_state=ring[None],
        probability=np.ones((1, 4, 1, 1)),
        goals=goals[None],
        entered=goals[ring][None],
        terminated=np.zeros((1, 4, 1, 1), bool),
    )
    both = DISCOUNT * 0.6 + DISCOUNT**3 * 0.8
    low, high = values.achievable(world, np.array([[0.6, 0.8]]), DISCOUNT)
    assert (low[0, 0, 0], high[0, 0, 0]) == pytest.approx((both, both), abs=1e-7)


def test_a_discount_of_one_is_refused():
    with pytest.raises(UserError, match="between 0 and 1"):
        values.first_passage(fork((1, 1)), np.full((1, 3, 2), 0.5), 1.0)
