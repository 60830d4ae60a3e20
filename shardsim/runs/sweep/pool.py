"""The workers of this machine: processes that serve a sweep, started again where one dies."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from joblib import cpu_count

from shardsim.base.errors import UserError
from shardsim.runs.disk import writable
from shardsim.runs.files import FAILURE
from shardsim.runs.lease import read_lease
from shardsim.runs.sweep.index import Sweep
from shardsim.runs.sweep.state import State, states
from shardsim.runs.sweep.worker import note_failure

LOOK = 1.0  # seconds between two looks at the points
RETRIES = 2  # how often a point is begun again whose worker died
LOGS = ".workers"  # folder of what workers print

Watch = Callable[[dict[str, State]], Any]


def run_here(
    sweep: Sweep,
    *,
    workers: int | None = None,
    retries: int = RETRIES,
    fail_fast: bool = False,
    folders: Sequence[str | Path] = (),
    watch: Watch = lambda found: None,
    look: float = LOOK,
) -> dict[str, State]:
    """Do all points of a sweep in processes on this machine.

    A point that failed before is tried again. Points that others work on are waited for.

    Args:
        sweep: its points.
        workers: processes at once; by default as `usual_workers`.
        retries: how often a point is begun again whose worker was killed; a point that fails with
            an error would fail again, and is not.
        fail_fast: end at the first failure; what was begun can be continued.
        folders: of the user's own envs.
        watch: told how far all points are, every `look` seconds.
        look: seconds.

    Returns:
        How far every point is in the end, by name.
    """
    for folder in sweep.folders:
        (folder / FAILURE).unlink(missing_ok=True)
    count = workers or usual_workers()
    deaths: Counter[str] = Counter()
    found = states(sweep)
    with _processes(sweep, count, folders, fail_fast) as pool:
        while _open(found):
            watch(found)
            time.sleep(look)
            for place, process in enumerate(pool):
                if process is not None and process.poll() is not None:
                    process.communicate()  # closes its pipe
                    pool[place] = None
                    if process.returncode:
                        _died(sweep, process, deaths, retries)
            found = states(sweep)
            failed = any(state.word == "failed" for state in found.values())
            if failed and fail_fast:
                break
            idle = sum(state.word in ("waiting", "stopped") for state in found.values())
            for place, process in enumerate(pool):
                if idle and process is None:
                    pool[place] = _start(sweep, place, count, folders, fail_fast)
                    idle -= 1
    watch(found)
    return found


def usual_workers() -> int:
    """Return how many processes do a sweep at once: one an accelerator, else one for two cores."""
    # Asked in a process of its own: to begin on an accelerator takes its memory from the workers.
    asked = [sys.executable, "-c", "import jax; print(jax.default_backend())"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return max(1, cpu_count() // 2) if found in ("cpu", "") else 1


def _open(found: dict[str, State]) -> bool:
    """Whether some point is neither done nor given up."""
    return any(state.word not in ("done", "failed") for state in found.values())


@contextlib.contextmanager
def _processes(
    sweep: Sweep, count: int, folders: Sequence[str | Path], fail_fast: bool
) -> Iterator[list[subprocess.Popen | None]]:
    """Start workers, and end those that are left; each goes on from where it was another time."""
    with writable(sweep.path / LOGS):
        (sweep.path / LOGS).mkdir(exist_ok=True)
    pool: list[subprocess.Popen | None] = [
        _start(sweep, place, count, folders, fail_fast)
        for place in range(min(count, len(sweep.entries)))
    ]
    try:
        yield pool
    finally:
        for process in pool:
            if process is not None:
                process.kill()
                process.communicate()


def _start(
    sweep: Sweep, place: int, count: int, folders: Sequence[str | Path], fail_fast: bool
) -> subprocess.Popen:
    """Start one worker, on its own share of the cores."""
    words = [sys.executable, "-m", "shardsim.runs.sweep.worker", str(sweep.path), "--attached"]
    words += [word for folder in folders for word in ("--envs", str(folder))]
    words += ["--fail-fast"] if fail_fast else []
    words += ["--cores", *map(str, _share_of_cores(place, count))]
    with open(sweep.path / LOGS / f"{place + 1}.log", "a") as log:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=log)
    assert process.stdin is not None
    names = [entry.name for entry in sweep.entries]
    with contextlib.suppress(BrokenPipeError):  # it died at once, which is seen later
        process.stdin.write(json.dumps(names).encode() + b"\n")
        process.stdin.flush()
    return process


def _share_of_cores(place: int, count: int) -> list[int]:
    """Return the cores of one worker; none where they cannot be shared out."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    share = len(cores) // count
    return cores[place * share : (place + 1) * share]


def _died(sweep: Sweep, process: subprocess.Popen, deaths: Counter[str], retries: int) -> None:
    """Note that a worker died; give up the point that it was at where that was once too often."""
    for entry, folder in zip(sweep.entries, sweep.folders, strict=True):
        if read_lease(folder).get("pid") == process.pid:
            deaths[entry.name] += 1
            if deaths[entry.name] > retries:
                note_failure(
                    folder, f"its process ended {deaths[entry.name]} times, {_how(process)}"
                )
            return
    deaths["while starting"] += 1
    if deaths["while starting"] > retries + len(sweep.entries):
        raise UserError(f"workers end before they begin, {_how(process)}; see {sweep.path / LOGS}")


def _how(process: subprocess.Popen) -> str:
    """Return how a process ended, in words."""
    code = process.returncode
    if code == -9:
        return "killed (signal 9), perhaps for want of memory: try fewer --workers"
    return f"killed by signal {-code}" if code < 0 else f"with exit status {code}"
