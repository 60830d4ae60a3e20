"""A process whose children do stages of runs and are killed on the way.

    python -m tests.runs.faults.victim

It imports everything once and forks for each line of JSON on stdin, before JAX has begun to
compute; so a child begins at once and dies by a real SIGKILL, with no clean-up of any kind. A child
is killed either after some seconds or at its n-th step that touches the disk: half of a file
written, written and not flushed, flushed and not renamed, renamed, a line of the log half written,
a file deleted or about to be.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shardsim.runs import stages  # noqa: F401 (imported once, for all children)
from shardsim.runs.lease import LEASE
from shardsim.runs.pipeline import go_on
from shardsim.runs.store import Store

LONGEST = 580.0  # seconds of one child


class Disk:
    """Counts the steps that touch the disk, and kills the process at one of them."""

    def __init__(self, last: int | None) -> None:
        self.count, self._last = 0, last

    def step(self, then: Callable[[], Any] = lambda: None) -> None:
        self.count += 1
        if self.count == self._last:
            then()
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Stand between the run and its disk. The lease's own beats are not counted."""
        flush, rename, unlink, log = os.fsync, os.replace, Path.unlink, Store.log

        def fsync(handle: int) -> None:
            self.step(lambda: os.ftruncate(handle, os.fstat(handle).st_size // 2))
            self.step()
            flush(handle)

        def replace(old: Any, new: Any) -> None:
            counted = Path(new).name != LEASE
            if counted:
                self.step()
            rename(old, new)
            if counted:
                self.step()

        def remove(path: Path, missing_ok: bool = False) -> None:
            counted = path.name != LEASE
            if counted:
                self.step()
            unlink(path, missing_ok=missing_ok)
            if counted:
                self.step()

        def append(store: Store, rows: list[dict[str, Any]], stage: str) -> None:
            def torn() -> None:
                with open(store.path / "log.jsonl", "a") as handle:
                    handle.write('{"stage": "tra')

            self.step(torn)
            log(store, rows, stage)
            self.step()

        os.fsync, os.replace, Path.unlink, Store.log = fsync, replace, remove, append


def child(asked: dict[str, Any], told: int) -> None:
    """Do what is left of a run up to a stage; tell how many steps touched the disk."""
    os.setsid()  # so that whoever kills can reach its own workers too
    disk = Disk(asked.get("step"))
    disk.watch()
    code = 0
    try:
        go_on(asked["run"], until=asked["until"])
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        code = 1
    os.write(told, json.dumps({"steps": disk.count}).encode())
    os._exit(code)


def one(asked: dict[str, Any]) -> dict[str, Any]:
    """Fork a child, kill it when it is time, and say how it ended."""
    ear, mouth = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ear)
        child(asked, mouth)
    os.close(mouth)
    # The pipe is readable when the child has told, or is gone.
    if not select.select([ear], [], [], asked.get("seconds") or LONGEST)[0]:
        os.kill(pid, signal.SIGKILL)
    told = os.read(ear, 1000)
    os.close(ear)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # workers that it left
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    code = None if killed else os.waitstatus_to_exitcode(status)
    return {"killed": killed, "code": code, **(json.loads(told) if told and not killed else {})}


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        print(json.dumps(one(json.loads(line))), flush=True)


@contextlib.contextmanager
def victims(root: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Start this program; gives a function that asks it."""
    import subprocess

    with subprocess.Popen(
        [sys.executable, "-m", "tests.runs.faults.victim"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(run: Path, until: str, **how: Any) -> dict[str, Any]:
            asked = {"run": str(run), "until": until, **how}
            print(json.dumps(asked), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


if __name__ == "__main__":
    main()
