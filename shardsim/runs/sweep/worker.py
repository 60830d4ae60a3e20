"""A worker: takes the next point that nobody works on, does it, and goes on until there is none.

    python -m shardsim.runs.sweep.worker DIR

Any number of workers serve one sweep, on one machine or on several: whose point is whose is decided
by the lease of its run directory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

from shardsim.base.compiled import keep_compiled_programs
from shardsim.base.errors import UserError, one_line
from shardsim.runs.disk import Busy, writable
from shardsim.runs.files import FAILURE
from shardsim.runs.io import json_to_bytes
from shardsim.runs.lease import Lost
from shardsim.runs.pipeline import go_on
from shardsim.runs.sweep.index import Sweep, open_sweep
from shardsim.runs.sweep.state import state_of

FAILED = 3  # exit status of a worker that stops at the first failure


def work(sweep: Sweep, *, folders: Sequence[str | Path] = (), fail_fast: bool = False) -> list[str]:
    """Do points of a sweep until none is left that nobody works on.

    Args:
        sweep: its points, in the order in which they are taken.
        folders: of the user's own envs.
        fail_fast: stop at the first point that fails.

    Returns:
        The names of the points that failed here.
    """
    failed = []
    for entry, folder in zip(sweep.entries, sweep.folders, strict=True):
        if state_of(folder, sweep.wanted).word not in ("waiting", "stopped"):
            continue
        if not attempt(folder, sweep.until, folders):
            failed.append(entry.name)
            if fail_fast:
                break
    return failed


def attempt(folder: Path, until: str, folders: Sequence[str | Path] = ()) -> bool:
    """Do what is left of one point; False where it failed, which is then written beside it.

    A point that somebody else works on, or has taken over, counts as theirs.
    """
    try:
        go_on(folder, until=until, folders=folders)
    except (Busy, Lost):
        return True
    except UserError as error:
        note_failure(folder, str(error))
        return False
    except Exception as error:
        where = traceback.format_exc()
        note_failure(folder, f"{type(error).__name__}: {one_line(error)}", where)
        return False
    return True


def note_failure(folder: Path, why: str, where: str = "") -> None:
    """Write beside a run why it was given up."""
    with writable(folder / FAILURE):
        (folder / FAILURE).write_bytes(json_to_bytes({"why": why, "traceback": where.splitlines()}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until nothing is left, or until whoever started this process is gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--envs", action="append", default=[], metavar="DIR")
    parser.add_argument("--fail-fast", action="store_true")
    parser.add_argument("--cores", type=int, nargs="*", help="to compute on [all]")
    parser.add_argument(
        "--attached",
        action="store_true",
        help="read the names of the points as one line of JSON, and end when standard input closes",
    )
    asked = parser.parse_args(arguments)
    if asked.cores:
        os.sched_setaffinity(0, asked.cores)  # before JAX counts them
    sweep = open_sweep(asked.sweep)
    if asked.attached:
        sweep = sweep.of(json.loads(sys.stdin.buffer.readline()))
        threading.Thread(target=_end_with_standard_input, daemon=True).start()
    keep_compiled_programs()
    failed = work(sweep, folders=asked.envs, fail_fast=asked.fail_fast)
    return FAILED if failed and asked.fail_fast else 0


def _end_with_standard_input() -> None:
    """End this process, as a kill would, when the one that started it closes the pipe or dies."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
