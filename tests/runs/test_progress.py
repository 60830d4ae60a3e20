"""What is said while a run goes on."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from shardsim.runs.progress import Lines, Pace, Terminal


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def lines(clock: Clock, said: list[str]) -> Lines:
    return Lines(every=5.0, write=said.append, clock=clock)


def test_lines_come_seldom_and_tell_the_time_left(lines: Lines, clock: Clock, said) -> None:
    lines.begin("train")
    lines.show(0.2)  # a resumed stage begins here, so it tells nothing of the pace
    clock.now = 1.0
    lines.show(0.3, "hidden: too soon")
    clock.now = 10.0
    lines.show(0.6, "9 steps/s")
    lines.end(12.3)
    assert said == ["train: begins", "train: 60 %, 9 steps/s, 12 s left", "train: done in 12 s"]


def test_the_first_step_says_nothing_of_the_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.at(0.0)
    clock.now = 60.0  # compiling
    pace.at(0.1)
    assert pace.left is None
    clock.now = 65.0
    pace.at(0.6)
    assert pace.left == pytest.approx(4.0)


def test_a_time_left_that_has_passed_is_not_told_any_more() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.expect(30.0)
    clock.now = 10.0
    assert pace.left == pytest.approx(20.0)
    clock.now = 31.0
    assert pace.left is None and pace.elapsed == 31.0


def test_a_silent_part_is_spoken_for(lines: Lines, clock: Clock, said: list[str]) -> None:
    lines.begin("identify")
    lines.show(0.05, "rivals")
    clock.now = 9.0
    lines.beat()
    assert said == ["identify: begins"]
    clock.now = 10.0
    lines.beat()
    lines.beat()
    assert said[1:] == ["identify: 5 %, rivals, 10 s so far"]
    lines.end(11.0)
    clock.now = 60.0
    lines.beat()
    assert said[-1] == "identify: done in 11 s"


def test_lines_beat_by_themselves_inside_a_with() -> None:
    spoke = threading.Event()

    def write(line: str) -> None:
        if "so far" in line:
            spoke.set()

    with Lines(every=0.01, write=write) as lines:
        lines.begin("identify")
        assert spoke.wait(30.0)


def test_a_long_stage_is_announced(lines: Lines, clock: Clock, said: list[str]) -> None:
    lines.begin("reflect")
    lines.expect(240.0, "1,600 states")
    clock.now = 20.0
    lines.show(0.01, "plans")
    assert said[1:] == [
        "reflect: about 4 min 0 s: 1,600 states",
        "reflect: 1 %, plans, 3 min 40 s left",
    ]


def test_minutes_are_spelled_out() -> None:
    said: list[str] = []
    Lines(write=said.append).end(125.0)
    assert said == [": done in 2 min 5 s"]


def test_a_terminal_shows_a_bar_and_keeps_a_line_for_each_stage() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Terminal(console) as bars:
        bars.begin("train")
        bars.expect(90.0, "many states")
        bars.show(0.3, "5 steps/s")
        bars._bars.refresh()
        bars.end(2.0)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "train     about 1 min 30 s: many states" in text
    assert "30%" in text and "5 steps/s" in text
    assert "train     done in 2.0 s" in text
