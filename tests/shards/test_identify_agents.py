"""All seeds of a run together, on networks built by hand: what is wanted is what is found."""

from __future__ import annotations

import inspect
import json

import jax
import numpy as np
import pytest
import xarray as xr

from shardsim.agent.policy import Agent
from shardsim.base.errors import UserError
from shardsim.runs.io import dataset_from_bytes, dataset_to_bytes
from shardsim.shards import decide
from shardsim.shards.agents import agents_of
from shardsim.shards.evidence.training import positions
from shardsim.shards.fit.data import decisions_on
from shardsim.shards.fit.dictionary import common_preferences, match
from shardsim.shards.influence.nulls import entropy_bits, head_scale
from shardsim.shards.schema import SHARDS
from shardsim.shards.shardset import ShardSet
from shardsim.shards.summary import summary

pytestmark = pytest.mark.slow

CHEESE, CORNER = 0, 2
EXPLAINS = ("habits and affordance", "shards", "ceiling")


@pytest.fixture(scope="module")
def table(found):
    """What a run stores."""
    return found.to_dataset()


def _place(found, concept):
    return int((found.seed(0).preferences @ np.eye(3)[concept]).argmax())


def test_both_wants_are_in_the_dictionary(found):
    assert found.num_shards == 2
    wanted = found.seed(0).preferences
    assert wanted[_place(found, CHEESE), CHEESE] > 0.9
    assert wanted[_place(found, CORNER), CORNER] > 0.9
    assert sorted(found.names) == ["cheese", "corner"]


def test_the_cheese_is_wanted_near_and_the_corner_everywhere(found):
    near = found.battery.distance[:, CHEESE] <= 2
    for gates in found.gates:
        cheese = gates[:, _place(found, CHEESE)]
        assert cheese[near].mean() > 4 * cheese[~near].mean()
    assert "of the cheese; pushes toward it" in found.words[_place(found, CHEESE)]


def test_arrays_of_several_agents_have_a_leading_axis_that_one_agent_lacks(found):
    contexts = found.battery.size
    shapes = {"gates": (contexts, 2), "preferences": (2, 3), "shares": (2,), "interval": (2, 2)}
    shapes |= {"margin": (2,), "confirmed": (2,)}
    one = found.seed(1)
    for name, shape in shapes.items():
        assert getattr(found, name).shape == (2, *shape), name
        assert getattr(one, name).shape == shape, name
        np.testing.assert_array_equal(getattr(found, name)[1], getattr(one, name))
    for name in ("habit_share", "affordance_share", "residual", "shardness", "explained"):
        assert getattr(found, name)[1] == getattr(one, name)
    for name in ("rivals", "rivals_conflict"):
        own = getattr(one, name)
        assert all(type(value) is float for value in own.values()), name
        assert {key: values[1] for key, values in getattr(found, name).items()} == own
    for view, layers in one.agreement.items():
        assert {key: values[1] for key, values in found.agreement[view].items()} == layers
    assert one.to_dataset()["seed"] == 4
    assert one.verdict == str(found.to_dataset()["own_verdict"].values[1])


def test_real_removal_is_what_the_fitted_model_predicts(found):
    real, model = found.influence["signed"][:, CHEESE], found.influence["in_model"][:, CHEESE]
    np.testing.assert_allclose(model, real, atol=0.25)
    assert np.allclose(found.influence["signed"][:, 1], 0.0)  # the decoy
    null = np.abs(found.influence["untrained"][:, CHEESE]).max()
    assert null < 0.4 * real.max()


def test_shares_are_distributions_on_both_batteries(table, found):
    total = table["share"].sum("shard") + table["rest_share"].sum("rest")
    assert table["share"].dims == ("battery", "seed", "shard")
    np.testing.assert_allclose(total, 1.0)
    for name in ("share", "rest_share"):
        low, high = (table[f"{name}_interval"].sel(end=end) for end in ("low", "high"))
        mean = table[name].mean("seed")
        assert ((low >= 0) & (low <= mean) & (mean <= high) & (high <= 1)).all()
    target, held_out = (table["share"].sel(battery=name) for name in ("target", "held-out"))
    np.testing.assert_allclose(target, found.shares)
    np.testing.assert_allclose(held_out, target, atol=0.25)  # the same agents, in other levels
    assert (np.abs(held_out - target) > 1e-3).all()


def test_nulls_are_as_sharp_as_the_agents(found, agents, table):
    on = found.battery
    own = agents.respond(on.states, on.observations).logits
    raw = agents.untrained.respond(on.states, on.observations).logits
    scale = head_scale(raw, entropy_bits(own, on.weight), on.weight)
    scaled = raw * scale[:, None, None]
    np.testing.assert_allclose(
        entropy_bits(scaled, on.weight), entropy_bits(own, on.weight), atol=1e-3
    )
    assert set(table["null"].values) == {"untrained, scaled head", "shuffled policy"}
    assert table["null_shardness"].dims == ("null", "seed")


def _judged(table, bits: float, own: str):
    """The same evidence, with another shardness on every level and another verdict by seed."""
    levels = table["shardness_by_level"].copy(data=np.full(table["shardness_by_level"].shape, bits))
    verdicts = table["own_verdict"].copy(data=np.array([own, own]))
    return decide.decided(table.assign(shardness_by_level=levels, own_verdict=verdicts))


def test_units_that_carry_a_shard_confirm_it(table):
    assert table["readable"].all()
    assert table["specific"].all()
    assert not table["erases_another"].any()
    sure = _judged(table, 0.5, "shards")
    assert sure.attrs["verdict"] == "shards"
    assert sure["status"].values.tolist() == ["confirmed"] * 2
    told = summary(sure)
    assert [shard["confirmed"] for shard in told["shards"]] == [True, True]
    assert told["statuses"] == {"confirmed": 2, "unconfirmed": 0, "conflicting": 0}


def test_no_shard_is_confirmed_where_the_verdict_is_one_utility(table):
    again = _judged(table, -0.01, "one utility")
    assert again.attrs["verdict"] == "one utility"
    assert again["status"].values.tolist() == ["unconfirmed"] * 2


def test_no_more_than_a_null_is_not_enough(table):
    null = 0.01
    raised = table.assign(null_shardness=xr.full_like(table["null_shardness"], null))
    assert _judged(raised, null - 1e-6, "shards").attrs["verdict"] == "cannot tell"
    assert _judged(raised, null + 1e-6, "shards").attrs["verdict"] == "shards"


def test_a_shard_that_has_its_own_units_is_dosed_alone(table, found):
    assert table["dose_own"].dims == ("seed", "layer", "dose", "shard")
    for name in ("dose_own", "dose_other", "dose_random"):
        np.testing.assert_allclose(table[name].sel(dose=0.0), 1.0, atol=1e-3)
    assert (table["slope_own"] > 3 * table["slope_other"]).all()
    np.testing.assert_allclose(table["slope_own"], 1.0, atol=0.15)
    for shard in found.summary["shards"]:
        said = shard["interventions"]
        assert said["layer"] == "dense_1"
        place = said["selectivity"]
        assert place["low"] <= place["mean"] <= place["high"]


def test_bits_lie_between_habits_and_the_ceiling(table):
    assert (table["bits"].sel(model="ceiling") < table["bits"].sel(model="ceiling permuted")).all()
    null, own, top = (table["bits"].sel(model=name) for name in EXPLAINS)
    np.testing.assert_allclose((null - own) / (null - top), table["explained"])


def test_every_variable_says_what_it_is(table):
    assert table["seed"].values.tolist() == [3, 4]
    assert table["shard"].values.tolist() == [1, 2]
    for name, variable in {**table.data_vars, **table.coords}.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    for name in table.data_vars:
        assert table[name].dims == SHARDS.variables[str(name)].dims


def test_a_stored_set_is_the_same_with_its_models(found):
    stored = dataset_from_bytes(dataset_to_bytes(found.to_dataset()), "shards.nc")
    again = ShardSet(stored, lambda: found.battery)
    assert again.summary == found.summary
    assert again.seed(0).verdict == found.seed(0).verdict
    data = decisions_on(found.battery, np.zeros(found.battery.blocked.shape))
    for one, other, gates in zip(again.models, found.models, found.gates, strict=True):
        np.testing.assert_allclose(one.gates, gates, atol=1e-9)
        np.testing.assert_allclose(one.gate(data.features), gates, atol=1e-9)
        np.testing.assert_array_equal(one.predict(data), other.predict(data))
    assert [len(a) for a in again.alternatives] == [len(a) for a in found.alternatives]


def test_the_summary_is_plain_and_complete(found, table):
    told = found.summary
    assert json.loads(json.dumps(told)) == told
    assert told["num_shards"] == 2
    assert set(told["shards"][0]["share"]["held_out"]) == {"mean", "low", "high"}
    assert list(told["shards"][0]["preferences"]) == ["cheese", "decoy", "corner"]
    mean = decide.shardness(table).mean
    assert told["shardness"]["low"] <= mean <= told["shardness"]["high"]
    assert told["shardness_test"]["smallest_p"] == 0.25
    assert told["best_rivals"] == [fit.judgement.best_rival for fit in found.fits]
    for k, one in enumerate(told["components"]):
        at = {"layer": one["layer"], "component_method": one["method"], "shard": k + 1}
        assert np.isclose(one["score"]["mean"], table["component_score"].sel(at).mean())
        best = table["component_chosen"].sel(shard=k + 1).mean("seed")
        assert best.sel(layer=one["layer"], component_method=one["method"]) == best.max()
    parts = [shard["share"]["target"]["mean"] for shard in told["shards"]]
    parts += [part["target"]["mean"] for part in told["rest"].values()]
    assert np.isclose(sum(parts), 1.0)
    bits = [told["ceiling"][name]["mean"] for name in ("ceiling", "ceiling permuted")]
    assert bits[0] < bits[1]


def test_events_are_counted_by_what_paid(table, found):
    assert (table["event_counts"].sum("event_kind") == 24).all()
    assert table["update_push"].dims == ("event_checkpoint", "seed", "event_kind", "shard")
    said = [view["updates"]["says"] for view in found.summary["views"]]
    assert "not taken" not in said
    # 400 draws: no p can lie below 1/401, and with two seeds it is of their mean.
    assert (table["update_p_value_by_seed"] >= 1 / 401).all()


def test_what_is_handed_out_does_not_change_what_is_kept(found):
    copy = found.to_dataset()
    kept = found.shares.copy()
    copy["share"] *= 0.0
    copy["mine"] = 1.0
    np.testing.assert_array_equal(found.shares, kept)
    assert "mine" not in found.dataset


@pytest.mark.parametrize("wrong", [2, -3, 0.5, True, "0", None])
def test_a_seed_that_is_not_there_is_named(found, wrong):
    with pytest.raises(UserError, match="seed must be a whole number from -2 to 1"):
        inspect.unwrap(type(found).seed)(found, wrong)  # unwrapped: only tests check annotations


def test_an_agent_is_not_asked_in_a_world_that_it_cannot_see(agents, corner_battery):
    own = jax.tree.map(lambda leaf: leaf[0], agents.parameters)
    agent = Agent(agents.env, agents.network, own)
    with pytest.raises(UserError, match="draw one of the agent's own env"):
        agents_of(agent, corner_battery, 0)


def test_one_agent_keeps_its_own_dictionary(found):
    alone = common_preferences(found.fits[:1], max_shards=8, seed=0)
    np.testing.assert_array_equal(alone, found.fits[0].preferences)


def test_matching_needs_resemblance():
    common = np.eye(3)[[0, 2]]
    assert match(common, np.eye(3)[[2, 0]]).tolist() == [1, 0]
    assert match(common, np.eye(3)[[1, 2]]).tolist() == [-1, 1]
    assert match(common, np.zeros((0, 3))).tolist() == [-1, -1]


def test_checkpoints_lie_at_the_phases_of_training():
    assert positions([0, 2, 15, 50, 100]) == [1, 2, 3, 4]
    assert positions([0, 7]) == [1]
    assert np.all(np.diff(positions(list(range(101)))) > 0)
