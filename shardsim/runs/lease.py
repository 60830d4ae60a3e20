"""Who is writing a run directory: a lease that its owner renews, and that another may take over.

A file lock dies with its process, but only where all machines see the same locks. A run that is
shared by machines is therefore held by a lease too: `lease.json` names its owner, who counts it up
every few seconds. Whoever finds another's lease waits, by a clock of its own, until the count has
stood still for a minute, and then takes it. An owner that was thought lost and lives on finds
another name there before its next write, and stops. The lease also says how far the run is.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError, caution
from shardsim.runs.disk import Busy, writable

LEASE = "lease.json"
BEAT = 5.0  # seconds between two beats
PATIENCE = 60.0  # seconds without a beat after which an owner on another machine counts as lost


class Lost(UserError):
    """Somebody else has taken the lease over: nothing may be written any more."""


class Lease:
    """A lease that is held; made by `held`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / LEASE
        self._said: dict[str, Any] = {}
        self._beats = 0
        self._writing = threading.Lock()
        self.owner = uuid.uuid4().hex

    def check(self) -> None:
        """Raise Lost where the lease is another's, or gone with its folder."""
        found = read_lease(self._file.parent)
        if found.get("owner") != self.owner:
            by = found.get("host", "an unknown machine")
            raise Lost(
                f"{self._file.parent} was taken over by {by}, since this process had not been "
                "heard of; what it found is left to the other"
            )

    def say(self, **what: Any) -> None:
        """Say how far the run is, with the next beat."""
        self._said |= what

    def write(self) -> None:
        """Renew the lease."""
        with self._writing:
            self._beats += 1
            told = {
                "owner": self.owner,
                "host": platform.node(),
                "pid": os.getpid(),
                "beats": self._beats,
                **self._said,
            }
            beside = self._file.with_name(f"{LEASE}.{self.owner}.part")
            beside.write_text(json.dumps(told), encoding="utf-8")
            os.replace(beside, self._file)


def read_lease(folder: Path) -> dict[str, Any]:
    """Return what the lease of a folder says; empty where there is none, or it is being written."""
    try:
        told = json.loads((folder / LEASE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def is_alive(folder: Path, lease: dict[str, Any]) -> bool:
    """Whether the owner of a folder's lease lives, as far as can be told from here."""
    if not lease:
        return False
    if lease.get("host") == platform.node():
        try:
            os.kill(int(lease["pid"]), 0)
        except PermissionError:  # another user's
            return True
        except (OSError, KeyError, ValueError):
            return False
        return True
    with contextlib.suppress(OSError):
        return time.time() - (folder / LEASE).stat().st_mtime < PATIENCE
    return False


@contextlib.contextmanager
def held(
    folder: Path,
    *,
    locked: bool,
    beat: float = BEAT,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> Iterator[Lease]:
    """Hold the lease of a folder.

    Args:
        folder: the run directory.
        locked: whether the folder's file lock is held, so that a lease of this machine is that of
            a process which died.
        beat: seconds between beats.
        patience: seconds without a beat after which another machine's lease is taken over.
        clock: seconds.
        sleep: waits for seconds.

    Raises:
        Busy: another process is writing there.
    """
    first = read_lease(folder)
    if first and not (locked and first.get("host") == platform.node()):
        _wait(folder, first, beat, patience, clock, sleep)
    lease = Lease(folder)
    with writable(folder / LEASE):
        lease.write()
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, stop, beat), daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        stop.set()
        thread.join()
        with contextlib.suppress(OSError, Lost):
            lease.check()
            (folder / LEASE).unlink()


def _beat(lease: Lease, stop: threading.Event, seconds: float) -> None:
    """Renew until told to stop, or until the lease is another's."""
    while not stop.wait(seconds):
        try:
            lease.check()
            lease.write()
        except (OSError, Lost):  # the next write of a result says so
            return


def _wait(
    folder: Path,
    first: dict[str, Any],
    beat: float,
    patience: float,
    clock: Callable[[], float],
    sleep: Callable[[float], Any],
) -> None:
    """Wait until a lease has not been renewed for long; raise Busy where it is."""
    caution(
        f"{folder} was last written by {first.get('host')}, which did not say that it ended; "
        f"waiting {patience:.0f} s for a sign of it"
    )
    since = clock()
    while clock() - since < patience:
        sleep(beat)
        now = read_lease(folder)
        if not now:
            return
        if (now.get("owner"), now.get("beats")) != (first.get("owner"), first.get("beats")):
            raise Busy(
                f"process {now.get('pid')} on {now.get('host')} is writing {folder}; "
                "wait for it to end or choose another --out"
            )
