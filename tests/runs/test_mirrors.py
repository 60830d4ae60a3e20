"""The log mirrored elsewhere: what a mirror is told, and that it never harms a run."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shardsim.base.errors import Caution, UserError
from shardsim.runs import mirrors
from shardsim.runs.mirrors import mirrored, names_of, scalars
from shardsim.runs.pipeline import run
from shardsim.runs.run import Run
from shardsim.runs.store import Store
from tests.runs.conftest import CONFIG
from tests.runs.killed import results

ROWS = [{"update": 0, "return": None}, {"update": 4, "return": 0.25, "steps_per_second": 1000}]


class Kept:
    """A mirror in memory."""

    opened: list[Kept]

    def __init__(self, path: Path, config: Any) -> None:
        self.rows: list[dict] = []
        self.closed, self.config = False, config
        type(self).opened.append(self)

    def write(self, rows) -> None:
        self.rows += rows

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def kept(monkeypatch) -> type[Kept]:
    monkeypatch.setattr(Kept, "opened", [], raising=False)
    monkeypatch.setitem(mirrors.MIRRORS, "kept", Kept)
    monkeypatch.setitem(mirrors.PACKAGES, "kept", "json")
    return Kept


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "run", "", [0, 1])


def log(store: Store, rows, names=("kept",)) -> None:
    with store.writing(), mirrored(store, names, {"train.seeds": 2}):
        for row in rows:
            store.log([row], "train")


def test_a_mirror_is_told_every_row_and_all_of_them_anew_when_a_run_goes_on(kept, store) -> None:
    log(store, ROWS[:1])
    log(store, ROWS[1:])
    first, second = kept.opened
    assert first.rows == [{"stage": "train"} | ROWS[0]]
    assert second.rows == [{"stage": "train"} | row for row in ROWS] == store.read_log()
    assert first.closed and second.closed and not store.followers


def test_what_a_kill_took_back_is_not_mirrored(kept, store) -> None:
    log(store, ROWS)
    with store.writing(), mirrored(store, ["kept"], {}):
        store.trim_log(lambda row: row["update"] <= 0)  # as training does that goes on from there
        store.log([{"update": 2}], "train")
    assert [row["update"] for row in kept.opened[-1].rows] == [0, 2]


def test_a_run_that_logs_nothing_opens_no_mirror(kept, store) -> None:
    log(store, [])
    assert kept.opened == []


@pytest.mark.parametrize("fails", ["__init__", "write", "close"])
def test_a_mirror_that_fails_is_given_up_and_the_log_is_whole(
    kept, store, monkeypatch, fails: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, fails, fail)
    with pytest.warns(Caution, match="mirrored to kept: no space left.*the run goes on") as said:
        log(store, ROWS)
    assert len(said) == 1
    assert [row["update"] for row in store.read_log()] == [0, 4]


def test_numbers_have_the_stage_before_their_name_and_the_update_as_step() -> None:
    assert scalars({"stage": "train"} | ROWS[1]) == (
        4,
        {"train/return": 0.25, "train/steps_per_second": 1000.0},
    )
    assert scalars({"stage": "train"} | ROWS[0]) == (0, {})
    part = {"stage": "identify", "part": "fits/each agent", "seconds": 2.5}
    assert scalars(part) == (None, {"identify/seconds/fits/each agent": 2.5})


def test_names_come_from_the_call_or_the_environment(kept, monkeypatch) -> None:
    assert names_of(None) == ()
    assert names_of(" kept,kept,") == ("kept",)
    monkeypatch.setenv(mirrors.FROM_ENVIRONMENT, "kept")
    assert names_of(None) == ("kept",)
    assert names_of(()) == ()
    mirrors.pass_on("")
    assert names_of(None) == ()


def test_a_wrong_name_and_a_missing_package_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch, shardsim
) -> None:
    out = tmp_path / "run"
    words = ["run", "smoke", "--out", str(out), "--log"]
    code, _, err = shardsim(*words, "tensorbord")
    assert (code, err.count("\n")) == (2, 1) and "did you mean 'tensorboard'?" in err
    monkeypatch.setitem(mirrors.PACKAGES, "wandb", "no_such_package")
    code, _, err = shardsim(*words, "wandb")
    assert code == 2 and "--log wandb needs no_such_package; pip install 'shardsim[wandb]'" in err
    assert not out.exists()
    with pytest.raises(UserError, match="there is no log called 'x'"):
        names_of(["x"])


@pytest.mark.slow
def test_results_are_the_same_bytes_with_a_mirror(kept, trained_run: Run, tmp_path: Path) -> None:
    done = run(CONFIG, tmp_path / "run", until="train", log="kept")
    assert results(done) == results(trained_run)
    (mirror,) = kept.opened
    assert mirror.rows == done.store.read_log()
    assert mirror.config["train.seeds"] == 2


@pytest.mark.slow
def test_the_page_on_runs_explains_every_field_of_the_log(trained_run: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "run.md").read_text(encoding="utf-8")
    section = page.partition("## The log")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w-]+)`", section))
    assert {key for row in trained_run.store.read_log() for key in row} <= named


def test_tensorboard_holds_the_numbers_at_their_updates(store) -> None:
    pytest.importorskip("tensorboardX", reason="needs shardsim[tensorboard]")
    for _ in range(2):  # the second time in place of the first
        log(store, ROWS[1:], ["tensorboard"])
    (file,) = (store.path / mirrors.LOG_MIRRORS / "tensorboard").iterdir()
    found = [one for one in events(file) if one[0].startswith("train/")]
    assert sorted(found) == sorted(
        [("train/return", 4, 0.25), ("train/steps_per_second", 4, 1000.0)] * 2
    )


def events(file: Path) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of each scalar: length, its checksum, the event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    data = file.read_bytes()
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + size])
        data = data[12 + size + 4 :]
        for value in event.summary.value:
            yield value.tag, event.step, value.simple_value


@pytest.mark.slow
def test_wandb_holds_them_offline(store, monkeypatch) -> None:
    pytest.importorskip("wandb", reason="needs shardsim[wandb]")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    part = {"part": "fits", "seconds": 2.5}
    with store.writing(), mirrored(store, ["wandb"], {"train.seeds": 2}):
        store.log(ROWS[1:], "train")
        store.log([part], "identify")
    identity = (store.path / mirrors.LOG_MIRRORS / "wandb-id").read_text()
    (file,) = (store.path / mirrors.LOG_MIRRORS / "wandb").glob(
        f"offline-run-*/run-{identity}.wandb"
    )
    told = list(records(file))
    history = [one.history for one in told if one.WhichOneof("record_type") == "history"]
    items = {_key(item): item.value_json for item in history[0].item}
    assert (items["train/return"], items["_step"]) == ("0.25", "4")
    ends = [one.summary for one in told if one.WhichOneof("record_type") == "summary"]
    last = {_key(item): item.value_json for one in ends for item in one.update}
    assert last["identify/seconds/fits"] == "2.5"


def records(file: Path) -> Iterator[Any]:
    """Records of one block of LevelDB's log format: checksum, length, kind (1: whole), record."""
    from wandb.proto.wandb_internal_pb2 import Record

    data = file.read_bytes()
    assert data[:4] == b":W&B" and len(data) < 32_768
    data = data[7:]
    while len(data) > 7:
        size, kind = struct.unpack("<HB", data[4:7])
        assert kind == 1
        yield Record.FromString(data[7 : 7 + size])
        data = data[7 + size :]


def _key(item: Any) -> str:
    return item.key or "/".join(item.nested_key)
