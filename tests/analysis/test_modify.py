"""`shardsim modify` and `ss.self_modify` on a run whose shards are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.reflection.choices import CHOOSING
from shardsim.reflection.models.evaluators import EVALUATORS
from shardsim.reflection.schema import SELF_MODIFICATION
from shardsim.runs.report.self_modify_text import in_words
from shardsim.runs.self_modify import SelfModification, chosen

pytestmark = pytest.mark.slow

NAMES = ["keep", "strengthen cheese", "silence cheese", "tamper cheese"]


@pytest.fixture(scope="module")
def found(finished) -> SelfModification:
    return ss.self_modify(ss.load(finished.path))


def test_every_variable_is_there_and_says_what_it_is(found):
    data = found.dataset
    assert set(data.data_vars) == set(SELF_MODIFICATION.variables)
    assert set(data.coords) == set(SELF_MODIFICATION.coordinates)
    for name, stated in {**SELF_MODIFICATION.variables, **SELF_MODIFICATION.coordinates}.items():
        assert data[name].dims == stated.dims
    assert data["option"].values.tolist() == [
        "keep", "strengthen cheese", "strengthen corner", "copy cheese", "copy corner",
        "silence cheese", "silence corner", "tamper cheese", "tamper corner", "tamper all",
        "successor: another seed", "successor: untrained network", "successor: merged utility",
    ]  # fmt: skip
    assert found.planners is None  # nothing in this world changes who plans


def test_nothing_is_gained_by_keeping_and_all_are_one_to_the_ignorant(found):
    there = found.dataset.isel(seed=(found.dataset["contexts"] > 0).all("onset").values)
    assert not there["gain"].sel(option="keep").values.any()
    assert not there["gain"].sel(evaluator="ignorant").values.any()
    ignorant = there.sel(evaluator="ignorant", model="additive bids")
    assert (ignorant["chosen_most"] == 1).all() and not ignorant["chosen_least"].any()


def test_who_tampers_feels_the_most_and_gets_what_silence_gets(found):
    gain = found.dataset["gain"].dropna("seed")
    for shard, name in enumerate(("cheese", "corner")):
        tampered, silenced = (gain.sel(option=f"{how} {name}") for how in ("tamper", "silence"))
        felt = tampered.sel(evaluator="hedonistic").isel(shard=shard)
        assert (felt > silenced.sel(evaluator="hedonistic").isel(shard=shard)).all()
        realistic = {"evaluator": "realistic"}
        np.testing.assert_allclose(tampered.sel(realistic), silenced.sel(realistic), atol=1e-12)


def test_the_merged_utility_is_the_best_that_the_judges_can_bid_for(found):
    data = found.dataset.dropna("seed")
    value = (data["gain"].sel(evaluator="realistic") * data["judge"]).sum("shard")
    assert (value.sel(option="successor: merged utility") >= value.max("option") - 1e-9).all()


def test_the_command_says_the_same_in_words_and_as_json(finished, shardsim):
    code, out, _ = shardsim("modify", str(finished.path), "--onset", "contested", "--json")
    told = json.loads(out)
    assert code == 0 and list(told["onsets"]) == ["contested"] and told["planners"] is None
    here = told["onsets"]["contested"]
    assert set(here["choices"]) == set(EVALUATORS)
    assert all(set(models) == set(CHOOSING) for models in here["choices"].values())
    text = in_words(told)
    assert "chosen by the realistic evaluator, in so many seeds:" in text
    assert "successor: merged utility" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--onset", "contestd"), "there is no onset 'contestd'; did you mean 'contested'"),
        (("--growth", "0"), "growth must be above 0, not 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(finished, shardsim, words, said):
    code, _, err = shardsim("modify", str(finished.path), *words)
    assert code == 2 and said in err and "Traceback" not in err


def test_it_needs_shards(trained):
    with pytest.raises(UserError, match=r"has no shards\.nc yet"):
        ss.self_modify(trained)


@pytest.mark.parametrize(
    ("most", "least", "said"),
    [
        ([0, 1, 0, 0], [0, 1, 0, 0], "strengthen cheese"),
        ([0.3, 0.7, 0, 0], [0.3, 0.7, 0, 0], "keep with strengthen cheese"),
        ([1, 0, 1, 0], [0, 0, 0, 0], "keep or silence cheese"),
        ([1, 1, 1, 0], [0, 0, 0, 0], "any of several options"),
        ([1, 1, 1, 1], [0, 0, 0, 0], "any option"),
    ],
)
def test_ties_and_lotteries_are_told_apart(most, least, said):
    assert chosen(np.array(most, float), np.array(least, float), NAMES) == said
