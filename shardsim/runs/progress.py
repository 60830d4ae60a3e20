"""What a person sees while a run goes on: a bar in a terminal, plain lines elsewhere.

Everything goes to stderr, so that stdout stays for results. How far a stage is comes from
`shardsim.base.progress`, as a fraction of the stage.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

EARLY = 0.1  # of a stage, before which its pace says nothing of the time left


class Display:
    """Shows how far stages are; this one shows nothing, for use from Python."""

    def __enter__(self) -> Display:
        """Begin to show."""
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop showing."""

    def begin(self, stage: str) -> None:
        """A stage begins."""

    def expect(self, seconds: float, why: str) -> None:
        """What is being done will take about so long."""

    def show(self, fraction: float, said: str = "") -> None:
        """So much of the stage is done, with a few words on what is being done."""

    def end(self, seconds: float) -> None:
        """The stage is finished."""


class Pace:
    """The time left of one stage, from how fast it has been."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """A stage begins."""
        self._clock, self._begun = clock, clock()
        self._from: tuple[float, float] | None = None  # fraction and moment that the pace is from
        self._moved = False
        self._end: float | None = None  # when it will be done, as far as is known

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return self._clock() - self._begun

    @property
    def left(self) -> float | None:
        """Seconds that are left; None where that is not known, or has proved too short."""
        left = None if self._end is None else self._end - self._clock()
        return left if left is not None and left >= 0 else None

    def expect(self, seconds: float) -> None:
        """It was said beforehand how long it will take from here on."""
        self._end = self._clock() + seconds

    def at(self, fraction: float) -> None:
        """So much is done now."""
        now = self._clock()
        if self._from is None or (not self._moved and fraction > self._from[0]):
            # A resumed stage begins in the middle, and the first step of all holds compilation.
            self._moved = self._from is not None
            self._from = fraction, now
        fresh = fraction - self._from[0]
        if fresh >= EARLY:
            self._end = now + (now - self._from[1]) * (1.0 - fraction) / fresh


class Lines(Display):
    """One plain line now and then, with the time left; for logs and pipes.

    Inside `with`, a line also comes where a stage says nothing for twice as long.
    """

    def __init__(
        self,
        every: float = 5.0,
        write: Callable[[str], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write at most one line in `every` seconds."""
        self._every, self._clock = every, clock
        self._write = write or (lambda line: print(line, file=sys.stderr, flush=True))
        self._stage, self._said, self._fraction, self._said_at = "", "", 0.0, 0.0
        self._pace: Pace | None = None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Display:
        self._stop.clear()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._every / 5):
            self.beat()

    def beat(self) -> None:
        """Say again how far the stage is, where nothing was said for long."""
        with self._lock:
            if self._pace is not None and self._clock() - self._said_at >= 2 * self._every:
                self._line()

    def begin(self, stage: str) -> None:
        with self._lock:
            self._stage, self._said, self._fraction = stage, "", 0.0
            self._pace, self._said_at = Pace(self._clock), self._clock()
        self._write(f"{stage}: begins")

    def expect(self, seconds: float, why: str) -> None:
        with self._lock:
            if self._pace is not None:
                self._pace.expect(seconds)
        self._write(f"{self._stage}: {_expected(seconds, why)}")

    def show(self, fraction: float, said: str = "") -> None:
        with self._lock:
            if self._pace is None:
                return
            self._fraction, self._said = fraction, said
            self._pace.at(fraction)
            if self._clock() - self._said_at >= self._every:
                self._line()

    def _line(self) -> None:
        assert self._pace is not None
        self._said_at = self._clock()
        words = [f"{100 * self._fraction:.0f} %", self._said, _time(self._pace)]
        self._write(f"{self._stage}: {', '.join(word for word in words if word)}")

    def end(self, seconds: float) -> None:
        with self._lock:
            self._pace = None
        self._write(f"{self._stage}: done in {in_minutes(seconds)}")


class TimeLeft(ProgressColumn):
    """The time left of the task's pace, or else the time that it has taken so far."""

    def render(self, task: Task) -> Text:
        return Text(_time(task.fields["pace"]))


class Terminal(Display):
    """A bar for the stage that is running, and a line for each that is done."""

    def __init__(self, console: Console) -> None:
        """Draw on a console."""
        self._bars = Bars(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}"),
            TimeLeft(),
            console=console,
            transient=True,
        )
        self._stage, self._task, self._pace = "", TaskID(0), Pace(time.monotonic)

    def __enter__(self) -> Display:
        self._bars.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bars.stop()

    def begin(self, stage: str) -> None:
        self._stage, self._pace = stage, Pace(time.monotonic)
        self._task = self._bars.add_task(stage, total=1.0, said="", pace=self._pace)

    def expect(self, seconds: float, why: str) -> None:
        self._pace.expect(seconds)
        self._bars.console.print(f"{self._stage:<9} {_expected(seconds, why)}", highlight=False)

    def show(self, fraction: float, said: str = "") -> None:
        self._pace.at(fraction)
        self._bars.update(self._task, completed=fraction, said=said)

    def end(self, seconds: float) -> None:
        self._bars.remove_task(self._task)
        self._bars.console.print(f"{self._stage:<9} done in {in_minutes(seconds)}", highlight=False)


def for_stderr() -> Display:
    """A bar where stderr is a terminal, else plain lines."""
    console = Console(stderr=True)
    return Terminal(console) if console.is_terminal else Lines()


def _expected(seconds: float, why: str) -> str:
    return f"about {in_minutes(seconds)}: {why}"


def _time(pace: Pace) -> str:
    left = pace.left
    return f"{in_minutes(pace.elapsed)} so far" if left is None else f"{in_minutes(left)} left"


def in_minutes(seconds: float) -> str:
    """Seconds as a person says them."""
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} min {rest} s" if minutes else (f"{seconds:.1f} s" if rest < 10 else f"{rest} s")
    )
