"""The folder of a sweep: what is in it, how it grows, and how far its points are."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from shardsim.base.errors import UserError
from shardsim.runs.files import FAILURE
from shardsim.runs.lease import held
from shardsim.runs.store import CONFIG, MANIFEST, Store
from shardsim.runs.sweep.grid import points
from shardsim.runs.sweep.index import INDEX, extend, open_sweep
from shardsim.runs.sweep.slurm import script
from shardsim.runs.sweep.state import State, seconds_left, state_of, states
from shardsim.runs.sweep.worker import note_failure
from shardsim.runs.toml import read_config
from tests.tiny import TINY

WANTED = ("train", "identify")


def test_each_point_is_a_run_directory_of_its_config(tmp_path: Path) -> None:
    asked = points(TINY, ["train.entropy=0.0,0.01"])
    sweep = extend(tmp_path / "sweep", asked, "train")
    for point, folder in zip(asked, sweep.folders, strict=True):
        assert folder.name == point.name
        assert read_config(folder / CONFIG) == point.config


def test_more_values_add_points_and_leave_the_others(tmp_path: Path) -> None:
    first = extend(tmp_path, points(TINY, ["train.entropy=0.0,0.01"]), "train")
    made = {folder: (folder / MANIFEST).read_bytes() for folder in first.folders}
    words = ["train.entropy=0.01,0.02", "train.discount=0.97"]
    second = extend(tmp_path, points(TINY, words), "identify")
    assert [entry.name for entry in second.entries] == ["entropy=0.01", "entropy=0.02"]
    whole = open_sweep(tmp_path)
    assert [entry.name for entry in whole.entries] == [
        "entropy=0.0",
        "entropy=0.01",
        "entropy=0.02",
    ]
    assert whole.wanted == WANTED
    assert made == {folder: (folder / MANIFEST).read_bytes() for folder in first.folders}


def test_points_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    extend(tmp_path, points(TINY, ["train.entropy=0.0,0.01"]), "train")
    other = points(TINY, ["train.entropy=0.0,0.01", "train.discount=0.9"])
    names = [entry.name for entry in extend(tmp_path, other, "train").entries]
    assert names == ["entropy=0.0-2", "entropy=0.01-2"]


def test_what_a_kill_left_unmade_is_made_the_next_time(tmp_path: Path) -> None:
    asked = points(TINY, ["train.entropy=0.0,0.01"])
    folder = extend(tmp_path, asked, "train").folders[1]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    assert Store.open(extend(tmp_path, asked, "train").folders[1].resolve()).has(CONFIG)


def test_an_unknown_stage_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no stage 'trian'"):
        extend(tmp_path / "sweep", points(TINY), "trian")
    assert not (tmp_path / "sweep").exists()


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds other files"):
        extend(tmp_path, points(TINY), "train")
    folder = extend(tmp_path / "sweep", points(TINY), "train").folders[0]
    with pytest.raises(UserError, match="is a run directory"):
        extend(folder, points(TINY), "train")
    with pytest.raises(UserError, match="not the folder of a sweep"):
        open_sweep(folder)
    (tmp_path / "sweep" / INDEX).write_text("{")
    with pytest.raises(UserError, match="damaged"):
        open_sweep(tmp_path / "sweep")


def test_how_far_a_point_is(tmp_path: Path) -> None:
    folder = extend(tmp_path, points(TINY), "identify").folders[0]
    store = Store.open(folder)
    assert state_of(folder, WANTED).word == "waiting"
    with store.writing():
        store.say(stage="identify", fraction=0.5)
        store.finish("train")
        assert store._lease is not None
        store._lease.write()
        running = state_of(folder, WANTED)
        assert (running.word, running.stage, running.progress) == ("running", "identify", 0.75)
    assert state_of(folder, WANTED)[:3] == ("stopped", "train", 0.5)
    note_failure(folder, "no memory")
    assert state_of(folder, WANTED)[:1] + state_of(folder, WANTED)[4:] == ("failed", "no memory")
    with store.writing():
        store.finish("identify")
    assert state_of(folder, WANTED).word == "done"
    assert (folder / FAILURE).is_file()
    (folder / MANIFEST).write_text("{")
    assert "damaged" in state_of(folder, WANTED).why


def test_a_lease_of_a_process_that_is_gone_is_no_sign_of_life(tmp_path: Path) -> None:
    folder = extend(tmp_path, points(TINY), "train").folders[0]
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        gone = process.pid
    with held(folder, locked=True) as lease:
        lease.say(pid=gone, host=platform.node())
        lease.write()
        assert state_of(folder, ("train",)).word == "waiting"


def test_the_time_left_is_the_mean_of_what_is_done() -> None:
    done = State("done", "train", 1.0, 10.0, "")
    half = State("running", "train", 0.5, 0.0, "")
    waiting = State("waiting", "", 0.0, 0.0, "")
    assert seconds_left([half, waiting], 1) is None
    assert seconds_left([done, half, waiting], 1) == 15.0
    assert seconds_left([done, half, waiting], 8) == 10.0
    assert seconds_left([done, State("failed", "", 0.0, 0.0, "x")], 2) == 0.0


def test_a_batch_script_lists_what_is_left(tmp_path: Path) -> None:
    sweep = extend(tmp_path, points(TINY, ["train.entropy=0.0,0.01,0.02"]), "train")
    store = Store.open(sweep.folders[0])
    with store.writing():
        store.finish("train")
    text = script(sweep, states(sweep), ["my envs"])
    assert "--array=0-1\n" in text
    assert "entropy=0.0\n" not in text and "entropy=0.01\n" in text
    assert f"cd {tmp_path}" in text
    assert "--until train --envs" in text and "my envs'" in text
    assert "SHARDSIM_LOG" not in text
    logged = script(sweep, states(sweep), log=("tensorboard", "wandb"))
    assert "|| exit 1\nexport SHARDSIM_LOG=tensorboard,wandb\nexec shardsim run" in logged
