"""`identify` from outside: rules with known shards, and rules with none."""

from __future__ import annotations

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.covariates import analyse
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery
from shardsim.shards.contexts.policies import state_policy
from shardsim.shards.identify import identify

pytestmark = pytest.mark.slow

CHEESE, CORNER = 0, 2


def _rule(cheese, corner):
    """A rule that bumps into nothing and weighs advantages by functions of the distances."""

    def rule(env, state):
        analysis = analyse(env, state.level)
        index = env.index_of(state)
        distance = analysis.distance[index]
        advantage = jnp.maximum(analysis.advantage[index], -4.0)
        blocked = analysis.blocked[index].astype(jnp.float32)
        wanted = cheese(distance[CHEESE]) * advantage[:, CHEESE]
        return wanted + corner(distance[CORNER]) * advantage[:, CORNER] - 3.0 * blocked

    return rule


def _always(strength):
    return lambda distance: jnp.full((), strength, jnp.float32)


def _within(bound, strength):
    return lambda distance: jnp.where(distance <= bound, strength, 0.0).astype(jnp.float32)


@pytest.fixture(scope="module")
def contexts():
    """1,200 contexts of 7x7 target levels."""
    return battery(make("cheese-corner"), 1200, seed=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_shards": 2.5}, "max_shards must be a whole number from 1 to 32, not 2.5"),
        ({"max_shards": 0}, "max_shards must be a whole number from 1 to 32, not 0"),
        ({"refine": -5}, "refine must be a whole number of at least 0, not -5"),
        ({"refine": 0.5}, "refine must be a whole number"),
        ({"seed": -1}, "seed must be a whole number from 0"),
    ],
)
def test_numbers_out_of_range_are_refused_before_the_policy_is_asked(wrong, said):
    def never(observations):
        raise AssertionError("asked")

    with pytest.raises(UserError, match=said):  # unwrapped, since these tests check annotations
        inspect.unwrap(identify)(never, None, **wrong)


@pytest.fixture(scope="module")
def two(contexts):
    """A shard that is always on, and one that is on near the cheese."""
    return identify(state_policy(_rule(_within(3.0, 3.0), _always(2.0))), contexts)


def test_two_planted_shards_are_found(two):
    assert two.num_shards == 2
    assert two.verdict == "shards"
    cosine = two.preferences @ np.eye(3)[[CHEESE, CORNER]].T
    assert sorted(cosine.argmax(1).tolist()) == [0, 1]
    assert cosine.max(1).min() > 0.97
    assert two.shardness_interval[0] > 0
    assert two.rivals["shards"] < two.rivals["planner with gain"]
    assert two.rivals["ceiling"] < two.rivals["ceiling permuted"]


def test_their_gates_are_the_planted_ones(two, contexts):
    cheese = int((two.preferences @ np.eye(3)[CHEESE]).argmax())
    near = contexts.distance[:, CHEESE] <= 3
    apart = np.isfinite(contexts.distance).all(1)
    assert np.allclose(two.gates[near & apart, cheese].mean(), 3.0, atol=0.4)
    assert two.gates[~near & apart, cheese].mean() < 0.3
    assert np.allclose(two.gates[:, 1 - cheese].mean(), 2.0, atol=0.3)


def test_their_words_say_so(two):
    assert sorted(two.words) == [
        "active everywhere; pushes toward the corner",
        "active within 3 steps of the cheese; pushes toward it",
    ]


def test_shares_are_a_distribution_with_intervals_around_them(two):
    total = two.shares.sum() + two.habit_share + two.affordance_share + two.residual
    assert np.isclose(total, 1.0)
    assert (two.interval[:, 0] <= two.shares).all()
    assert (two.shares <= two.interval[:, 1]).all()
    assert two.residual < 0.1


def test_influence_is_local_where_the_shard_is(two):
    table = two.influence["signed"][CHEESE]
    assert (table[:3] > 0.1).all()
    assert np.allclose(table[3:], 0.0, atol=1e-5)
    assert np.allclose(two.influence["in_model"][CHEESE, :3], table[:3], atol=0.15)
    assert np.allclose(two.influence["signed"][1], 0.0, atol=1e-5)  # the decoy


def test_a_rule_cannot_be_confirmed_but_is_not_hidden(two):
    assert two.confirmed.tolist() == [False, False]
    assert two.agreement == {}


def test_everything_is_in_the_dataset(two, contexts):
    table = two.to_dataset()
    assert table.sizes["context"] == contexts.size
    assert table.attrs["verdict"] == "shards"
    assert np.allclose(table["share"], two.shares)
    assert table["bits"].sel(model="shards") == two.rivals["shards"]
    assert str(table["words"].values[0]) == two.words[0]


def test_one_utility_is_called_one(contexts):
    found = identify(state_policy(_rule(_always(1.5), _always(0.7))), contexts)
    assert found.num_shards == 1
    assert found.verdict == "one utility"
    assert np.allclose(
        found.preferences[0] / found.preferences[0, CHEESE], [1.0, 0.0, 0.7 / 1.5], atol=0.1
    )


def test_no_structure_is_found_where_there_is_none(contexts):
    found = identify(state_policy(_rule(_always(0.0), _always(0.0))), contexts)
    assert found.num_shards == 0
    assert found.verdict == "no structure"
    assert found.shares.shape == (0,)
    assert np.isclose(found.affordance_share + found.habit_share + found.residual, 1.0)


def test_a_plain_function_of_observations_will_do(contexts):
    def west(observations):
        return np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (len(observations), 1))

    found = identify(west, contexts)
    assert found.verdict == "no structure"
    assert found.habit_share > 0.9


def test_too_few_contexts_are_refused(contexts):
    with pytest.raises(UserError, match="too few to fit"):
        identify(state_policy(_rule(_always(1.0), _always(1.0))), contexts.take(np.arange(50)))
