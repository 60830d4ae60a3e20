"""Runs that are killed, and what is left of them."""

from __future__ import annotations

from shardsim.runs.progress import Display
from shardsim.runs.run import Run


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class KillAt(Display):
    """Kills the process, as it were, at the n-th sign of progress."""

    def __init__(self, count: int) -> None:
        self.left = count

    def show(self, fraction: float, said: str = "") -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


def results(opened: Run) -> dict[str, bytes]:
    """Every listed file of a run."""
    return {name: opened.store.read(name) for name in opened.store.names()}
