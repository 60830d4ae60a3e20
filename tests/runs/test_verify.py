"""`shardsim verify` on runs made by hand: what is damage, what is a note, and sweeps' folders."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from shardsim.base.arrays import to_bytes
from shardsim.base.errors import UserError
from shardsim.runs.files import ADDED, MANIFEST, STABILITY, how_to_mend
from shardsim.runs.io import dataset_to_bytes, json_text
from shardsim.runs.store import Store
from shardsim.runs.sweep.grid import points
from shardsim.runs.sweep.index import INDEX, extend
from shardsim.runs.sweep.verify import verify
from shardsim.runs.verify import _listed, as_data, in_words, verify_run
from tests.analysis.stable import stability
from tests.tiny import TINY


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory whose only stage is finished, with files made by hand."""
    store = Store.create(tmp_path / "run", "[train]\nseeds = 2\n", [0, 1])
    kept = to_bytes({"weights": np.ones(3, np.float32)})
    with store.writing():
        store.write_all(
            {
                "checkpoints/00000000.safetensors": kept,
                "checkpoints/00000000.means.safetensors": kept,
                "checkpoints/resume-00000000.safetensors": kept,
                "diagnosis.json": b"{}\n",
                "summary.json": b"{}\n",
            }
        )
        store.log([{"update": 0}], "train")
        store.finish("diagnose")
    return store.path


def problems(run: Path) -> list[str]:
    return [f"{problem.file}: {problem.what}" for problem in verify_run(run).problems]


def test_a_sound_run_has_no_problem_and_says_what_is_left(run: Path) -> None:
    found = verify_run(run)
    assert found.problems == ()
    assert found.notes == (
        "finished: diagnose; still to do: train, identify, track, reflect, report; go on with: "
        f"shardsim run {run}",
    )
    assert f"{run}: all 8 files are sound" in in_words(found)
    assert as_data(found)["sound"]


def test_files_of_the_wrong_form_are_named_though_their_hash_is_right(run: Path) -> None:
    nan = to_bytes({"weights": np.array([1.0, np.nan], np.float32)})
    store = Store.open(run)
    with store.writing():
        store.write("checkpoints/00000000.safetensors", nan)
        store.write("checkpoints/00000000.means.safetensors", nan)  # of no episodes, so no fault
        store.write("diagnosis.json", b"{")
        store.write("shards.nc", b"no table")
        store.write("figures/x.png", b"\x89PNG")
        store.write("report.html", b"<html>")
    said = problems(run)
    assert [line.split(": ")[0] for line in said] == [
        "checkpoints/00000000.safetensors",
        "diagnosis.json",
        "figures/x.png",
        "report.html",
        "shards.nc",
    ]
    assert "not finite, first in weights" in said[0]


def test_the_log_may_grow_while_a_stage_is_at_work_and_not_otherwise(run: Path) -> None:
    store = Store.open(run)
    with store.writing():
        store.forget("identify")
        store.write("summary.json", b"{}\n")
        store.log([{"update": 1}], "train")
        with open(run / "log.jsonl", "a") as log:
            log.write('{"torn')  # by a kill
        assert problems(run) == []
        store.trim_log(lambda row: True)
        store.finish("diagnose")
    assert problems(run) == []
    with open(run / "log.jsonl", "a") as log:
        log.write("{}\n")
    assert problems(run) == ["log.jsonl: was changed since a stage was last finished"]


def test_a_kill_before_the_summary_is_written_anew_is_no_damage(run: Path) -> None:
    store = Store.open(run)
    with store.writing():
        store.forget("diagnose")
        store.finish("train")
        assert any(line.startswith("summary.json: is not listed") for line in problems(run))
        store.forget("identify", "train")
        assert not any(line.startswith("summary.json") for line in problems(run))


def test_a_manifest_that_was_edited_is_damaged(run: Path) -> None:
    told = json.loads((run / MANIFEST).read_text())
    (run / MANIFEST).write_text(json_text(told, indent=4) + "\n")
    assert problems(run) == [f"{MANIFEST}: was edited by hand or damaged"]
    told["versions"]["jax"] = "9.9.9"
    (run / MANIFEST).write_text(json_text(told) + "\n")
    with pytest.raises(UserError, match=rf"{MANIFEST} is damaged"):
        verify_run(run)
    (run / MANIFEST).unlink()
    with pytest.raises(UserError, match=rf"lost its {MANIFEST}.*restore that file from a copy"):
        verify_run(run)


def test_runs_of_the_format_before_are_read_and_become_the_newest(run: Path) -> None:
    told = json.loads((run / MANIFEST).read_text())
    old = {key: told[key] for key in told.keys() - {"check", "times"}} | {"format": 2}
    (run / MANIFEST).write_text(json_text(old) + "\n")
    found = verify_run(run)
    assert found.problems == ()
    assert any("only checked in their form" in note for note in found.notes)
    store = Store.open(run)
    with store.writing():
        store.finish("diagnose")
    assert json.loads((run / MANIFEST).read_text())["format"] == 3
    assert not any("their form" in note for note in verify_run(run).notes)


def test_what_a_killed_writer_left_is_a_note(run: Path) -> None:
    (run / "checkpoints" / "x.safetensors.abc.part").write_bytes(b"half")
    (run / "lease.json").write_text('{"owner": "x", "host": "elsewhere", "pid": 1, "beats": 1}')
    os.utime(run / "lease.json", (0, 0))
    (run / "mine.txt").write_text("")
    notes = " ".join(verify_run(run).notes)
    assert problems(run) == []
    assert "left by a writer that was killed: checkpoints/x.safetensors.abc.part, lease" in notes
    assert "not of this run, and left alone: mine.txt" in notes


def test_a_checkpoint_that_is_not_listed_is_missed(run: Path) -> None:
    store = Store.open(run)
    with store.writing():
        store.drop("checkpoints/00000000.means.safetensors")
    assert problems(run) == [f"checkpoints/00000000.means.safetensors: is not listed in {MANIFEST}"]


def test_the_index_of_a_sweep_is_checked_against_its_points(tmp_path: Path, shardsim) -> None:
    place = tmp_path / "sweep"
    sweep = extend(place, points(TINY, ["train.entropy=0.0,0.01"]), "train")
    assert [one.problems for one in verify(place)] == [(), (), ()]
    index = (place / INDEX).read_text()
    other = json.loads(index)["points"][0]["config"]
    for old, new, said in (
        ("0.01", "0.02", "is lost"),
        ('"train.entropy": 0.0\n', '"train.entropy": 0.5\n', "does not say of entropy=0.0 which"),
        (other, "0" * 64, "was not made with the config"),
    ):
        (place / INDEX).write_text(index.replace(old, new))
        assert said in " ".join(problem.what for problem in verify(place)[0].problems), said
    (place / INDEX).write_text(index)
    (sweep.folders[1] / "config.toml").write_text("")
    (sweep.folders[0] / MANIFEST).unlink()
    code, out, err = shardsim("verify", str(place))
    assert code == 2 and len(err.splitlines()) == 1 and "(and 1 more, listed above)" in err
    assert "config.toml: is damaged" in out and f"(it has no {MANIFEST})" in out


def test_only_distances_of_added_contexts_may_be_infinite(run: Path) -> None:
    store = Store.open(run)
    far = np.array([1.0, np.inf], np.float32)
    sound = {"distance": far, "covariates": {"straight_gem": far}, "weight": np.ones(2)}
    for arrays, said in (
        (sound, []),
        (sound | {"distance": np.array([np.nan])}, ["distance"]),
        (sound | {"weight": far}, ["weight"]),
    ):
        with store.writing():
            store.write(ADDED, to_bytes(arrays))
        assert [line.rpartition("first in ")[2] for line in problems(run)] == said


def test_every_path_is_checked_though_one_cannot_be_opened(
    run: Path, tmp_path: Path, shardsim
) -> None:
    missing = tmp_path / "missing"
    code, out, err = shardsim("verify", str(missing), str(run))
    assert code == 2 and len(err.splitlines()) == 1
    assert f"there is no run directory {missing}" in err
    assert f"{run}: all 8 files are sound" in out and str(missing) in out


def test_what_another_process_takes_off_the_list_is_no_damage(run: Path, monkeypatch) -> None:
    writer, read = Store.open(run), Store.read

    def drops_the_next(store: Store, name: str, **how: bool) -> bytes:
        with writer.writing():
            writer.drop(name, "diagnosis.json")
        return read(store, name, **how)

    monkeypatch.setattr(Store, "read", drops_the_next)
    assert list(_listed(Store.open(run))) == []


def test_the_log_is_not_said_to_be_made_again(run: Path) -> None:
    (run / "log.jsonl").unlink()
    (problem,) = verify_run(run).problems
    assert "is not made again" in problem.mend and "restore that file" in problem.mend


def test_stability_is_mended_as_it_says_itself(run: Path) -> None:
    assert "the same --checkpoints, --model and --steps: " in how_to_mend(run, STABILITY)
    table = stability(2)
    table.attrs |= {"model": "turns", "settings": '["anchor=0.2"]'}
    (run / STABILITY).write_bytes(dataset_to_bytes(table))
    words = f"shardsim reflect {run} --checkpoints 3 --model turns --steps 20 anchor=0.2"
    assert how_to_mend(run, STABILITY).endswith(f"with: {words}")


def test_what_is_no_run_is_refused(tmp_path: Path, shardsim) -> None:
    code, out, err = shardsim("verify", str(tmp_path))
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "is not a run directory" in err
