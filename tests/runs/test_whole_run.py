"""What a run with every stage holds, and that it comes out the same however it was interrupted.

In one file, so that one worker makes the run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from shardsim.agent.schema import TRAINING
from shardsim.base.schema import Schema
from shardsim.reflection.schema import REFLECTION
from shardsim.runs import pipeline
from shardsim.runs.pipeline import run, run_stage
from shardsim.runs.progress import Display
from shardsim.runs.run import Run, load
from shardsim.runs.stages import STAGES
from shardsim.runs.toml import flatten
from shardsim.shards.schema import SHARDS, TRACK
from tests.runs.killed import Killed, results

pytestmark = pytest.mark.slow

# One file of each stage after identification; what it is written beside may follow or not.
HALF = {"track.nc", "reflection.nc", "diagnosis.json", "learning-curves.png"}


def test_a_run_killed_in_every_stage_ends_like_the_uninterrupted_one(
    identified_run: Run, whole_run: Run, tiny_config, tmp_path: Path, monkeypatch
) -> None:
    """Each stage but the first two is killed when half of its files are written."""
    shutil.copytree(identified_run.path, tmp_path / "run")
    rename, killed = os.replace, []

    def half_written(old: Path, new: Path) -> None:
        rename(old, new)
        if Path(new).name in HALF - set(killed):
            killed.append(Path(new).name)
            raise Killed

    monkeypatch.setattr(os, "replace", half_written)
    for _ in HALF:
        with pytest.raises(Killed):
            run(tiny_config, tmp_path / "run")
    assert set(killed) == HALF
    assert results(run(tiny_config, tmp_path / "run")) == results(whole_run)


def test_a_finished_run_is_left_as_it_is(whole_run: Run, tiny_config, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("done twice")

    monkeypatch.setattr(pipeline, "perform", refuse)
    assert run(tiny_config, whole_run.path).summary == whole_run.summary


def test_every_stage_is_finished_and_timed(whole_run: Run) -> None:
    assert list(whole_run.timings) == list(STAGES)
    assert all(whole_run.store.finished(name) for name in STAGES)


def test_the_summary_holds_results_and_no_place_or_time(whole_run: Run) -> None:
    summary, text = whole_run.summary, (whole_run.path / "summary.json").read_text()
    assert set(summary["return_ratio"]) == {"held_out", "target"}
    assert len(summary["return_ratio"]["target"]) == 2
    assert summary["num_shards"] == len(summary["shards"])
    assert set(summary["constancy"].values()) <= {"constant", "drifted", "undecided", "undefined"}
    assert set(summary["diagnosis"]) == {"world", "section", "representation"}
    assert str(whole_run.path.parent) not in text
    assert not {"timings", "seconds", "date"} & set(flatten(summary))


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("training.nc", TRAINING),
        ("shards.nc", SHARDS),
        ("track.nc", TRACK),
        ("reflection.nc", REFLECTION),
    ],
)
def test_every_number_of_a_table_says_what_it_is(whole_run: Run, name: str, schema: Schema) -> None:
    table = whole_run.dataset(name)
    known = {**schema.variables, **schema.coordinates}
    assert {str(one) for one in table.variables} <= set(known)
    for one, found in table.variables.items():
        stated = known[str(one)]
        assert found.dims == stated.dims
        assert (found.attrs["long_name"], found.attrs["units"]) == (stated.long_name, stated.units)


def test_checkpoints_are_counted_from_the_untrained_one(whole_run: Run) -> None:
    for table in (whole_run.training, whole_run.track):
        assert table["checkpoint"].values.tolist() == [*range(len(whole_run.updates))]
        assert table["update"].values.tolist() == whole_run.updates
        assert (table["steps"].values == 128 * table["update"].values).all()


def test_a_run_offers_its_results_as_labelled_tables(whole_run: Run) -> None:
    assert whole_run.shards.num_agents == 2
    assert {"onset", "model"} <= set(whole_run.reflection.dims)
    assert whole_run.diagnosis["world"] == whole_run.summary["diagnosis"]["world"]


def parts(run: Run, stage: str) -> list[str]:
    return [row["part"] for row in run.store.read_log() if row["stage"] == stage and "part" in row]


@pytest.mark.parametrize(
    ("stage", "wanted"),
    [
        ("identify", ["fits/each agent", "fits", "nulls", "activations", "basis and verdict"]),
        ("track", ["networks", "gates", "separate fits", "shares and their intervals"]),
        ("diagnose", ["weights and behaviour", "kept updates", "judging"]),
        ("report", ["vector-field", "learning-curves", "page"]),
    ],
)
def test_the_log_says_what_took_how_long(whole_run: Run, stage: str, wanted: list[str]) -> None:
    found = parts(whole_run, stage)
    assert [name for name in found if name in wanted] == wanted
    rows = [row for row in whole_run.store.read_log() if "part" in row]
    whole = sum(row["seconds"] for row in rows if row["stage"] == stage and "/" not in row["part"])
    assert 0.0 < whole <= whole_run.timings[stage] + 0.01 * len(rows)  # rounded


class Heard(Display):
    """Keeps the fractions that a stage shows."""

    def __init__(self) -> None:
        self.fractions: list[float] = []

    def show(self, fraction: float, said: str = "") -> None:
        self.fractions.append(fraction)


@pytest.fixture
def copied_run(whole_run: Run, tmp_path) -> Run:
    return load(shutil.copytree(whole_run.path, tmp_path / "copy"))


def test_a_stage_done_again_replaces_its_parts_in_the_log(copied_run: Run) -> None:
    before, heard = parts(copied_run, "diagnose"), Heard()
    run_stage(copied_run.path, "diagnose", again=True, progress=heard)
    assert parts(load(copied_run.path), "diagnose") == before
    assert (np.diff(heard.fractions) > -1e-9).all() and heard.fractions[-1] == pytest.approx(1.0)
