"""What a disk may refuse, in one line: writing, and the lock of a run directory."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from shardsim.base.errors import UserError, caution, one_line

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None

LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


class Busy(UserError):
    """Somebody else is writing there."""


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {one_line(error)}; {_mend(error)}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock, which dies with its process; gives False where there are no locks.

    Raises Busy where another process holds it, UserError where the folder cannot be written.
    """
    with writable(folder):
        handle = open(folder / LOCK, "a+")  # noqa: SIM115 (closed below, with the lock)
    with handle:
        is_locked = _lock(handle, folder)
        with writable(folder):
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
        yield is_locked
        handle.truncate(0)


def _lock(handle: TextIOWrapper, folder: Path) -> bool:
    if fcntl is None:
        _unlocked(folder, "this system has no file locks")
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.seek(0)
        raise Busy(
            f"process {handle.read().strip() or '?'} is writing {folder}; "
            "wait for it to end or choose another --out"
        ) from error
    except OSError as error:
        _unlocked(folder, f"its disk has no locks ({one_line(error)})")
        return False
    return True


def _unlocked(folder: Path, why: str) -> None:
    caution(f"{folder} is written without a lock, since {why}; let no other process write there")


def _mend(error: OSError) -> str:
    if error.errno in _FULL:
        return "make room there, then give the same command"
    if error.errno in _REFUSED:
        return "allow writing there, or work on a copy elsewhere"
    return "choose another place"
