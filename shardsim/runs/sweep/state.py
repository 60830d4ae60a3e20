"""How far the points of a sweep are, read from their run directories."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from shardsim.base.errors import UserError
from shardsim.runs.files import FAILURE, MANIFEST, TIMINGS
from shardsim.runs.io import json_from_bytes
from shardsim.runs.lease import is_alive, read_lease
from shardsim.runs.store import Store
from shardsim.runs.sweep.index import Sweep

Word = Literal["done", "running", "failed", "stopped", "waiting"]


class State(NamedTuple):
    """One point."""

    word: Word
    stage: str  # at work, or the last that is finished; empty before the first
    progress: float  # 0..1, of all stages alike
    seconds: float  # that its finished stages took
    why: str  # a failure in one line


def state_of(folder: Path, wanted: Sequence[str]) -> State:
    """Return how far one run directory is on its way through the stages `wanted`."""
    failure = _failure(folder)
    try:
        store = Store.open(folder)
    except UserError as error:
        missing = not (folder / MANIFEST).is_file()
        return State(
            "waiting" if missing else "failed", "", 0.0, 0.0, "" if missing else str(error)
        )
    finished = [stage for stage in wanted if store.finished(stage)]
    seconds = _seconds(folder, finished)
    last = finished[-1] if finished else ""
    if len(finished) == len(wanted):
        return State("done", last, 1.0, seconds, "")
    lease = read_lease(folder)
    if is_alive(folder, lease):
        part = float(lease.get("fraction", 0.0))
        progress = (len(finished) + part) / len(wanted)
        return State("running", str(lease.get("stage", last)), progress, seconds, "")
    word: Word = (
        "failed" if failure else "stopped" if finished or store.names("check") else "waiting"
    )
    return State(word, last, len(finished) / len(wanted), seconds, failure)


def states(sweep: Sweep) -> dict[str, State]:
    """Return how far every point is, by its folder's name."""
    return {
        entry.name: state_of(folder, sweep.wanted)
        for entry, folder in zip(sweep.entries, sweep.folders, strict=True)
    }


def seconds_left(found: Sequence[State], workers: int) -> float | None:
    """Return about how long the rest will take; None where nothing is finished to judge by."""
    known = [state.seconds for state in found if state.word == "done" and state.seconds > 0]
    if not known:
        return None
    open_ = [state for state in found if state.word not in ("done", "failed")]
    each = sum(known) / len(known)
    parts = [1.0 - state.progress for state in open_]
    # No worker can take less than the longest point that is left.
    return each * max(sum(parts) / max(1, workers), max(parts, default=0.0))


def _failure(folder: Path) -> str:
    """Return why a point was given up; empty where it was not."""
    with contextlib.suppress(OSError, UserError, KeyError, TypeError):
        return str(json_from_bytes((folder / FAILURE).read_bytes(), FAILURE)["why"])
    return ""


def _seconds(folder: Path, finished: Sequence[str]) -> float:
    """Return the wall seconds of finished stages."""
    with contextlib.suppress(OSError, UserError, TypeError):
        told = json_from_bytes((folder / TIMINGS).read_bytes(), TIMINGS)
        return float(sum(told.get(stage, 0.0) for stage in finished))
    return 0.0
