"""A whole reflection of small networks with planted gates: what must hold whatever they learn."""

from __future__ import annotations

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.config import NetworkConfig
from shardsim.agent.network import build_network
from shardsim.agent.policy import Agent
from shardsim.base.errors import UserError
from shardsim.base.progress import SILENT, Listener, Progress, Tracked
from shardsim.env.registry import make
from shardsim.reflection.config import REPLICATOR, USUAL, ReflectConfig, rules_of
from shardsim.reflection.reflect import ReflectionTrack, reflect, reflect_agents
from shardsim.reflection.results import reflect_run
from shardsim.reflection.schema import REFLECTION
from shardsim.reflection.shard_returns import PLACES
from shardsim.reflection.site import Subjects
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.fit.data import LOWEST_ADVANTAGE
from shardsim.shards.shardset import ShardSet
from tests.reflection.planted import planted

pytestmark = pytest.mark.slow

SEEDS = 2
CONFIG = ReflectConfig(
    steps=8,
    learning_rate=3e-3,
    contexts=3,
    plans=16,
    probes=4,
    candidates=24,
    open=0.02,
    identify_contexts=200,
)


PREFERENCES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def small() -> Subjects:
    env = make("cheese-corner", height=5, width=5)
    network = build_network(NetworkConfig(widths=(8,)), env)
    seen = jnp.zeros((1, *env.observation_shape))
    keys = jax.random.split(jax.random.key(0), SEEDS)
    parameters = jax.vmap(lambda key: network.init(key, seen))(keys)
    shards = planted(PREFERENCES, battery(env, 400, seed=0), SEEDS)
    held_out = battery(env, 60, split="held-out", seed=0)
    return Subjects(env, shards, Networks(env, network, parameters), held_out, 0.97)


def run(small: Subjects, progress: Progress = SILENT, **changes):
    config = CONFIG.model_copy(update=changes)
    return reflect_run(small, config, seed=1, progress=progress)


@pytest.fixture(scope="module")
def found(small):
    return run(small)


def test_all_rules_begin_alike_and_outcomes_sum_to_one(found):
    data = found.dataset
    assert data["outcome"].values.tolist() == ["cheese", "corner", "neither"]
    assert data["hit"].sum("outcome").values == pytest.approx(1.0, abs=1e-5)
    first = data["hit"].isel(step=0, outcome=0)
    assert np.ptp(first.values, axis=1) == pytest.approx(0.0, abs=1e-6)
    assert data["model"].values.tolist() == list(USUAL)
    assert data["onset"].values.tolist() == ["near-corner", "near-cheese", "contested"]


def test_every_variable_is_there_and_says_what_it_is(small, found):
    """The run of `tests/runs` finds no shard, so that its table holds verdicts alone."""
    data = found.dataset
    assert set(data.data_vars) == set(REFLECTION.variables)
    assert set(data.coords) == set(REFLECTION.coordinates)
    for name, stated in {**REFLECTION.variables, **REFLECTION.coordinates}.items():
        assert data[name].dims == stated.dims
        assert (data[name].attrs["long_name"], data[name].attrs["units"]) == stated[1:]
    assert data["shard"].values.tolist() == [1, 2]
    assert data["shard_name"].values.tolist() == small.shards.names == ["cheese", "corner"]
    assert data["step"].values.tolist() == [*range(CONFIG.steps + 1)]


def test_judges_share_one_and_contexts_are_counted(found):
    data = found.dataset
    assert data["judge"].sum("shard").values == pytest.approx(1.0)
    assert (data["contexts"].values == CONFIG.contexts).all()


def test_values_lie_in_their_achievable_range(found):
    data = found.dataset.sel(model=list(rules_of(USUAL)))
    for name in ("value_before", "value_after"):
        assert (data[name] >= data["value_low"] - 1e-9).all()
        assert (data[name] <= data["value_high"] + 1e-9).all()


def test_the_summary_says_what_happens_to_each_shards_value(found):
    for onset, told in found.summary["reflection"].items():
        change = found.dataset["value_change"].sel(onset=onset, model="turns").mean("seed")
        assert told["tolerance"] == found.dataset.attrs["epsilon"]
        means = [[one[place]["mean"] for place in PLACES] for one in told["value_change"]]
        np.testing.assert_allclose(means, change.transpose("shard", "place"))
        verdicts = {one[place]["verdict"] for one in told["value_change"] for place in PLACES}
        said = found.summary["constancy"][onset]
        assert (said == "constant") == (verdicts == {"constant"})
        assert (said == "drifted") == ("drifted" in verdicts)


def test_turns_leave_fewer_plans_that_reach_nothing(found):
    """Both goals at once are what the judges of an untrained network can agree on."""
    drift = found.dataset["drift"].sel(quantity="hit_neither").mean("onset")
    assert drift.sel(model="turns") < -0.05
    assert drift.sel(model="turns") < drift.sel(model="sham") - 0.05


def test_without_learning_all_stays_constant(small):
    result = run(small, learning_rate=1e-12)
    assert set(result.summary["constancy"].values()) == {"constant"}
    change = result.dataset["value_change"].sel(model=list(rules_of(USUAL)))
    assert np.abs(change.values).max() < 1e-6


def test_the_same_seed_gives_the_same_result_and_says_how_far_it_is(small, found):
    took: list[str] = []
    shown: list[float] = []
    listener = Listener(
        lambda part, _: shown.append(part), lambda *_: None, lambda part, _: took.append(part)
    )
    assert run(small, Tracked(listener)).dataset.identical(found.dataset)
    assert {"reflecting/in the weights", "reflecting", "identifying again"} <= set(took)
    assert (np.diff(shown) > -1e-9).all() and shown[-1] == pytest.approx(1.0)


@pytest.fixture(scope="module")
def several(small):
    return run(small, onsets=2, repeats=2, contexts=2)


def test_each_class_has_its_onsets_and_one_verdict(several):
    data = several.dataset
    assert data["onset"].values.tolist()[:3] == ["near-corner 1", "near-corner 2", "near-cheese 1"]
    assert data["kind"].values.tolist() == ["near-corner", "near-cheese", "contested"]
    assert data["onset_class"].values.tolist()[1::2] == data["kind"].values.tolist()
    assert data["shared_contexts"].values[:4].all()
    assert list(several.summary["reflection"]) == data["kind"].values.tolist()
    of_class = data["value_change"].isel(onset=[0, 1]).sel(model="turns").mean(("onset", "seed"))
    said = data["kind_change"].sel(kind="near-corner", model="turns")
    np.testing.assert_allclose(said, of_class.transpose(*said.dims))
    levels = data["level_change"].sel(model="turns").mean("level")
    at_target = data["value_change"].sel(model="turns", place="target")
    np.testing.assert_allclose(levels, at_target.transpose(*levels.dims), atol=1e-12)


def test_a_repeat_draws_other_plans_for_the_same_onset(several):
    data = several.dataset.sel(model=list(rules_of(USUAL)))
    ends = data["hit"].isel(step=-1)
    again = data["repeat_hit"].transpose("repeat", *ends.dims)
    np.testing.assert_allclose(again[0], ends)
    apart = np.abs(again[1] - again[0])
    assert (apart.sel(model="turns").max() > 1e-4) and (apart < 0.5).all()


def test_without_shards_nobody_judges(small):
    result = run(small._replace(shards=planted(np.zeros((0, 3)), small.shards.battery, SEEDS)))
    assert set(result.summary["constancy"].values()) == {"undefined"}


@pytest.fixture(scope="module")
def second(small) -> tuple[Agent, ShardSet]:
    """The second agent alone, and its shards."""
    own = jax.tree.map(lambda leaf: leaf[1], small.networks.parameters)
    agent = Agent(small.env, small.networks.network, own)
    return agent, planted(PREFERENCES, small.shards.battery, 1)


@pytest.fixture(scope="module")
def onset(small) -> Battery:
    """Contexts of two levels, several in each, not weighed alike."""
    given = small.shards.battery.take(small.shards.battery.level_index < 2)
    return dataclasses.replace(given, weight=given.weight * np.linspace(0.5, 2, given.size))


@pytest.fixture(scope="module")
def alone(second, onset) -> dict[str, ReflectionTrack]:
    """One agent from one onset, by two models."""
    agent, shards = second
    return {
        model: reflect(agent, onset, model=model, shards=shards, steps=8, config=CONFIG, seed=1)
        for model in ("turns", REPLICATOR)
    }


def test_one_agent_goes_the_way_that_it_goes_among_others(small, onset, alone):
    together = reflect_agents(small, CONFIG, (REPLICATOR,), onset=onset, seed=1)
    track = alone[REPLICATOR]
    assert track.hits == pytest.approx(together.forecasts.hits[1, 0], abs=1e-6)
    assert track.weights == pytest.approx(together.forecasts.weights[1, 0], rel=1e-6)
    assert track.judges == pytest.approx(together.setting.judging[1, 0], abs=1e-6)
    assert not np.allclose(track.hits, together.forecasts.hits[0, 0], atol=1e-3)


def test_both_kinds_of_model_begin_with_the_agent_itself(second, onset, alone):
    """In each context's level, and at its state, whichever level it is from."""
    agent, _ = second
    turns, replicator = alone["turns"], alone[REPLICATOR]
    assert turns.goals == replicator.goals == ("cheese", "corner")
    assert turns.hits[0] == pytest.approx(replicator.hits[0], abs=1e-5)
    seen = jax.nn.softmax(agent.policy(onset.observations))
    at = np.arange(onset.size), onset.state_numbers()
    for track in alone.values():
        assert track.policy[0][at] == pytest.approx(np.asarray(seen), abs=1e-5)
    after = jax.nn.softmax(turns.agent.policy(onset.observations))
    assert turns.policy[1][at] == pytest.approx(np.asarray(after), abs=1e-5)
    assert np.abs(after - seen).max() > 1e-3
    assert replicator.agent is None and turns.weights is None


def test_shards_alone_do_what_their_model_says(second, onset):
    """Gates of 1 and no habit: logits are the preferences' advantages, cut off as in the fit."""
    _, shards = second
    track = reflect(shards, onset, model=REPLICATOR, steps=1, config=CONFIG)
    logits = np.maximum(onset.advantages, LOWEST_ADVANTAGE) @ PREFERENCES.sum(0)
    at = np.arange(onset.size), onset.state_numbers()
    assert track.policy[0][at] == pytest.approx(np.asarray(jax.nn.softmax(logits)), abs=1e-5)


def test_judges_are_one_agents_shards_for_the_same_concepts(small, second, onset):
    agent, shards = second
    with pytest.raises(UserError, match=r"shards of 2 agents; give one's, shards.seed\(0\)"):
        reflect(agent, onset, shards=small.shards)
    other = shards.dataset.assign_coords(concept=["cheese", "decoy", "water"])
    with pytest.raises(UserError, match="are for cheese, decoy, water and the onset's world has"):
        reflect(dataclasses.replace(shards, dataset=other), onset, model=REPLICATOR)


def test_one_agent_needs_a_known_model_and_shards(small, second):
    agent, _ = second
    with pytest.raises(UserError, match="did you mean 'summed'"):
        reflect(agent, small.shards.battery, model="sumed")
    for wrong, said in (
        ({"steps": -1}, "steps must be a whole number from 1 to 10000, not -1"),
        ({"steps": np.float64(2.5)}, "steps must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"discount": np.float32(2.0)}, "discount must be above 0"),
    ):
        with pytest.raises(UserError, match=said):  # unwrapped: only these tests check annotations
            inspect.unwrap(reflect)(agent, small.shards.battery, **wrong)
    nobody = planted(np.zeros((0, 3)), small.shards.battery, 1)
    with pytest.raises(UserError, match="no shard that could judge"):
        reflect(agent, small.shards.battery, shards=nobody)


def test_every_context_can_be_an_onset_of_its_own(small, onset, alone):
    found = reflect_agents(small, CONFIG, ("turns",), onset=onset, apart=1, seed=1)
    assert found.setting.names == tuple(map(str, range(onset.size)))
    assert found.setting.weight.shape == (SEEDS, onset.size, 1)
    before = found.trace.measured.hits[1, :, 0, 0]
    weight = onset.weight / onset.weight.sum()
    assert weight @ before == pytest.approx(alone["turns"].hits[0], abs=1e-5)
