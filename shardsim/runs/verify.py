"""`shardsim verify`: whether every file of a run directory is what shardsim wrote.

Only reads, and starts neither JAX nor the run's env. What a file holds is checked by its hash, then
by its form: safetensors and tables open whole, tables hold the run's seeds and no variable that
their schema does not have, and numbers are finite where they must be.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from shardsim.base.errors import UserError
from shardsim.runs.contents import fault_of
from shardsim.runs.disk import LOCK
from shardsim.runs.files import (
    CHECKPOINTS,
    CONFIG,
    FAILURE,
    LOG,
    LOG_MIRRORS,
    MADE_BY,
    MANIFEST,
    OPTIONAL,
    SUMMARY,
    TIMED,
    how_to_mend,
)
from shardsim.runs.io import json_from_bytes
from shardsim.runs.lease import LEASE, is_alive, read_lease
from shardsim.runs.manifest import is_as_written, read_manifest, sealed
from shardsim.runs.store import Damaged, Store

_MEANS = ".means.safetensors"
_END = ".safetensors"


class Problem(NamedTuple):
    """One file that is not as it should be."""

    file: str  # under the run directory, or under the sweep's folder
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}; {self.mend}"


class Verified(NamedTuple):
    """What was found in one run directory, or in a sweep's folder."""

    path: str
    files: int  # that were checked
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]  # what is no damage: not finished, left by a killed writer, not checked


def verify_run(path: str | Path) -> Verified:
    """Check every file of a run directory.

    Raises:
        UserError: no run directory, or its manifest is lost, damaged or of another version, so that
            nothing else can be checked.
    """
    store = Store.open(path)
    checks: tuple[Callable[[Store], Iterator[Problem]], ...] = (
        _manifest,
        _listed,
        _finished,
        _checkpoints,
        _timed,
    )
    found = [problem for check in checks for problem in check(store)]
    files = len(store.manifest["files"]) + 1 + sum((store.path / name).is_file() for name in TIMED)
    return Verified(str(store.path), files, tuple(found), tuple(_notes(store)))


def _manifest(store: Store) -> Iterator[Problem]:
    """The manifest itself, to the last byte; what it says was checked as it was read."""
    try:
        as_written = is_as_written((store.path / MANIFEST).read_bytes())
    except (OSError, ValueError):  # another process is at it
        return
    if not as_written and store.manifest["format"] != 2:
        yield Problem(MANIFEST, "was edited by hand or damaged", how_to_mend(store.path, MANIFEST))


def _listed(store: Store) -> Iterator[Problem]:
    """Every listed file: there, of its hash, and of its form."""
    for name in sorted(store.manifest["files"]):
        try:
            data = _read(store, name)
        except Damaged as error:
            fault = error.short
        else:
            seeds = len(store.manifest.get("seeds", ()))
            fault = "" if data is None else fault_of(name, data, seeds)
        if fault:
            yield Problem(name, fault, how_to_mend(store.path, name))


def _read(store: Store, name: str) -> bytes | None:
    """Return a listed file; None where another process has taken it off the list meanwhile."""
    was = store.manifest["files"].get(name)
    if was is not None:
        try:
            return store.read(name, stale=True)
        except Damaged:
            store.manifest = read_manifest(store.path)
            if store.manifest["files"].get(name) == was:
                raise
    return store.read(name, stale=True) if name in store.manifest["files"] else None


def _finished(store: Store) -> Iterator[Problem]:
    """What finished stages have written must be listed."""
    wanted = [CONFIG]
    for name, stage in MADE_BY.items():
        if store.finished(stage) and name not in OPTIONAL:
            wanted.append(name)
    # It is written anew when a stage begins, and a kill may come before that.
    wanted += [SUMMARY] if "times" in store.manifest else []
    for name in wanted:
        if name not in store.manifest["files"]:
            said = f"is not listed in {MANIFEST}, though its stage is finished"
            yield Problem(name, said, how_to_mend(store.path, name))


def _checkpoints(store: Store) -> Iterator[Problem]:
    """Every checkpoint has its means, and training that began has its state."""
    names = store.names(CHECKPOINTS)
    state = [name for name in names if name.startswith(f"{CHECKPOINTS}resume-")]
    means = {name.removesuffix(_MEANS) for name in names if name.endswith(_MEANS)}
    kept = {name.removesuffix(_END) for name in names if name not in state} - {
        f"{name}.means" for name in means
    }
    for name in sorted(means ^ kept):
        lost = f"{name}{_MEANS if name in kept else _END}"
        yield Problem(lost, f"is not listed in {MANIFEST}", how_to_mend(store.path, lost))
    if kept and not state:
        yield Problem(
            f"{CHECKPOINTS}resume-*", "the state of training is lost", how_to_mend(store.path, "")
        )
    elif not kept and store.finished("train"):
        yield Problem(CHECKPOINTS, "holds no checkpoint", how_to_mend(store.path, ""))


def _timed(store: Store) -> Iterator[Problem]:
    """The log and the wall times: as they were when a stage was last finished, and JSON."""
    for name in TIMED:
        file, mend = store.path / name, how_to_mend(store.path, name)
        data = file.read_bytes() if file.is_file() else b""
        seal = store.manifest.get("times", {}).get(name)  # none while a stage is at work
        if seal is not None and sealed(data) != seal:
            lost = "was changed" if data or not seal["bytes"] else "is lost"
            yield Problem(name, f"{lost} since a stage was last finished", mend)
            continue
        fault = _not_json(name, data)
        if fault:
            yield Problem(name, fault, mend)


def _not_json(name: str, data: bytes) -> str:
    """Say which part is no JSON; a torn last line of a log is what a kill leaves."""
    if name != LOG:
        try:
            told = json_from_bytes(data, name) if data else {}
        except UserError:
            return "is no JSON"
        return "" if isinstance(told, dict) else "does not hold wall times by stage"
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            json.loads(line)
        except ValueError:
            return f"line {number} is no JSON"
    return ""


def _notes(store: Store) -> Iterator[str]:
    """What is no damage, with what to do about it."""
    folder = store.path
    lease = read_lease(folder)
    alive = is_alive(folder, lease)
    go_on = shlex.join(["shardsim", "run", str(folder)])
    if alive:
        yield (
            f"process {lease.get('pid')} on {lease.get('host')} is writing it; "
            "verify it again when that is done"
        )
    left = sorted(str(one.relative_to(folder)) for one in folder.rglob("*.part"))
    left += [LEASE] if lease and not alive else []
    if left and not alive:
        yield f"left by a writer that was killed: {_some(left)}; {go_on} removes them"
    done = [stage for stage in dict.fromkeys(MADE_BY.values()) if store.finished(stage)]
    open_ = [stage for stage in dict.fromkeys(MADE_BY.values()) if not store.finished(stage)]
    if open_:
        told = f"finished: {', '.join(done) or 'nothing'}; still to do: {', '.join(open_)}"
        yield f"{told}; go on with: {go_on}"
    stale = store.stale()
    if stale:
        yield f"out of date: {', '.join(stale)}; bring them up to date with: {go_on}"
    if store.manifest["format"] == 2:
        yield (
            f"written before {MANIFEST}, {' and '.join(TIMED)} had hashes, so these were only "
            "checked in their form"
        )
    elif done and "times" not in store.manifest:
        yield f"a stage is not finished, so {' and '.join(TIMED)} were only checked in their form"
    if (folder / FAILURE).is_file():
        yield f"{FAILURE} says why a sweep gave it up; the sweep's command tries it again"
    strangers = _strangers(store)
    if strangers:
        yield f"not of this run, and left alone: {_some(strangers)}"


def _strangers(store: Store) -> list[str]:
    """Return files that no stage of this run has listed."""
    own = {MANIFEST, LOCK, LEASE, FAILURE, *TIMED, *store.manifest["files"]}
    here = (one for one in store.path.rglob("*") if one.is_file() and one.suffix != ".part")
    names = {one.relative_to(store.path).as_posix() for one in here} - own
    return sorted(name for name in names if not name.startswith(f"{LOG_MIRRORS}/"))


def _some(names: list[str], most: int = 3) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def as_data(found: Verified) -> dict[str, Any]:
    """Return what was found as plain values."""
    problems = [problem._asdict() for problem in found.problems]
    return found._asdict() | {"problems": problems, "sound": not problems}


def in_words(found: Verified) -> str:
    """Return what was found, a line a problem or note."""
    lines = [f"{found.path}/{problem}" for problem in found.problems]
    if not lines:
        lines = [f"{found.path}: all {found.files} files are sound"]
    return "\n".join([*lines, *(f"{found.path}: {note}" for note in found.notes)])
