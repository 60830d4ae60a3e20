"""Plans against exact visitation and hitting; endorsement and pooling by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env import planning
from shardsim.reflection import imagine as im
from shardsim.reflection.measure import hits, tabular_of
from tests.reflection.forks import fork, grid_world, random_policy

pytestmark = pytest.mark.slow

PLANS = 40_000
MOVES = 30
NONE = jax.random.key(0)


def as_jax(world):
    """A numpy world with the dtypes that reflection uses."""
    to = {"i": jnp.int32, "f": jnp.float32, "b": jnp.bool_}
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, to[leaf.dtype.kind]), world)


def test_sampled_plans_hit_and_visit_as_the_tables_say():
    rng = np.random.default_rng(0)
    world = as_jax(grid_world(rng, 7, 3, 2))
    policy = jnp.asarray(random_policy(rng, world), jnp.float32)
    wanted = jnp.array([True, True])
    plans = im.imagine(jax.random.key(1), world, policy, wanted, PLANS, MOVES)
    exact = hits(world, policy, (0, 1), MOVES)[0, 0]
    assert jnp.mean(plans.ended[0], axis=0) == pytest.approx(np.asarray(exact[:2]), abs=0.012)
    visits = im.pooled(plans, jnp.full((1, PLANS), 1 / PLANS), 7, 3)[0]
    stop = world._replace(terminated=world.terminated | jnp.any(world.entered, axis=-1))
    one = jax.tree.map(lambda leaf: leaf[0], stop)
    start = jnp.zeros(7).at[0].set(1.0)
    expected = planning.visitation(tabular_of(one), policy[0], start, MOVES)[:, None] * policy[0]
    assert visits == pytest.approx(np.asarray(expected / expected.sum()), abs=0.006)


def test_a_plan_is_worth_its_end_discounted_by_its_length():
    world = as_jax(fork((2, 3)))
    policy = jnp.ones((1, 6, 2)).at[0, 0].set(jnp.array([0.0, 1.0]))
    wanted = jnp.array([True, True])
    plans = im.imagine(NONE, world, policy / policy.sum(-1, keepdims=True), wanted, 3, 9)
    value = im.shard_returns(plans, jnp.array([[0.8, 0.6], [0.0, 1.0]]), 0.5)
    assert value[0] == pytest.approx(np.tile([0.6 * 0.5**3, 0.5**3], (3, 1)), abs=1e-6)
    assert plans.moves.tolist() == [[3, 3, 3]]


def test_a_plan_given_up_is_worth_nothing():
    world = as_jax(fork((2, 9)))
    policy = jnp.zeros((1, 12, 2)).at[..., 1].set(1.0)
    plans = im.imagine(NONE, world, policy, jnp.array([True, True]), 2, 5)
    assert not plans.ended.any()
    assert plans.moves.tolist() == [[5, 5]]
    assert not im.shard_returns(plans, jnp.eye(2), 0.5).any()


def test_endorsement_is_what_the_rules_say():
    value = jnp.array([[[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]])
    chance, judges = jnp.array([[0.5, 0.25, 0.25]]), jnp.array([[0.3, 0.7]])
    gain = np.exp(2.0 * np.asarray(value[0]))
    p, q = np.asarray(chance[0]), np.asarray(judges[0])
    turns = p * ((gain / (p @ gain)) @ q)
    summed = p * np.exp(2.0 * np.asarray(value[0]) @ q)
    for rule, expected in ((0, turns), (1, summed / summed.sum()), (2, p)):
        found = im.endorse(jnp.int32(rule), value, chance, judges, 2.0, NONE)[0]
        assert found == pytest.approx(expected, abs=1e-6)
    sham = im.endorse(jnp.int32(3), value, chance, judges, 2.0, NONE)[0]
    assert sorted(sham.tolist()) == pytest.approx(sorted(turns), abs=1e-6)
