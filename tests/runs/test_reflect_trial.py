"""Trials of reflection: what they are asked, and that they leave the run as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.cli.commands import app
from shardsim.runs.figure_data.level import chosen_level
from shardsim.runs.reflect_trial import onset_of, try_reflection
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import Battery, battery

pytestmark = pytest.mark.slow


def contents(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in run.path.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_trial_leaves_the_run_as_it_is_and_writes_where_it_is_told(
    identified_run: Run, tmp_path: Path
) -> None:
    """This run has no shard, so that nobody judges: what is asked for stands in the table."""
    before = contents(identified_run)
    words = ["reflect", str(identified_run.path), "--model", "best-of-n", "--steps", "3"]
    out = tmp_path / "tried"
    done = CliRunner().invoke(app, [*words, "anchor=0.25", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["settings"]["models"] == ["best-of-n", "sham-best-of-n"]
    assert (told["settings"]["steps"], told["settings"]["anchor"]) == (3, 0.25)
    assert sorted(path.name for path in out.iterdir()) == ["reflection.json", "reflection.nc"]
    assert told["files"] == [str(out / "reflection.nc"), str(out / "reflection.json")]
    assert contents(identified_run) == before
    again = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert isinstance(again.exception, UserError) and "is not empty" in str(again.exception)


def test_an_onset_is_a_place_of_a_level(identified_run: Run) -> None:
    level, found, _ = chosen_level(identified_run, 3, "target")
    width = np.shape(level.walls)[1]
    states = np.flatnonzero(found.decision)
    cell = int(states[0]) * np.size(level.walls) // len(found.decision)
    row, column = divmod(cell, width)
    onset = onset_of(identified_run, f"3:{row},{column}")
    assert isinstance(onset, Battery) and onset.size == 1
    assert int(onset.states.cell[0]) == cell
    assert np.array_equal(onset.states.level.walls[0], level.walls)
    wall = np.argwhere(np.asarray(level.walls))
    nowhere = [*(f"3:{r},{c}" for r, c in wall[:1].tolist()), "3:99,0"]
    for place in nowhere:
        with pytest.raises(UserError, match="no agent decides at row"):
            onset_of(identified_run, place)
    with pytest.raises(UserError, match="no level 999"):
        onset_of(identified_run, "999:1,1")


def test_an_onset_is_a_battery_or_a_name(identified_run: Run, tmp_path: Path) -> None:
    kept = battery(identified_run.env, 20, seed=0)
    kept.save(tmp_path / "mine.safetensors")
    read = onset_of(identified_run, str(tmp_path / "mine.safetensors"))
    assert isinstance(read, Battery) and np.array_equal(read.observations, kept.observations)
    assert onset_of(identified_run, "contested") == "contested"
    with pytest.raises(UserError, match="there is no battery"):
        onset_of(identified_run, "other.safetensors")


def test_what_cannot_be_tried_is_refused_in_one_line(identified_run: Run) -> None:
    for asked, said in (
        ({"models": ["best-of-m"]}, "did you mean 'best-of-n'"),
        ({"models": ["replicator"]}, "works in the weights"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"settings": ["ancor=1"]}, "reflect.anchor"),
        ({"settings": ["anchor=2"]}, "reflect.anchor = 2"),
    ):
        with pytest.raises(UserError, match=said):
            try_reflection(identified_run, **asked)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--again", "--model", "turns"], "--again redoes"),
        (["--out", "there"], "--out is for a trial"),
    ],
)
def test_words_that_do_not_go_together(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["reflect", "runs/none", *options])
    assert isinstance(done.exception, UserError) and said in str(done.exception)
