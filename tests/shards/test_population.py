"""All seeds of a run together, on networks built by hand: what is wanted is what is found."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shardsim.shards.influence.nulls import entropy_bits
from shardsim.shards.population import (
    UNTRAINED,
    answers,
    common_preferences,
    match,
)
from shardsim.shards.tables import (
    confirmed,
    population_dataset,
    population_summary,
    shardness,
    verdict,
    words,
)
from shardsim.shards.tracking.track import check_points, track_dataset, track_population
from tests.shards.built import CONFIG, parameters_of, stacked

CHEESE, CORNER = 0, 2
EXPLAINS = ("habits and affordance", "shards", "ceiling")


@pytest.fixture(scope="module")
def track(agents, found):
    """Their way from untrained through corner only."""
    corner = stacked([parameters_of(agents.env, 0.0, 3.0)] * 2)
    return track_population(
        agents,
        found.preferences,
        [0, 5, 9],
        [agents.untrained, corner, agents.parameters],
        found.batteries["target"].battery,
        CONFIG,
    )


def _number(found, concept):
    return int((found.preferences @ np.eye(3)[concept]).argmax())


def test_both_wants_are_in_the_dictionary(found):
    assert found.preferences.shape[0] == 2
    assert found.preferences[_number(found, CHEESE), CHEESE] > 0.9
    assert found.preferences[_number(found, CORNER), CORNER] > 0.9


def test_the_cheese_is_wanted_near_and_the_corner_everywhere(found):
    on = found.batteries["target"]
    near = on.battery.distance[:, CHEESE] <= 2
    for model in on.models:
        cheese = model.gates[:, _number(found, CHEESE)]
        assert cheese[near].mean() > 4 * cheese[~near].mean()
    assert "of the cheese; pushes toward it" in words(found)[_number(found, CHEESE)]


def test_real_removal_is_what_the_fitted_model_predicts(found):
    real, model = found.influence.signed[..., CHEESE], found.in_model[..., CHEESE]
    known = np.isfinite(real)
    assert np.corrcoef(real[known], model[known])[0, 1] > 0.6
    assert np.allclose(np.nan_to_num(found.influence.signed[..., 1]), 0.0)  # the decoy


def test_shares_are_distributions_on_both_batteries(found):
    for on in found.batteries.values():
        assert np.allclose(on.share.sum(-1), 1.0)
        assert (on.interval.low <= on.interval.mean).all()
        assert (on.interval.mean <= on.interval.high).all()
    cheese = _number(found, CHEESE)
    share = {name: on.share[:, cheese].mean() for name, on in found.batteries.items()}
    assert share["held-out"] != share["target"]


def test_nulls_are_as_sharp_as_the_agents_and_show_less(found, agents):
    on = found.batteries["target"].battery
    raw, _ = answers(agents, agents.untrained, on)
    own, _ = answers(agents, agents.parameters, on)
    scaled = raw * found.nulls.scale[:, None, None]
    assert np.allclose(entropy_bits(scaled, on.weight), entropy_bits(own, on.weight), atol=1e-3)
    null = np.nanmean(found.nulls.influence.signed[..., CHEESE])
    assert abs(null) < 0.2 * np.nanmean(found.influence.signed[..., CHEESE])
    assert all(fit.explained < 0.5 for fit in found.nulls.fits[UNTRAINED])


def test_units_that_carry_a_shard_confirm_it(found):
    assert found.views is not None
    for check in found.views.causal:
        assert check.specific.any(0).all()
        own = np.einsum("ykk->yk", check.effect)
        assert (own > 0.6).all()
    assert confirmed(found).tolist() == [verdict(found) in ("shards", "one utility")] * 2


def test_a_shard_that_has_its_own_units_is_dosed_alone(found):
    table = population_dataset(found)
    assert table["dose_own"].dims == ("seed", "layer", "dose", "shard")
    for name in ("dose_own", "dose_other", "dose_random"):
        np.testing.assert_allclose(table[name].sel(dose=0.0), 1.0, atol=1e-3)
    assert (table["slope_own"] > 3 * table["slope_other"]).all()
    np.testing.assert_allclose(table["slope_own"], 1.0, atol=0.15)
    for shard in population_summary(found)["shards"]:
        said = shard["interventions"]
        assert said["layer"] == "dense_1"
        place = said["selectivity"]
        assert place["low"] <= place["mean"] <= place["high"]


def test_the_dataset_holds_what_the_schema_names(found):
    table = population_dataset(found, [3, 4])
    assert table["seed"].values.tolist() == [3, 4]
    assert table["gates"].dims == ("seed", "context", "shard")
    assert table["share"].dims == ("battery", "seed", "shard")
    total = table["share"].sum("shard") + table["habit_share"]
    total = total + table["affordance_share"] + table["residual_share"]
    assert np.allclose(total, 1.0)
    assert table["bits"].sel(model="shards").shape == (2,)
    assert (table["bits"].sel(model="ceiling") < table["bits"].sel(model="ceiling permuted")).all()
    null, own, top = (table["bits"].sel(model=name) for name in EXPLAINS)
    assert np.allclose((null - own) / (null - top), table["explained"])
    assert table["influence_signed"].dims == ("seed", "concept", "distance_bin")
    names = {str(name) for name in table["control"].values}
    assert {"raw input", "shuffled labels", "untrained dense_1"} == names


def test_the_summary_is_plain_and_complete(found):
    summary = population_summary(found)
    assert json.loads(json.dumps(summary)) == summary
    assert summary["num_shards"] == 2
    assert set(summary["shards"][0]["share"]["held_out"]) == {"mean", "low", "high"}
    assert list(summary["shards"][0]["preferences"]) == ["cheese", "decoy", "corner"]
    interval = shardness(found)
    assert summary["shardness"]["low"] <= interval.mean <= summary["shardness"]["high"]
    table = population_dataset(found)
    for k, told in enumerate(summary["directions"]):
        at = {"layer": told["layer"], "direction_method": told["method"], "shard": k}
        assert np.isclose(told["score"]["mean"], table["direction_score"].sel(at).mean())
        best = table["direction_chosen"].sel(shard=k).mean("seed")
        assert best.sel(layer=told["layer"], direction_method=told["method"]) == best.max()
        assert len(told["components"]) == 2
    assert len(summary["directions"]) == 2
    parts = [shard["share"]["target"]["mean"] for shard in summary["shards"]]
    parts += [part["target"]["mean"] for part in summary["rest"].values()]
    assert np.isclose(sum(parts), 1.0)


def test_one_agent_keeps_its_own_dictionary(found):
    alone = common_preferences(found.own[:1], found.batteries["target"].data[:1], CONFIG)
    assert np.array_equal(alone, found.own[0].preferences)


def test_matching_needs_resemblance():
    common = np.eye(3)[[0, 2]]
    assert match(common, np.eye(3)[[2, 0]]).tolist() == [1, 0]
    assert match(common, np.eye(3)[[1, 2]]).tolist() == [-1, 1]
    assert match(common, np.zeros((0, 3))).tolist() == [-1, -1]


def test_the_track_ends_where_the_population_stands(found, track):
    cheese, corner = _number(found, CHEESE), _number(found, CORNER)
    assert track.share.shape == (3, 2, 5)
    assert np.allclose(track.share.sum(-1), 1.0)
    assert (track.share[1, :, cheese] < 0.05).all()  # the cheese is not wanted yet
    assert (track.share[1, :, corner] > 2 * track.share[1, :, cheese]).all()
    whole = found.batteries["target"].share
    assert np.allclose(track.share[2], whole, atol=0.15)
    # A shard that an agent lacks keeps a floor: what the corner leaves over, seen as cheese.
    assert (track.strength[2, :, cheese] > 1.5 * track.strength[1, :, cheese]).all()


def test_separate_fits_agree_where_there_is_something(found, track):
    assert track.checked == (0, 9)
    assert (track.agreement[1] > 0.9).all()
    table = track_dataset(track)
    assert table["share"].dims == ("checkpoint", "seed", "shard")
    assert np.allclose(table["share"].sum("shard") + table["rest_share"].sum("rest"), 1.0)


def test_checks_are_spread_and_end_at_the_end():
    assert check_points(18, 4) == [0, 6, 11, 17]
    assert check_points(3, 9) == [0, 1, 2]
    assert check_points(5, 0) == []
