"""Groups, pairs and what is missing, against sweeps whose returns are known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import shardsim as ss
from shardsim.base.aggregate import iqm
from shardsim.base.errors import UserError
from shardsim.runs.comparison.design import label_of, read_design
from shardsim.runs.comparison.results import RESULTS
from shardsim.runs.comparison.text import as_text
from shardsim.runs.sweep.state import FAILURE
from tests.runs.comparison import made

RATE, WIDTH = "train.learning_rate", "env.params.width"
WORDS = [f"{RATE}=1e-3,1e-2,1e-1", f"{WIDTH}=5,7"]


def by_rate_and_width(settings, seeds) -> np.ndarray:
    """0.1 a rate, 0.4 more in the wider maze; the seeds lie around that."""
    rate = [1e-3, 1e-2, 1e-1].index(settings[RATE])
    return 0.1 * rate + 0.4 * (settings[WIDTH] == 7) + 0.001 * (seeds - 1.5)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.sweep(tmp_path_factory.mktemp("sweep") / "grid", WORDS, by_rate_and_width).path


def row(frame, **wanted):
    for key, value in wanted.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_groups_are_over_seeds_and_over_the_strata_of_other_keys(swept: Path) -> None:
    found = ss.compare(swept, "return.held-out", against="learning_rate")
    assert list(found.groups["value"]) == [1e-3, 1e-2, 1e-1]
    last = row(found.groups, value=1e-1)
    assert (last["seeds"], last["missing"], last["strata"], last["runs"]) == (8, 0, 2, 2)
    # Without a quarter on either side: two seeds of each width, about 0.2 and 0.6.
    assert last["estimate"] == pytest.approx(0.4)
    assert last["low"] < 0.4 < last["high"]
    assert last["high"] - last["low"] < 0.01  # the seeds' spread, not that of the strata


def test_a_pair_is_compared_inside_strata(swept: Path) -> None:
    """A rate is always better in the same maze, though the mazes differ by more than the rates."""
    found = ss.compare(swept, "return.held-out", against=RATE)
    pair = row(found.improvement, value="0.1", than="0.001")
    assert pair["probability"] == 1.0 and pair["low"] > 0.5
    assert pair["p_value"] < 0.01 and pair["null_high"] < 1.0
    assert len(found.improvement) == 3


def test_a_key_may_be_kept_apart_or_held(swept: Path) -> None:
    apart = ss.compare(swept, "return.held-out", against="learning_rate", by="width")
    wide = row(apart.groups, value=1e-2, series="7")
    assert (wide["seeds"], wide["strata"]) == (4, 1)
    assert wide["estimate"] == pytest.approx(0.5)
    held = ss.compare(swept, "return.held-out", where={"width": 7})
    assert [axis.key for axis in held.axes] == [RATE]
    assert row(held.groups, value=1e-2)["estimate"] == pytest.approx(0.5)


def test_every_varied_key_is_shown_without_being_asked_for(swept: Path) -> None:
    found = ss.compare(swept)
    assert [axis.key for axis in found.axes] == [WIDTH, RATE]
    assert {one.name for one in found.measures} == {"return.held-out", "return.target"}
    assert "shards.nc" in found.absent["shardness"]
    said = as_text(found)
    assert said.startswith("6 runs on cheese-corner with 4 seeds each differ in env.params.width")
    assert "All are done." in said and "Not in these runs: shardness" in said


def test_a_missing_point_is_no_effect_of_the_key(tmp_path: Path) -> None:
    """Without the widest maze at one rate, only the other maze can compare the rates."""
    sweep = made.sweep(tmp_path / "grid", WORDS, by_rate_and_width)
    gone = next(path for path in sweep.folders if path.name.startswith("learning_rate=0.01,w"))
    shutil.rmtree(gone)
    found = ss.compare(tmp_path / "grid", "return.held-out", against="learning_rate")
    assert [row(found.groups, value=one)["estimate"] for one in (1e-3, 1e-2, 1e-1)] == (
        pytest.approx([0.4, 0.5, 0.6])
    )
    assert row(found.groups, value=1e-3)["left_out"] == 4
    assert "5 done and 1 waiting" in as_text(found)


def test_what_is_missing_is_counted_and_never_zero(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], lambda _, seeds: 0.5 + 0 * seeds)
    made.write_shards(sweep.folders[0])
    (sweep.folders[1] / FAILURE).write_text('{"why": "no memory"}')
    found = ss.compare(sweep.path, "share.target.cheese")
    there, gone = (row(found.groups, value=one) for one in (1e-3, 1e-2))
    assert (there["seeds"], there["missing"]) == (4, 0) and 0.3 < there["estimate"] < 0.5
    assert (gone["seeds"], gone["missing"]) == (0, 4) and np.isnan(gone["estimate"])
    assert found.improvement.empty
    (why,) = set(found.seeds.loc[found.seeds["value"].isna(), "why"])
    assert why == "learning_rate=0.01 has no shards.nc yet"
    assert "missing (n = 0 of 4)" in as_text(found)


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    path = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], lambda _, n: 0.5 + 0 * n, 1).path
    found = ss.compare(path, "return.held-out")
    assert np.isnan(found.groups["low"]).all() and (found.groups["estimate"] == 0.5).all()
    assert "A group of one seed has no interval" in as_text(found)


def test_runs_that_differ_in_seeds_alone_are_one_group_and_an_agent_counts_once(
    tmp_path: Path,
) -> None:
    words = [f"{RATE}=1e-3,1e-2", "train.first_seed=0,2,4"]
    sweep = made.sweep(tmp_path / "grid", words, lambda _, seeds: 0.1 * seeds)
    found = ss.compare(sweep.path, "return.held-out")
    assert [axis.key for axis in found.axes] == [RATE]
    first = row(found.groups, value=1e-3)
    assert (first["seeds"], first["runs"]) == (8, 3)  # seeds 0 to 7, four of them trained twice
    assert first["estimate"] == pytest.approx(0.35)


def test_several_run_directories_are_compared_by_what_differs(swept: Path) -> None:
    folders = [swept / "learning_rate=0.001,width=5", swept / "learning_rate=0.1,width=7"]
    found = ss.compare(folders, "return.train")
    (axis,) = found.axes
    assert (axis.key, axis.along) == (WIDTH, (RATE,))
    assert "their effects cannot be told apart" in as_text(found)


def test_defaults_of_a_learner_are_no_axes_of_their_own(tmp_path: Path) -> None:
    words = ["train.learner=ppo,pqn", "train.discount=0.9,0.97"]
    sweep = made.sweep(tmp_path / "grid", words, lambda _, seeds: 0.1 * seeds)
    found = ss.compare(sweep.path, "return.held-out")
    assert [axis.key for axis in found.axes] == ["train.learner", "train.discount"]
    assert "train.gae_lambda" in found.axes[0].along and not found.axes[1].along


def test_values_that_share_no_stratum_are_not_called_comparable(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", WORDS, by_rate_and_width)
    wanted = [("0.001", 5), ("0.01", 7), ("0.1", 5)]
    folders = [sweep.path / f"learning_rate={rate},width={width}" for rate, width in wanted]
    found = ss.compare(folders, "return.held-out", against="learning_rate")
    assert not found.groups["matched"].any() and (found.groups["left_out"] == 0).all()
    assert list(found.improvement["value"]) == ["0.1"]  # than 0.001, in the maze that both have
    assert "The values of train.learning_rate share no setting of the other keys" in as_text(found)


def test_words_and_verdicts_are_parts_of_seeds(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], None)
    for folder in sweep.folders:
        made.write_training(folder, np.full(4, 0.5))
        made.write_shards(folder)
    found = ss.compare(sweep.path, ["own-verdict", "verdict", "found"])
    said = {one.name: one.statistic for one in found.measures}
    assert said["own-verdict.shards"] == "mean"
    group = row(found.groups, value=1e-3, result="found.corner")
    assert group["estimate"] == 1.0 and 0.5 < group["low"] < 0.7  # Wilson's of four out of four
    assert row(found.groups, value=1e-3, result=f"verdict.{_verdict(sweep)}")["seeds"] == 1


def _verdict(sweep) -> str:
    return ss.load(sweep.folders[0]).shards.verdict


def test_names_of_results_are_told_apart_and_each_has_words_and_unit() -> None:
    names = [one.name for one in RESULTS]
    assert len(set(names)) == len(names)
    assert all(one.words and one.unit for one in RESULTS)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1e-4, "0.0001"),
        (3, "3"),
        (1_000_000, "1000000"),
        (True, "true"),
        ([64, 64], "[64, 64]"),
        ("a", "a"),
        (None, "not set"),
    ],
)
def test_values_in_words(value, said: str) -> None:
    assert label_of(value) == said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"results": "retrun.target"}, "no result 'retrun.target'; did you mean 'return.target'"),
        ({"results": "shardness"}, "no run has the result 'shardness': .*shards.nc"),
        ({"results": "learner.entropi"}, "did you mean 'learner.entropy'"),
        ({"against": "learning_rat"}, "not varied between these runs; did you mean 'train.learn"),
        ({"against": "train.seeds"}, "not varied"),
        ({"where": {"width": 6}}, "no run has env.params.width = 6"),
        ({"where": {"width": 5}, "by": "learning_rate"}, "only train.learning_rate is varied"),
        ({"confidence": 2.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(swept: Path, asked, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ss.compare(swept, **asked)


def test_what_is_no_comparison_is_refused(swept: Path, tmp_path: Path) -> None:
    one = swept / "learning_rate=0.001,width=5"
    with pytest.raises(UserError, match="is one run, and there is nothing to compare it with"):
        ss.compare(one)
    with pytest.raises(UserError, match="differ in their seeds alone"):
        ss.compare([one, one])
    with pytest.raises(UserError, match="not a run directory"):
        ss.compare(tmp_path)
    with pytest.raises(UserError, match="name the folder"):
        read_design([])
    mixed = made.sweep(tmp_path / "mixed", ["env.id=cheese-corner,cheese-dish"], lambda _, n: n / 9)
    with pytest.raises(UserError, match=r"several envs \(cheese-corner, cheese-dish\)"):
        ss.compare(mixed.path)
    found = ss.compare(mixed.path, "return.target", against="env.id")
    assert [axis.key for axis in found.axes] == ["env.id"] and len(found.improvement) == 1


def test_a_sweep_that_is_not_begun_says_so(tmp_path: Path) -> None:
    path = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], None).path
    with pytest.raises(UserError, match="no run has any result yet"):
        ss.compare(path)


def test_what_reflection_changed_is_read_by_class_of_onsets(tmp_path: Path) -> None:
    sweep = made.sweep(tmp_path / "grid", [f"{RATE}=1e-3,1e-2"], None)
    for folder in sweep.folders:
        made.write_shards(folder)
        made.write_reflection(folder)
    found = ss.compare(sweep.path, ["value-change", "first-change", "constancy", "diagnosis"])
    change = row(found.groups, value=1e-3, result="value-change.contested.cheese")
    assert change["estimate"] == pytest.approx(0.015)  # of 0.01, 0.015, 0.02, and one not known
    assert (change["seeds"], change["missing"]) == (3, 1)
    hit = ss.load(sweep.folders[0]).reflection["hit"]
    hit = hit.sel(onset="contested", model="turns", outcome="cheese").transpose("step", "seed")
    moved = hit.values[-1] - hit.values[0]
    first = row(found.groups, value=1e-3, result="first-change.contested.cheese")
    known = moved[np.isfinite(moved)]
    assert first["estimate"] == pytest.approx(float(iqm(known)), abs=1e-6)
    said = row(found.groups, value=1e-3, result="constancy.contested.drifted")
    assert (said["estimate"], said["seeds"]) == (1.0, 1)
    assert row(found.groups, value=1e-2, result="diagnosis.healthy")["estimate"] == 0.75
