"""The run directory: whole files, hashes, one writer, and clear refusals."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from shardsim.base.errors import Caution, UserError
from shardsim.runs import disk
from shardsim.runs.store import MANIFEST, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "run", "x = 1\n", [0, 1])


def manifest_of(store: Store) -> dict:
    return json.loads((store.path / MANIFEST).read_text())


def test_what_is_written_is_read_after_opening_again(store: Store) -> None:
    with store.writing():
        store.write("deep/file.bin", b"abc")
        store.finish("train")
    again = Store.open(store.path)
    assert again.read("deep/file.bin") == b"abc"
    assert again.names("deep/") == ["deep/file.bin"]
    assert again.finished("train")
    assert not again.finished("identify")


def test_the_manifest_says_where_the_run_comes_from(store: Store) -> None:
    manifest = manifest_of(store)
    assert manifest["seeds"] == [0, 1]
    assert {"jax", "numpy", "python", "shardsim"} <= manifest["versions"].keys()
    assert str(store.path.parent) not in json.dumps(manifest)


def test_a_changed_file_is_called_damaged(store: Store) -> None:
    with store.writing():
        store.write("a.bin", b"abc")
    (store.path / "a.bin").write_bytes(b"abd")
    with pytest.raises(UserError, match=r"a\.bin is damaged"):
        Store.open(store.path).read("a.bin")


def test_a_lost_file_is_named(store: Store) -> None:
    with store.writing():
        store.write("a.bin", b"abc")
    (store.path / "a.bin").unlink()
    with pytest.raises(UserError, match=r"cannot read .*a\.bin: no such file"):
        store.read("a.bin")


def test_a_result_that_is_not_there_yet_says_how_to_get_it(store: Store) -> None:
    with pytest.raises(UserError, match=r"has no shards\.nc yet; continue with: shardsim run"):
        store.read("shards.nc")


def test_a_kill_while_replacing_leaves_no_false_hash(store: Store, monkeypatch) -> None:
    with store.writing():
        store.write_all({"a.bin": b"old", "b.bin": b"old"})
    rename = os.replace

    def killed(old: Path, new: Path) -> None:
        if new.name == "b.bin":
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt), store.writing():
        store.write_all({"a.bin": b"new", "b.bin": b"new"})
    again = Store.open(store.path)
    assert not again.has("a.bin")
    assert not again.has("b.bin")


def test_no_half_file_ever_has_the_final_name(store: Store, monkeypatch) -> None:
    def killed(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt), store.writing():
        store.write("a.bin", b"abc")
    assert not (store.path / "a.bin").exists()


def test_dropped_files_are_gone_and_unlisted(store: Store) -> None:
    with store.writing():
        store.write("a.bin", b"abc")
        store.drop("a.bin")
    assert not Store.open(store.path).has("a.bin")
    assert not (store.path / "a.bin").exists()


def test_a_second_writer_is_refused_with_the_first_ones_number(store: Store) -> None:
    second = Store.open(store.path)
    refused = pytest.raises(UserError, match=f"process {os.getpid()} is writing")
    with store.writing(), refused, second.writing():
        raise AssertionError("two writers")


def test_the_lock_dies_with_its_process(store: Store) -> None:
    code = (
        "import sys, time; from shardsim.runs.store import Store\n"
        "with Store.open(sys.argv[1]).writing(): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(store.path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match=f"process {other.pid} is writing"), store.writing():
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    with store.writing():
        store.write("a.bin", b"abc")
    assert store.has("a.bin")


def test_a_writer_sees_what_another_wrote_since(store: Store) -> None:
    other = Store.open(store.path)
    with other.writing():
        other.write("a.bin", b"abc")
    with store.writing():
        store.write("b.bin", b"abc")
    assert Store.open(store.path).names() == ["a.bin", "b.bin", "config.toml"]


def test_the_log_is_trimmed_and_survives_a_torn_line(store: Store) -> None:
    with store.writing():
        store.log([{"update": 0}, {"update": 1}], "train")
        with open(store.path / "log.jsonl", "a") as handle:
            handle.write('{"update": 2, "st')
        assert [row["update"] for row in store.read_log()] == [0, 1]
        store.trim_log(lambda row: row["update"] < 1)
    assert store.read_log() == [{"stage": "train", "update": 0}]


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match=r"holds other files \(thesis\.tex"):
        Store.create(tmp_path, "", [0])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_processes_that_make_one_directory_at_once(tmp_path: Path, monkeypatch) -> None:
    other = Store.create(tmp_path, "x = 1", [0])
    seen = [path for path in tmp_path.iterdir() if path.name not in (MANIFEST, "config.toml")]
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(seen))  # as it was just before
    with pytest.raises(UserError, match="another process has just made"):
        Store.create(tmp_path, "x = 2", [0])
    assert Store.open(tmp_path).read("config.toml") == b"x = 1"
    assert other.read("config.toml") == b"x = 1"


def test_one_that_comes_when_the_other_has_begun_is_told_so(tmp_path: Path) -> None:
    Store.create(tmp_path, "x = 1", [0])
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UserError, match="another process has just made"):
        Store.create(tmp_path, "x = 2", [0])
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(UserError, match="has lost its MANIFEST"):
        Store.create(tmp_path, "x = 2", [0])


def test_a_directory_left_by_a_kill_at_birth_is_taken(tmp_path: Path) -> None:
    (tmp_path / "config.toml.part").write_text("")
    (tmp_path / ".lock").write_text("")
    assert Store.create(tmp_path, "x = 1", [0]).read("config.toml") == b"x = 1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is damaged"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 2}', "is damaged"),
        ('{"format": 2, "files": [], "stages": {}}', "is damaged"),
        ('{"format": 0, "versions": {"shardsim": "0.0.9"}}', "in format 0 by shardsim 0.0.9"),
    ],
)
def test_a_wrong_manifest_is_one_line(store: Store, text: str, said: str) -> None:
    (store.path / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=said):
        Store.open(store.path)


def test_missing_directories_and_strangers_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no run directory"):
        Store.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a run directory"):
        Store.open(tmp_path)


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*not a directory"):
        Store.create(tmp_path / "file" / "run", "", [0])


def test_every_line_of_the_log_is_json(store: Store) -> None:
    with store.writing():
        store.log([{"loss": float("nan"), "entropy": float("inf"), "update": 1}], "train")
        store.trim_log(lambda row: True)
    text = (store.path / "log.jsonl").read_text()
    row = {"loss": None, "entropy": None, "update": 1, "stage": "train"}
    assert json.loads(text, parse_constant=pytest.fail) == row


def no_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.mark.parametrize(
    ("locks", "said"),
    [
        (None, "this system has no file locks"),
        (SimpleNamespace(flock=no_locks, LOCK_EX=2, LOCK_NB=4), "no locks available"),
    ],
    ids=["no fcntl", "network disk"],
)
def test_without_locks_it_is_written_with_a_warning(
    store: Store, monkeypatch, locks: object, said: str
) -> None:
    monkeypatch.setattr(disk, "fcntl", locks)
    with pytest.warns(Caution, match=f"is written without a lock, since .*{said}"), store.writing():
        store.write("a.bin", b"abc")
    assert Store.open(store.path).read("a.bin") == b"abc"


@pytest.mark.parametrize(
    ("number", "mend"),
    [(errno.EROFS, "work on a copy elsewhere"), (errno.ENOSPC, "make room there")],
)
def test_what_cannot_be_written_says_what_would_help(
    store: Store, monkeypatch, number: int, mend: str
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, "Refused")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(UserError, match=f"cannot write .*: refused; .*{mend}"), store.writing():
        pass


def test_what_another_process_wrote_anew_is_read_and_not_called_damaged(store: Store) -> None:
    with store.writing():
        store.write("a.bin", b"abc")
    reader = Store.open(store.path)
    with store.writing():
        store.write("a.bin", b"more")
    assert reader.read("a.bin") == b"more"
    (store.path / "a.bin").write_bytes(b"bad")
    with pytest.raises(UserError, match="is damaged"):
        reader.read("a.bin")
