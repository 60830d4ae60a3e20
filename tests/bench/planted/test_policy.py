"""Planted policies give exact logits in every state of every level, edited ones included."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.planted.policy import (
    describe,
    logits_on,
    planned_values,
    planted_policy,
    unique_levels,
)
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec, planted_logits
from shardsim.bench.planted.sampling import sample_spec
from shardsim.env.covariates import analyse, covariates
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery
from shardsim.shards.contexts.policies import respond
from shardsim.shards.identify import identify
from shardsim.shards.influence.influence import edit

pytestmark = pytest.mark.slow

TWO = PlantedSpec(
    kind="shards",
    concepts=("cheese", "decoy", "corner"),
    gates=(PlantedGate("near", 0, threshold=2), PlantedGate("constant")),
    preferences=((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    strengths=(3.0, 2.0),
    habit=(0.1, 0.2, 0.3, 0.4),
    affordance=-1.5,
)


def open_states(env, cells):
    """States on an open 5x5 level: cheese in the middle of the east edge, decoy far south."""
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    level = level.replace(
        walls=jnp.zeros((5, 5), bool),
        position=jnp.array([[[2, 4]], [[4, 0]], [[0, 0]]], jnp.int32),
        present=jnp.ones((3, 1), bool),
    )
    states = [env.state_at(level, jnp.int32(5 * row + column)) for row, column in cells]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


def test_logits_on_an_open_level_are_those_worked_out_by_hand(corner_env):
    # at (4, 4): cheese 2 north; corner 4 north or 4 west; east and south bump
    # at (0, 2): cheese 2 south and 2 east, out of the gate; corner 2 west; north bumps
    logits = planted_policy(TWO).on_states(corner_env, open_states(corner_env, [(4, 4), (0, 2)]))
    first = [0.1, 0.2 - 3.0 - 2.0 - 1.5, 0.3 - 3.0 - 2.0 - 1.5, 0.4 - 3.0 * 2]
    second = [0.1 - 2.0 - 1.5, 0.2 - 2.0 * 2, 0.3 - 2.0 * 2, 0.4]
    np.testing.assert_allclose(logits, [first, second], atol=1e-6)


def by_hand(spec, env, states):
    """Logits with each state's level analysed by itself."""
    found = []
    for number in range(len(states.steps)):
        state = take(states, number)
        analysis = analyse(env, state.level)
        index = env.index_of(state)
        named = {n: np.asarray(v)[None] for n, v in covariates(env, analysis, state).items()}
        advantage, blocked = (
            np.asarray(analysis.advantage[index]),
            np.asarray(analysis.blocked[index]),
        )
        found.append(planted_logits(spec, named, advantage[None], blocked[None])[0])
    return np.stack(found)


@pytest.mark.parametrize("name", ["cheese-corner", "two-goods"])
def test_logits_on_edited_states_are_those_of_levels_built_anew(name):
    env = make(name, height=5, width=5)
    some = battery(env, 12, seed=2)
    spec = sample_spec(np.random.default_rng(1), concepts=env.concept_names, num_shards=3, size=5)
    policy, edited = planted_policy(spec), edit(some)
    for states in (some.states, *edited.removed):
        logits = np.asarray(policy.on_states(env, states))
        np.testing.assert_allclose(logits, by_hand(spec, env, states), atol=1e-5)
    gone, before = np.asarray(policy.on_states(env, edited.removed[0])), logits_on(spec, some)
    assert np.abs(gone - before).max() > 0.1


@pytest.mark.parametrize("kind", ["shards", "drive-planner", "planner", "hidden"])
def test_over_a_battery_it_is_what_the_battery_says(kind):
    env = make("two-goods", height=5, width=5)
    some = battery(env, 60, seed=3)
    drives = env.drive_names
    spec = sample_spec(
        np.random.default_rng(2), kind, concepts=env.concept_names, size=5, drives=drives
    )
    asked = respond(planted_policy(spec), env, some.states).logits
    np.testing.assert_allclose(asked, logits_on(spec, some), atol=1e-4)


def test_a_planner_of_one_step_to_its_goal_values_it_by_its_reward(corner_env):
    """Beside the goal with no discount left to earn elsewhere, only that move pays."""
    spec = sample_spec(np.random.default_rng(0), "drive-planner", concepts=TWO.concepts)
    spec = PlantedSpec(**{**vars(spec), "reward": (("reaching corner", 3.0),), "discount": 0.0})
    values = planned_values(spec, corner_env, open_states(corner_env, [(0, 1), (3, 3)]))
    np.testing.assert_allclose(values[0], [-0.75, -0.75, -0.75, 2.25], atol=1e-6)
    np.testing.assert_allclose(values[1], 0.0, atol=1e-6)


def test_each_level_is_analysed_once(corner_env):
    levels = sample_levels(corner_env, jax.random.key(1), 3, "train")
    many = take(levels, np.array([2, 0, 2, 1, 0, 0]))
    first, which = unique_levels(many)
    assert len(first) == 3
    np.testing.assert_array_equal(first[which], [0, 1, 0, 3, 1, 1])


def test_more_levels_than_a_chunk_are_described_alike(corner_env):
    some = battery(corner_env, 800, seed=5)
    assert len(np.unique(some.level_index)) > 64
    found = describe(corner_env, some.states)
    np.testing.assert_array_equal(found.advantages, some.advantages)
    np.testing.assert_array_equal(found.blocked, some.blocked)
    for name in ("distance_cheese", "sees_corner", "row"):
        np.testing.assert_array_equal(found.covariates[name], some.covariates[name])


def test_identify_takes_a_planted_policy_with_its_edits(corner_env):
    found = identify(planted_policy(TWO, corner_env), battery(corner_env, 300, seed=6))
    assert found.num_shards == 2
    np.testing.assert_allclose(np.sort(found.preferences.max(1)), 1.0, atol=0.05)
    assert found.influence["signed"][0, 0] > 0.2  # the cheese, one move away
    assert found.influence["signed"][1][:3] == pytest.approx(0.0, abs=1e-6)  # the decoy


def test_another_env_is_refused_in_one_line(corner_env):
    states = open_states(corner_env, [(4, 4)])
    with pytest.raises(UserError, match="was planted on cheese, decoy, corner"):
        planted_policy(TWO).on_states(make("two-goods"), states)
    narrow = PlantedSpec(**{**vars(TWO), "habit": (0.0, 0.0)})
    with pytest.raises(UserError, match="habits for 2 actions"):
        planted_policy(narrow).on_states(corner_env, states)
    lost = PlantedSpec(**{**vars(TWO), "reward": (("reaching chese", 1.0),)})
    with pytest.raises(UserError, match="did you mean"):
        planted_policy(lost).on_states(corner_env, states)
