"""What a result cannot depend on, and what is missing rather than none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.runs.comparison.depends import sections_of
from shardsim.runs.comparison.text import as_text
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import STABILITY
from shardsim.runs.store import Store
from tests.analysis.stable import stability
from tests.runs.comparison import made
from tests.runs.comparison.test_compare import RATE, row

DRAWS = "identify.draws"


def test_a_result_depends_on_the_sections_of_the_stages_that_it_rests_on() -> None:
    assert sections_of("train") == {"env", "train"}
    assert sections_of("identify") == {"env", "train", "identify"}
    assert sections_of("reflect") == {"env", "train", "identify", "reflect"}
    assert "reflect" not in sections_of("diagnose")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rates and three numbers of draws, which no return depends on."""

    def returns(settings, seeds) -> np.ndarray:
        return 0.5 + 0.1 * (settings[RATE] == 1e-2) + 0.01 * seeds

    words = [f"{RATE}=1e-3,1e-2", f"{DRAWS}=100,200,300"]
    made_ = made.sweep(tmp_path_factory.mktemp("sweep") / "grid", words, returns, seeds=3)
    for folder in made_.folders:
        made.write_shards(folder)
    return made_.path


def test_an_agent_counts_once_whatever_later_stages_were_told(swept: Path) -> None:
    found = ss.compare(swept, "return.held-out", against=RATE)
    first = row(found.groups, value=1e-3)
    assert (first["seeds"], first["strata"], first["missing"]) == (3, 1, 0)
    assert first["estimate"] == pytest.approx(0.51)
    (pair,) = found.improvement.to_dict("records")
    assert (pair["seeds"], pair["seeds_than"]) == (3, 3)
    assert len(found.seeds) == 6
    assert f"return.held-out cannot depend on {DRAWS}" in as_text(found)


def test_where_a_key_bears_on_a_result_it_makes_strata(swept: Path) -> None:
    found = ss.compare(swept, ["return.held-out", "share.target.cheese", "shards"], against=RATE)
    share = row(found.groups, value=1e-3, result="share.target.cheese")
    assert (share["seeds"], share["strata"]) == (9, 3)
    shards = row(found.groups, value=1e-3, result="shards")
    assert (shards["seeds"], shards["strata"]) == (3, 3)  # three runs
    by_draws = ss.compare(swept, ["return.held-out", "share.target.cheese"], against=DRAWS)
    assert set(by_draws.groups["result"]) == {"share.target.cheese"}


def test_a_key_kept_apart_that_cannot_matter_makes_one_series(swept: Path) -> None:
    found = ss.compare(swept, ["return.held-out", "shardness"], against=RATE, by=DRAWS)
    alone = found.groups[found.groups["result"] == "return.held-out"]
    assert list(alone["series"]) == ["any", "any"] and list(alone["seeds"]) == [3, 3]
    assert len(found.groups[found.groups["result"] == "shardness"]) == 6


def test_a_result_against_a_key_that_cannot_matter_is_refused(swept: Path) -> None:
    with pytest.raises(UserError, match=f"return.held-out cannot depend on {DRAWS}: runs that"):
        ss.compare(swept, "return.held-out", against=DRAWS)


def test_a_run_that_is_not_done_does_not_hide_an_agent(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2", f"{DRAWS}=100,200"], None)
    for folder in sweep.folders[1::2]:  # of the first draws nothing is trained
        made.write_training(folder, np.full(4, 0.5))
    found = ss.compare(sweep.path, "return.held-out", against=RATE)
    assert list(found.groups["seeds"]) == [4, 4] and not found.groups["missing"].any()


def test_strata_of_one_seed_are_said_to_have_no_interval(tmp_path: Path) -> None:
    words = [f"{RATE}=1e-3,1e-2", "train.minibatches=1,2"]
    path = made.sweep(tmp_path / "grid", words, lambda _, n: 0.5 + 0 * n, 1).path
    found = ss.compare(path, "return.held-out", against=RATE)
    assert list(found.groups["seeds"]) == [2, 2] and found.groups["low"].isna().all()
    said = as_text(found)
    assert "0.500 (n = 2, no interval)" in said
    assert "A group with one seed for each setting of the other keys has no interval." in said
    assert "Of 1 pair compared, none has an interval that leaves out ½; if intervals cover" in said


def test_one_env_of_several_may_be_held(tmp_path: Path) -> None:
    words = ["env.id=cheese-corner,cheese-dish", f"{RATE}=1e-3,1e-2"]
    path = made.sweep(tmp_path / "grid", words, lambda _, n: n / 9).path
    found = ss.compare(path, "return.held-out", where={"env.id": "cheese-dish"})
    assert found.design.envs == ("cheese-dish",) and [one.key for one in found.axes] == [RATE]


def test_a_key_that_goes_along_with_another_may_be_held(tmp_path: Path) -> None:
    words = ["train.learner=ppo,pqn", "train.discount=0.9,0.97"]
    path = made.sweep(tmp_path / "grid", words, lambda _, n: n / 9).path
    found = ss.compare(path, "return.held-out", where={"gae_lambda": 0.65})
    assert {point.settings["train.learner"] for point in found.design.points} == {"pqn"}
    with pytest.raises(UserError, match=r"no run has train\.gae_lambda = 0\.5"):
        ss.compare(path, where={"gae_lambda": 0.5})


def test_what_is_not_diagnosed_or_has_no_class_is_missing(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], None)
    for folder in sweep.folders:
        made.write_shards(folder)
        made.write_reflection(folder)
    store = Store.open(sweep.folders[1])
    blank = {"seeds": [], "notes": ["a run of learner 'pqn' cannot be diagnosed; train another"]}
    other = {"constancy": {"near-cheese": "constant"}}
    with store.writing():
        store.write("diagnosis.json", json_to_bytes(blank))
        store.write("reflection.json", json_to_bytes(other))
    found = ss.compare(sweep.path, ["diagnosis", "constancy"])
    gone = row(found.groups, value=1e-2, result="diagnosis.healthy")
    assert (gone["seeds"], gone["missing"]) == (0, 4) and np.isnan(gone["estimate"])
    assert gone["why"] == "a run of learner 'pqn' cannot be diagnosed"
    assert row(found.groups, value=1e-3, result="diagnosis.undertrained")["estimate"] == 0.25
    assert row(found.groups, value=1e-2, result="constancy.contested.drifted")["missing"] == 1


def test_of_two_shards_with_one_name_the_larger_change_is_kept(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], None)
    for folder in sweep.folders:
        made.write_shards(folder)
        store = Store.open(folder)
        data = ss.load(folder).shards.dataset.assign_coords(shard_name=("shard", ["corner"] * 2))
        with store.writing():
            store.write("shards.nc", dataset_to_bytes(data))
        made.write_reflection(folder)
    found = ss.compare(sweep.path, "value-change.near-corner")
    told = ss.load(sweep.folders[0]).reflection["value_change"]
    both = told.sel(onset="near-corner", model="turns", place="target").transpose("seed", "shard")
    larger = [one[np.argmax(np.abs(one))] for one in both.values]
    mine = found.seeds[found.seeds["run"] == sweep.entries[0].name]
    assert set(mine["result"]) == {"value-change.near-corner.corner"}
    assert list(mine["value"]) == pytest.approx(larger)


def test_verdicts_by_distance_and_stability_are_results(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], None)
    said = np.array([["drifted", "drifted", "constant"]] * 3)
    for folder in sweep.folders:
        made.write_shards(folder)
        made.write_reflection(folder, distance_verdict=(("kind", "model"), said))
        store = Store.open(folder)
        with store.writing():
            store.write(STABILITY, dataset_to_bytes(stability(4)))
    found = ss.compare(sweep.path, ["verdict-by-distance", "stable", "stable-from"])
    verdict = row(found.groups, value=1e-3, result="verdict-by-distance.contested.drifted")
    assert (verdict["estimate"], verdict["seeds"]) == (1.0, 1)
    near = row(found.groups, value=1e-3, result="stable-from.drift.near-corner")
    assert (near["estimate"], near["seeds"]) == (512.0, 4)
    never = row(found.groups, value=1e-3, result="stable-from.drift.near-cheese")
    assert (never["seeds"], never["why"]) == (0, "at no point of this run")
    part = row(found.groups, value=1e-3, result="stable.drift.contested")
    assert (part["estimate"], part["seeds"], part["missing"]) == (0.0, 3, 1)
