"""A sweep as a table that a person follows: live in a terminal, lines now and then elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from shardsim.runs.progress import in_minutes
from shardsim.runs.sweep.index import Sweep
from shardsim.runs.sweep.state import State, seconds_left

EVERY = 30.0  # seconds between two lines where there is no terminal
SHOWN = 30  # points in a live table; those at work and given up come first
ORDER = ("running", "failed", "stopped", "waiting", "done")


def headline(found: Mapping[str, State], workers: int) -> str:
    """Return how many points are in which state, and about how long the rest takes."""
    counts = Counter(state.word for state in found.values())
    told = [f"{counts[word]} {word}" for word in reversed(ORDER) if counts[word]]
    left = seconds_left(list(found.values()), workers)
    still = any(state.word not in ("done", "failed") for state in found.values())
    time_left = f", about {in_minutes(left)} left" if still and left is not None else ""
    return f"{len(found)} points: {', '.join(told)}{time_left}"


def rows(sweep: Sweep, found: Mapping[str, State]) -> list[dict[str, Any]]:
    """Return the points as plain values, in their order."""
    return [
        {
            "point": entry.name,
            "settings": entry.settings,
            "state": found[entry.name].word,
            "stage": found[entry.name].stage,
            "progress": found[entry.name].progress,
            "seconds": found[entry.name].seconds,
            "why": found[entry.name].why,
        }
        for entry in sweep.entries
    ]


def in_words(sweep: Sweep, found: Mapping[str, State], workers: int) -> str:
    """Return the whole table as text."""
    console = Console(width=120)
    with console.capture() as captured:
        console.print(_table(sweep, found, len(sweep.entries)))
    return f"{captured.get()}{headline(found, workers)}"


class Watching:
    """Shows a sweep on stderr while it goes on; used inside `with`."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        """Show this sweep, done by so many workers."""
        self._sweep, self._workers = sweep, workers
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._said_at, self._said = -EVERY, Counter[str]()

    def __enter__(self) -> Watching:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, found: Mapping[str, State]) -> None:
        """Show how far it is."""
        if self._console.is_terminal:
            table = _table(self._sweep, found, SHOWN)
            table.caption = headline(found, self._workers)
            self._live.update(table, refresh=True)
            return
        counts = Counter(state.word for state in found.values())
        ended = {word: counts[word] for word in ("done", "failed")}
        now = time.monotonic()
        if ended != self._said or now - self._said_at >= EVERY:
            self._said_at, self._said = now, ended
            print(f"sweep: {headline(found, self._workers)}", file=sys.stderr, flush=True)


def _table(sweep: Sweep, found: Mapping[str, State], most: int) -> Table:
    """Return the points as a table, at most so many."""
    keys = sweep.keys
    table = Table("point" if not keys else "", *keys, "state", "stage", "done", "took", box=None)
    order = sorted(sweep.entries, key=lambda entry: ORDER.index(found[entry.name].word))
    chosen = {entry.name for entry in order[:most]}
    for number, entry in enumerate(sweep.entries):
        state = found[entry.name]
        if entry.name in chosen:
            values = [
                json.dumps(entry.settings[key]) if key in entry.settings else "" for key in keys
            ]
            table.add_row(
                str(number + 1) if keys else entry.name,
                *values,
                state.word,
                state.why or state.stage,
                f"{100 * state.progress:.0f} %",
                in_minutes(state.seconds) if state.seconds else "",
            )
    return table
