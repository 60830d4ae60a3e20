"""What a person sees while a run goes on: a bar in a terminal, plain lines elsewhere.

Everything goes to stderr, so that stdout stays for results.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """Where stages say how far they are; this one says nothing, for use from Python."""

    def __enter__(self) -> Progress:
        """Begin to show."""
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop showing."""

    def begin(self, stage: str) -> None:
        """A stage begins."""

    def update(self, done: float, total: float, said: str = "") -> None:
        """So much of the stage is done (any unit), with a few words such as steps/s."""

    def end(self, seconds: float) -> None:
        """The stage is finished."""


class Lines(Progress):
    """One plain line now and then, with the time left; for logs and pipes."""

    def __init__(
        self,
        every: float = 5.0,
        write: Callable[[str], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write at most one line in `every` seconds."""
        self._every = every
        self._write = write or (lambda line: print(line, file=sys.stderr, flush=True))
        self._clock = clock
        self._stage, self._since, self._said_at, self._first = "", 0.0, 0.0, 0.0

    def begin(self, stage: str) -> None:
        self._stage = stage
        self._since = self._said_at = self._clock()
        self._first = -1.0
        self._write(f"{stage}: begins")

    def update(self, done: float, total: float, said: str = "") -> None:
        now = self._clock()
        if self._first < 0:
            # A resumed stage begins in the middle: only what is done from here on tells the pace.
            self._first, self._since = done, now
        if now - self._said_at < self._every:
            return
        self._said_at = now
        fresh = done - self._first
        # The first steps hold the compilation, so early they say nothing of the time left.
        early = fresh < 0.1 * total
        left = None if early else (now - self._since) * (total - done) / fresh
        words = [f"{100 * done / max(total, 1e-9):.0f} %", said]
        words += [] if left is None else [f"{_duration(left)} left"]
        self._write(f"{self._stage}: {', '.join(word for word in words if word)}")

    def end(self, seconds: float) -> None:
        self._write(f"{self._stage}: done in {_duration(seconds)}")


class Terminal(Progress):
    """A bar for the stage that is running, and a line for each that is done."""

    def __init__(self, console: Console) -> None:
        """Draw on a console."""
        self._bars = Bars(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._stage, self._task = "", TaskID(0)

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bars.stop()

    def begin(self, stage: str) -> None:
        self._stage = stage
        self._task = self._bars.add_task(stage, total=None, said="")

    def update(self, done: float, total: float, said: str = "") -> None:
        self._bars.update(self._task, completed=int(done), total=int(total), said=said)

    def end(self, seconds: float) -> None:
        self._bars.remove_task(self._task)
        self._bars.console.print(f"{self._stage:<9} done in {_duration(seconds)}", highlight=False)


def for_stderr() -> Progress:
    """A bar where stderr is a terminal, else plain lines."""
    console = Console(stderr=True)
    return Terminal(console) if console.is_terminal else Lines()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} min {rest} s" if minutes else (f"{seconds:.1f} s" if rest < 10 else f"{rest} s")
    )
