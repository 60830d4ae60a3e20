"""How far a long function is: handed down to it as an argument, and by default told to nobody.

A function plans its parts with what each costs beside the others, opens them one by one, and counts
inside them. Whoever shows it (`shardsim.runs.progress`) hands in a `Tracked`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple


class Progress:
    """Where a function says how far it is; this one says nothing to anybody."""

    def expect(self, seconds: float, why: str) -> None:
        """Say before a long piece of work about how long it will take, and what makes it long."""

    def plan(self, costs: Mapping[str, float]) -> None:
        """Say which parts there will be, in order, and what each costs beside the others.

        Costs are relative, as measured. A part that is left out is passed over when a later one
        begins; one that was not planned is timed and does not move the bar.
        """

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[Progress]:
        """Do one part: its seconds are counted, and what it is given tells how far it is."""
        yield self

    def update(self, done: float, total: float, said: str = "") -> None:
        """So much of this part is done, in any unit, with a few words such as steps/s."""


SILENT = Progress()


class Listener(NamedTuple):
    """Who is told."""

    show: Callable[[float, str], object]  # the fraction of the whole that is done, and a few words
    expect: Callable[[float, str], object]  # seconds, and why
    took: Callable[[str, float], object]  # a part (`outer/inner`) is over, after so many seconds


class Tracked(Progress):
    """A stretch of the whole, from fraction `start` on and `width` long, told to a listener."""

    def __init__(
        self,
        listener: Listener,
        clock: Callable[[], float] = time.monotonic,
        *,
        path: tuple[str, ...] = (),
        start: float = 0.0,
        width: float = 1.0,
    ) -> None:
        """Begin with no parts; by default this is the whole."""
        self._listener, self._clock, self._path = listener, clock, path
        self._start, self._width = start, width
        self._costs: Mapping[str, float] = {}

    def expect(self, seconds: float, why: str) -> None:
        self._listener.expect(seconds, why)

    def plan(self, costs: Mapping[str, float]) -> None:
        self._costs = costs

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[Progress]:
        before, cost = self._stretch(name)
        path = (*self._path, name)
        start, width = self._start + self._width * before, self._width * cost
        inner = Tracked(self._listener, self._clock, path=path, start=start, width=width)
        since = self._clock()
        inner.update(0, 1)
        yield inner
        inner.update(1, 1)
        self._listener.took("/".join(path), self._clock() - since)

    def update(self, done: float, total: float, said: str = "") -> None:
        part = self._width * min(1.0, done / total if total else 1.0)
        words = ", ".join(word for word in (*self._path[-1:], said) if word)
        self._listener.show(self._start + part, words)

    def _stretch(self, name: str) -> tuple[float, float]:
        """Where a part begins and how long it is, as fractions of this one."""
        names = list(self._costs)
        if name not in names:
            return 0.0, 0.0
        total, place = sum(self._costs.values()), names.index(name)
        return sum(self._costs[one] for one in names[:place]) / total, self._costs[name] / total
