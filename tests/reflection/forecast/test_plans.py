"""All plans of an agent, and where rules lead a table of them: closed forms on a fork."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.forecast.plans import Moves, Plans, moves_of, plans_of, taught
from shardsim.reflection.forecast.table import at_step, chance_alone, path_of
from shardsim.reflection.imagine import imagine
from shardsim.reflection.world import World
from tests.reflection.forks import fork, grid_world, random_policy

DISCOUNT, STRENGTH = 0.8, 1.5
DISTANCES = (2, 3)
JUDGES = np.array([[0.6, 0.4]])
CONFIG = ReflectConfig(steps=5, strength=STRENGTH, discount=DISCOUNT)


def at_fork(chance: float, length: int = 8) -> Moves:
    """An agent that takes the first road with this chance."""
    world = fork(DISTANCES)
    policy = np.full(world.next_state.shape[:3], 0.5)
    policy[0, 0] = chance, 1.0 - chance
    return moves_of(world, policy, (0, 1), length)


def plans_at(chance: float, length: int = 8) -> Plans:
    return plans_of(at_fork(chance, length), np.eye(2), DISCOUNT)


def test_the_plans_of_a_fork_are_its_two_roads():
    plans = plans_at(0.3)
    assert plans.chance @ plans.goal == pytest.approx(np.array([[0.3, 0.7, 0.0]]))
    assert plans.chance @ plans.returns == pytest.approx(
        np.array([[0.3 * DISCOUNT**2, 0.7 * DISCOUNT**3]])
    )


def test_plans_that_are_too_long_are_given_up():
    plans = plans_at(0.3, length=2)
    assert plans.chance @ plans.goal == pytest.approx(np.array([[0.3, 0.0, 0.7]]))
    assert plans.returns[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("steps", [1, 5])
def test_turns_and_summing_follow_their_closed_forms(steps: int):
    """p' = Σ_k q_k p u_k / E u_k, and logit p grows by b (q_1 γ^2 − q_2 γ^3) a step."""
    config = CONFIG.model_copy(update={"steps": steps})
    plans, height = plans_at(0.3), DISCOUNT ** np.array(DISTANCES)
    path = path_of(plans, "turns", JUDGES, config) @ plans.goal[:, 0]
    share = 0.3
    for found in path[1:, 0]:
        liked = np.exp(STRENGTH * height)
        first = share * liked[0] / (share * liked[0] + 1 - share)
        second = share / (share + (1 - share) * liked[1])
        share = JUDGES[0] @ [first, second]
        assert found == pytest.approx(share, abs=1e-12)
    path = path_of(plans, "summed", JUDGES, config) @ plans.goal[:, 0]
    logit = np.log(path[:, 0] / (1 - path[:, 0]))
    grown = STRENGTH * (JUDGES[0] @ (height * [1, -1])) * np.arange(steps + 1)
    assert logit - logit[0] == pytest.approx(grown, abs=1e-9)


def test_what_selects_nothing_leaves_plans_as_they_are():
    plans = plans_at(0.3)
    for rule in ("distillation", "sham"):
        assert path_of(plans, rule, JUDGES, CONFIG)[-1] == pytest.approx(plans.chance)


def test_a_path_is_read_between_steps():
    path = np.array([[0.0], [1.0], [4.0]])
    found = [at_step(path, step).item() for step in (0.0, 0.5, 1.25, 2.0)]
    assert found == [0.0, 0.5, 1.75, 4.0]


@pytest.fixture(scope="module")
def wide() -> Moves:
    """A stochastic world with a random policy."""
    rng = np.random.default_rng(3)
    world = grid_world(rng, 9, 3, 2)
    return moves_of(world, random_policy(rng, world), (0, 1), 12)


def test_plans_have_the_chances_with_which_they_are_imagined(wide: Moves):
    plans = plans_of(wide, np.eye(2), DISCOUNT)
    assert plans.chance.sum() == pytest.approx(1.0)
    world = World(*map(jnp.asarray, wide.world))
    world = world._replace(probability=world.probability.astype(jnp.float32))
    policy, wanted = jnp.asarray(wide.policy, jnp.float32), jnp.ones(2, bool)
    drawn = imagine(jax.random.key(0), world, policy, wanted, 20_000, 12)
    share = np.asarray(drawn.ended, float).mean((0, 1))
    assert (plans.chance @ plans.goal)[0, :2] == pytest.approx(share, abs=0.015)


def test_a_table_that_learns_all_its_plans_stays_as_it_is(wide: Moves):
    plans = plans_of(wide, np.eye(2), DISCOUNT)
    assert taught(wide, np.ones_like(plans.chance)) == pytest.approx(wide.policy)


def test_a_table_learns_the_plans_that_weigh_most():
    moves = at_fork(0.3)
    plans = plans_of(moves, np.eye(2), DISCOUNT)
    end = path_of(plans, "turns", JUDGES, CONFIG)[-1]
    weight = np.divide(end, plans.chance, out=np.ones_like(end), where=plans.chance > 0)
    learnt = taught(moves, weight)
    assert learnt[0, 0] == pytest.approx((end @ plans.goal)[0, :2])
    assert learnt[0, 1:] == pytest.approx(0.5 * np.ones_like(learnt[0, 1:]))


def test_chance_alone_is_wrights_drift():
    """Var = p (1 − p) (1 − (1 − 1/n)^T) where n plans are drawn T times."""
    config = CONFIG.model_copy(update={"plans": 40})
    plans = plans_at(0.3)
    many = plans._replace(chance=np.repeat(plans.chance, 60, axis=0))
    found = chance_alone(many, "sham", np.repeat(JUDGES, 60, axis=0), config)
    variance = 0.3 * 0.7 * (1 - (1 - 1 / 40) ** CONFIG.steps)
    assert (found[:, 0] ** 2).mean() == pytest.approx(variance, rel=0.06)
    assert found[:, 2] == pytest.approx(0.0)


def test_selection_that_coexists_holds_chance_back():
    """Two judges of equal weight pull back to the middle what chance took from it."""
    plans, even = plans_at(0.5), np.full((60, 2), 0.5)
    many = plans._replace(chance=np.repeat(plans.chance, 60, axis=0))
    config = CONFIG.model_copy(update={"steps": 30, "plans": 40, "strength": 4.0})
    held, free = (chance_alone(many, rule, even, config)[:, 0].mean() for rule in ("turns", "sham"))
    assert held < 0.5 * free
