"""Who may write: leases of machines that do not see each other's locks, with a clock by hand."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from unittest.mock import patch

import pytest

from shardsim.base.errors import Caution
from shardsim.runs.disk import Busy
from shardsim.runs.lease import LEASE, Lost, held, read_lease
from shardsim.runs.store import Store


class Clock:
    """Seconds that pass only when somebody sleeps; `then` happens after each sleep."""

    def __init__(self, then=lambda: None) -> None:
        self.now, self._then = 0.0, then

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._then()


def elsewhere(folder: Path, beats: int = 1) -> None:
    told = {"owner": "other", "host": "elsewhere", "pid": 7, "beats": beats}
    (folder / LEASE).write_text(json.dumps(told))


def test_a_lease_is_there_while_it_is_held_and_says_how_far(tmp_path: Path) -> None:
    with held(tmp_path, locked=True) as lease:
        lease.say(stage="train")
        lease.write()
        told = read_lease(tmp_path)
        assert (told["owner"], told["host"]) == (lease.owner, platform.node())
        assert (told["stage"], told["beats"]) == ("train", 2)
    assert read_lease(tmp_path) == {}


def test_an_owner_elsewhere_that_stands_still_is_waited_for_and_replaced(tmp_path: Path) -> None:
    elsewhere(tmp_path)
    clock = Clock()
    waiting = held(tmp_path, locked=True, patience=60, beat=5, clock=clock, sleep=clock.sleep)
    with pytest.warns(Caution, match="last written by elsewhere"), waiting as lease:
        assert clock.now == 60
        assert read_lease(tmp_path)["owner"] == lease.owner


def test_an_owner_elsewhere_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    elsewhere(tmp_path)
    clock = Clock(then=lambda: elsewhere(tmp_path, beats=2))
    waiting = held(tmp_path, locked=True, clock=clock, sleep=clock.sleep)
    with pytest.warns(Caution), pytest.raises(Busy, match="process 7 on elsewhere"), waiting:
        pass
    assert read_lease(tmp_path)["owner"] == "other"


def test_a_dead_process_of_this_machine_is_replaced_at_once(tmp_path: Path) -> None:
    with held(tmp_path, locked=True):
        left = (tmp_path / LEASE).read_text()
    (tmp_path / LEASE).write_text(left)  # as a kill leaves it
    clock = Clock()
    with held(tmp_path, locked=True, clock=clock, sleep=clock.sleep):
        assert clock.now == 0
    (tmp_path / LEASE).write_text(left)
    with pytest.warns(Caution), held(tmp_path, locked=False, clock=clock, sleep=clock.sleep):
        assert clock.now >= 60  # without a lock it may live


def test_who_was_taken_over_writes_nothing_more(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run", "", [0])
    with store.writing():
        store.write("kept", b"before")
        elsewhere(store.path)  # somebody took this process for lost
        for attempt in (
            lambda: store.write("kept", b"after"),
            lambda: store.write("new", b"after"),
            lambda: store.finish("train"),
            lambda: store.log([{"update": 1}], "train"),
        ):
            with pytest.raises(Lost, match="taken over by elsewhere"):
                attempt()
    assert (store.path / "kept").read_bytes() == b"before"
    assert not (store.path / "new").exists()
    assert not Store.open(store.path).finished("train")
    assert read_lease(store.path)["owner"] == "other"  # not taken back at the end


def test_a_torn_lease_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / LEASE).write_text('{"owner": "oth')
    with held(tmp_path, locked=True) as lease:
        assert read_lease(tmp_path)["owner"] == lease.owner


def test_a_beat_that_finds_another_owner_stops(tmp_path: Path) -> None:
    with patch("shardsim.runs.lease.Lease.write", autospec=True) as write:
        write.side_effect = lambda lease: elsewhere(tmp_path)
        with held(tmp_path, locked=True, beat=0.001) as lease, pytest.raises(Lost):
            lease.check()
    assert write.call_count == 1
