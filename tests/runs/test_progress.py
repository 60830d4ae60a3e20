"""What is said while a run goes on."""

from __future__ import annotations

import io

from rich.console import Console

from shardsim.runs.progress import Lines, Terminal


def test_lines_come_seldom_and_tell_the_time_left() -> None:
    said: list[str] = []
    clock = iter([0.0, 0.0, 1.0, 10.0]).__next__
    lines = Lines(every=5.0, write=said.append, clock=clock)
    lines.begin("train")
    lines.update(20, 100)  # a resumed stage begins here, so it tells nothing of the pace
    lines.update(30, 100, "hidden: too soon")
    lines.update(60, 100, "9 steps/s")
    lines.end(12.3)
    assert said == ["train: begins", "train: 60 %, 9 steps/s, 10 s left", "train: done in 12 s"]


def test_minutes_are_spelled_out() -> None:
    said: list[str] = []
    Lines(write=said.append).end(125.0)
    assert said == [": done in 2 min 5 s"]


def test_a_terminal_keeps_a_line_for_each_stage() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Terminal(console) as bars:
        bars.begin("train")
        bars.update(3, 10, "5 steps/s")
        bars.end(2.0)
    assert "train     done in 2.0 s" in console.file.getvalue()  # type: ignore[attr-defined]
