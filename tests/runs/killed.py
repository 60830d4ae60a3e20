"""Runs that are killed, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shardsim.runs.lease import read_lease
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


def at_work(sweep: Path, command: subprocess.Popen, seconds: float = 120.0) -> int:
    """Wait until a worker of a sweep's command, which makes the folders, holds one; its process."""

    def pid() -> int:
        found = [read_lease(folder) for folder in sweep.glob("*") if folder.is_dir()]
        alive = [lease["pid"] for lease in found if lease and lives(lease["pid"])]
        alive = [pid for pid in alive if pid != command.pid]
        assert alive or command.poll() is None, "the command ended, and no worker had begun"
        return alive[0] if alive else 0

    return wait(pid, "a worker begins", seconds)


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait(until: Callable[[], Any], what: str, seconds: float = 120.0) -> Any:
    """Wait until something is so; gives what it then is."""
    ends = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < ends, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.02)
    return found
