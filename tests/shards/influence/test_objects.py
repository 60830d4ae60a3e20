"""Objects by intervention, on planted rules in which every effect is known."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted.policy import planted_policy
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec, planted_gates
from shardsim.shards.agents import agents_of
from shardsim.shards.contexts.battery import battery
from shardsim.shards.fit.data import decisions_on
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.influence import object_fit, object_shares, residual
from shardsim.shards.influence.objects import centred, emptied, object_effects
from shardsim.shards.influence.places import place_test, shifted_by_one
from shardsim.shards.influence.shares import shares_of

CONCEPTS = ("cheese", "decoy", "corner")
NEAR = PlantedGate("near", concept=0, threshold=3.0)
ALWAYS = PlantedGate("constant", concept=2)
HABIT = (0.5, 0.0, -0.5, 0.0)


def spec(gates, preferences, strengths, **other) -> PlantedSpec:
    settings = {"kind": "shards", "habit": HABIT, "affordance": -1.5} | other
    return PlantedSpec(
        concepts=CONCEPTS, gates=gates, preferences=preferences, strengths=strengths, **settings
    )


ADDITIVE = spec((NEAR, ALWAYS), ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), (3.0, 1.5))
PLACE = spec((ALWAYS,), ((0.0, 0.0, 1.0),), (2.0,), habit=(0.0,) * 4, affordance=0.0)
PLANNER = spec(
    (PlantedGate("constant"),), (), (2.0,), kind="planner", planner=(1.0, 4, 3, 1, 1, 1, 0.2)
)


@pytest.fixture(scope="module")
def on(corner_env):
    return battery(corner_env, 300, split="target", seed=3)


@pytest.fixture(scope="module")
def none(on):
    return emptied(on)


def effects_of(planted: PlantedSpec, on):
    agents = agents_of(planted_policy(planted), on, seed=0)
    return object_effects(lambda states, seen: agents.respond(states, seen).logits, on)


@pytest.fixture(scope="module")
def additive(on):
    return effects_of(ADDITIVE, on)


def known(additive, on, none, **other) -> object_fit.OneAgent:
    """The additive agent with a model that is exactly right, but for what is given."""
    data = decisions_on(on, additive.logits[0])
    gates = planted_gates(ADDITIVE, on.covariates)
    right = {
        "data": data,
        "base": additive.base[0],
        "main": additive.main[0],
        "objects": additive.objects,
        "fitted": data.logits,
        "fitted_base": additive.base[0],
        "pulls": gates @ np.array(ADDITIVE.preferences),
    }
    return object_fit.OneAgent(**(right | other))


def test_an_additive_agent_has_exactly_its_main_effects(additive, on):
    assert additive.objects == (0, 1)
    gates = planted_gates(ADDITIVE, on.covariates)
    advantage = decisions_on(on, additive.logits[0]).advantages[:, :, 0]
    expected = centred(gates[:, :1] * advantage)
    np.testing.assert_allclose(additive.main[0, ..., 0], expected, atol=1e-4)
    np.testing.assert_allclose(additive.main[0, ..., 1], 0.0, atol=1e-4)
    np.testing.assert_allclose(additive.interactions, 0.0, atol=1e-4)
    np.testing.assert_allclose(additive.of_objects[0], expected, atol=1e-4)


def test_a_planner_has_interactions_and_its_parts_sum_to_its_logits(on):
    found = effects_of(PLANNER, on)
    assert np.abs(found.paired).mean() > 0.05
    parts = found.base + found.main.sum(-1) + found.paired.sum(-1) + found.higher
    np.testing.assert_allclose(parts, found.logits, atol=1e-9)
    np.testing.assert_allclose(found.higher, 0.0, atol=1e-9)  # two objects have one pair


def test_shares_sum_to_one_and_a_place_shard_lies_in_the_base(on):
    found = effects_of(PLACE, on)
    share = shares_of(object_shares.object_strengths(found), on.weight)[0]
    names = object_shares.part_names(on.concepts, found)
    assert names == ["base", "cheese", "decoy", "interactions"]
    np.testing.assert_allclose(share, [1.0, 0.0, 0.0, 0.0], atol=1e-4)


def test_the_base_is_divided_among_what_was_planted(additive, none):
    share = object_shares.base_shares(additive.base, none)[0]
    named = dict(zip(object_shares.base_names(none), share, strict=True))
    assert share.sum() == pytest.approx(1.0)
    assert named["walking"] < 0.05
    assert min(named["habit"], named["affordance"], named["corner"]) > 0.1


def test_without_objects_contexts_are_the_same_but_for_what_objects_tell(on, none):
    np.testing.assert_array_equal(
        none.level_index, np.unique(on.level_index, return_inverse=True)[1]
    )
    np.testing.assert_array_equal(none.distance[:, 2], on.distance[:, 2])
    assert not none.reachable[:, :2].any()
    np.testing.assert_array_equal(none.advantages[:, :, :2], 0.0)
    np.testing.assert_array_equal(none.observations[..., 1], on.observations[..., 1])


def test_gates_read_from_effects_are_the_planted_ones(additive, on, none):
    one = known(additive, on, none)
    found = object_fit.effect_gates(one)
    told = np.isfinite(found.gate[:, 0])
    gates = planted_gates(ADDITIVE, on.covariates)[:, 0]
    np.testing.assert_allclose(found.gate[told, 0], gates[told], atol=1e-4)
    acting = np.isfinite(found.along[:, 0]) & (gates > 0)
    np.testing.assert_allclose(found.along[acting, 0], 1.0, atol=1e-6)
    correlation, gap = object_fit.gate_agreement(one, found)
    assert correlation[0] == pytest.approx(1.0, abs=1e-6)
    assert np.nanmax(np.abs(gap[0])) < 1e-3


def test_a_right_model_explains_objects_wholly_and_one_without_them_not_at_all(additive, on, none):
    right = object_fit.objects_explained(known(additive, on, none))
    assert right["fitted"] == pytest.approx(1.0, abs=1e-9)
    assert right["freely"] == pytest.approx(1.0, abs=1e-4)
    assert 0.95 < right["covariates"] <= 1.0  # the planted gate is a step of one covariate
    blind = known(additive, on, none, fitted=additive.base[0])
    assert object_fit.objects_explained(blind)["fitted"] == pytest.approx(0.0, abs=1e-12)


def test_the_residual_is_where_the_model_is_wrong(additive, on, none):
    corner = centred(1.5 * on.advantages[:, :, 2].astype(np.float64))
    logits, base = additive.logits[0], additive.base[0]
    places = known(additive, on, none, fitted=logits - corner, fitted_base=base - corner)
    np.testing.assert_allclose(residual.residual_by_distance(places).sum(1), [0, 1], atol=1e-6)
    blind = known(additive, on, none, fitted=base)
    found = residual.residual_by_distance(blind)
    np.testing.assert_allclose(found.sum(1), [1, 0], atol=1e-6)
    assert found[0, 4] == pytest.approx(0.0, abs=1e-6)  # the cheese acts within three moves


def test_what_would_reduce_the_residual_is_what_was_left_out(additive, on, none):
    blind = known(additive, on, none, fitted=additive.base[0])
    moves = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]], float)
    found = residual.reduced_by(blind, on.concepts, moves, seed=0)
    assert found["other gates"] > 0.9
    assert found["affordance by context"] < 0.5
    assert residual.located(blind, seed=0).covariate.endswith("cheese")
    nothing = residual.reduced_by(known(additive, on, none), on.concepts, None, seed=0)
    assert set(nothing.values()) == {0.0}


def test_who_goes_to_the_mark_follows_it_and_nothing_else(corner_env, none):
    """The planted rule reads the place off its plane, so it goes where the mark is."""
    policy = planted_policy(PLACE, corner_env)
    found = place_test(lambda seen: np.asarray(policy(seen))[None], none)
    assert found.places == (2,)
    expected = [[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]]  # unmoved, mark stays, mark moves
    np.testing.assert_allclose(found.pull[0, 0], expected, atol=1e-3)


def test_a_maze_is_shifted_only_where_it_stays_whole(none):
    moved, done = shifted_by_one(none)
    walls = np.asarray(none.states.level.walls)
    sides = [walls[:, 0].all(1), walls[:, -1].all(1), walls[:, :, 0].all(1), walls[:, :, -1].all(1)]
    np.testing.assert_array_equal(done, np.any(sides, 0))
    np.testing.assert_array_equal(moved[~done], none.observations[~done])
    for plane in range(2):  # the agent, and as many walls
        np.testing.assert_array_equal(
            moved[..., plane].sum((1, 2)), none.observations[..., plane].sum((1, 2))
        )


def test_fitted_gates_of_an_additive_agent_agree_with_the_effects(additive, on, none):
    data = decisions_on(on, additive.logits[0])
    model = fit_gates(np.array(ADDITIVE.preferences), data)
    one = object_fit.one_agent(additive, 0, model, on, none)
    correlation, _ = object_fit.gate_agreement(one, object_fit.effect_gates(one))
    assert correlation[0] > 0.98
    assert object_fit.objects_explained(one)["fitted"] > 0.98
