"""The run directory: what is written is whole, hashed and of one writer.

A file appears by write, fsync and rename, and is listed with its hash in `MANIFEST.json`
afterwards, so that a process killed at any moment leaves either the whole file or none that counts.
A stage is finished when the manifest says so, and a result counts only while the stage that made it
is: where an earlier stage was done again, what rested on it is still there and no longer current.
One process writes at a time, of one machine or of several (`shardsim.runs.lease`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.runs.disk import LOCK, locked, writable
from shardsim.runs.files import (
    CONFIG,
    LOG,
    MADE_BY,
    MANIFEST,
    ORDER,
    SUMMARY,
    TIMED,
    how_to_mend,
)
from shardsim.runs.io import canonical, json_text
from shardsim.runs.lease import LEASE, Lease, held
from shardsim.runs.manifest import holds_a_run, lost, manifest_bytes, read_manifest, sealed
from shardsim.runs.provenance import provenance


class Damaged(UserError):
    """A file of a run directory is lost, or is not what was written; `short` says which."""

    def __init__(self, message: str, short: str) -> None:
        super().__init__(message)
        self.short = short


class Store:
    """One run directory. Reading needs no lock; writing happens inside `writing()`."""

    def __init__(self, path: str | Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = Path(path), manifest
        self.doing: str | None = None  # the stage that is at work, whose results count already
        self.followers: list[Callable[[list[dict[str, Any]]], object]] = []  # told of log rows
        self._lease: Lease | None = None

    # ------------------------------------------------------------------------------- opening

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Open an existing run directory.

        Raises:
            UserError: it is missing, no run directory, damaged, or from another version.
        """
        path = path_of(path)
        if not path.is_dir():
            made = f"shardsim run CONFIG --out {shlex.quote(str(path))}"
            raise UserError(f"there is no run directory {path}; make one with: {made}")
        if not (path / MANIFEST).is_file():
            if holds_a_run(path):
                raise lost(path)
            raise UserError(
                f"{path} is not a run directory (it has no {MANIFEST}); give another one"
            )
        return cls(path, read_manifest(path))

    @classmethod
    def create(
        cls,
        path: str | Path,
        config: str,
        seeds: list[int],
        code: Mapping[str, str] | None = None,
    ) -> Store:
        """Make a new run directory with its config; refuses a folder that holds something else.

        Args:
            path: the directory; parents are made.
            config: the resolved config as TOML.
            seeds: the seeds that it trains.
            code: what the env's code is; see `shardsim.env.registry.code_of`.
        """
        path = path_of(path)
        with writable(path):
            path.mkdir(parents=True, exist_ok=True)
            strangers = [entry.name for entry in path.iterdir() if not _leftover(entry.name)]
        if strangers and holds_a_run(path):
            # Whoever asked for a new run has looked for a manifest before, and found none.
            raise _just_made(path) if (path / MANIFEST).is_file() else lost(path)
        if strangers:
            raise UserError(
                f"{path} holds other files ({sorted(strangers)[0]}, …) and is not a run directory; "
                "choose another --out"
            )
        manifest = {"seeds": seeds, "files": {}, "stages": {}}
        manifest |= provenance() | {"env_code": dict(code or {})}
        store = cls(path, manifest)
        with store.writing():
            if (path / MANIFEST).is_file():
                raise _just_made(path)
            store.write(CONFIG, config.encode())
        return store

    # ------------------------------------------------------------------------------- writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[Store]:
        """Hold the directory's lock and lease; raises Busy where another process does."""
        with locked(self.path) as is_locked, held(self.path, locked=is_locked) as self._lease:
            for left in self.path.rglob("*.part"):  # by a process that was killed
                left.unlink(missing_ok=True)
            if (self.path / MANIFEST).is_file():
                # Another writer may have gone on since this store was opened.
                self.manifest = read_manifest(self.path)
            yield self
        self._lease = None

    def say(self, **what: Any) -> None:
        """Say how far the run is, to whoever reads the lease."""
        if self._lease is not None:
            self._lease.say(**what)

    def write(self, name: str, data: bytes) -> None:
        """Write one file whole, and list it with its hash."""
        self.write_all({name: data})

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Write files whole, and list them together: after a kill all of them count or none."""
        replaced = [name for name in files if self.manifest["files"].pop(name, None)]
        if replaced:
            # A file must not be listed with the hash of what it held before.
            self._save_manifest()
        for name, data in files.items():
            self.write_unlisted(name, data)
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.manifest["files"] |= hashes
        self._save_manifest()

    def drop(self, *names: str) -> None:
        """Unlist files, then delete them."""
        for name in names:
            self.manifest["files"].pop(name, None)
        self._save_manifest()
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def write_unlisted(self, name: str, data: bytes) -> None:
        """Write a file whose content is no result (timings), so that it has no hash to keep."""
        with writable(self.path / name):
            _write_whole(self.path / name, data, self._lease)

    def finish(self, stage: str) -> None:
        """Mark a stage as finished, with the versions that it ran with."""
        self.manifest["stages"][stage] = provenance()
        self.manifest["times"] = {name: self._sealed(name) for name in TIMED}
        self._save_manifest()

    def forget(self, *stages: str) -> None:
        """Take stages' marks back: they are done again, and until then nothing tells of them.

        The log and the wall times change from now on; they are sealed when a stage is finished.
        """
        self.manifest.pop("times", None)
        marks = [self.manifest["stages"].pop(stage, None) for stage in stages]
        if any(marks):
            self.manifest["files"].pop(SUMMARY, None)
            self._save_manifest()

    def log(self, rows: list[dict[str, Any]], stage: str) -> None:
        """Append rows to the log, each with its stage."""
        rows = [canonical({"stage": stage} | row) for row in rows]
        text = "".join(json_text(row, indent=None) + "\n" for row in rows)
        if self._lease is not None:
            self._lease.check()
        with writable(self.path / LOG), open(self.path / LOG, "a", encoding="utf-8") as handle:
            handle.write(text)
        for follow in self.followers:
            follow(rows)

    def trim_log(self, keep: Callable[[dict[str, Any]], bool]) -> None:
        """Drop log rows that a resumed stage is about to write again, and any torn last line."""
        rows = [row for row in self.read_log() if keep(row)]
        text = "".join(json_text(row, indent=None) + "\n" for row in rows)
        self.write_unlisted(LOG, text.encode())

    # ------------------------------------------------------------------------------- reading

    def finished(self, stage: str) -> bool:
        """Whether a stage is finished."""
        return stage in self.manifest["stages"]

    def made(self) -> dict[str, dict[str, Any]]:
        """What the run was begun with, and every finished stage: its versions and its commit."""
        marks = self.manifest["stages"].items()
        known = {stage: mark for stage, mark in marks if isinstance(mark, dict)}
        return {"the start": {"versions": self.manifest.get("versions", {})}} | known

    def has(self, name: str) -> bool:
        """Whether a file is listed (whole, and of this run) and current."""
        return name in self.manifest["files"] and self._is_current(name)

    def _is_current(self, name: str) -> bool:
        """Whether the stage that makes a file is finished, or at work."""
        stage = MADE_BY.get(name)
        return stage is None or stage == self.doing or self.finished(stage)

    def stale(self) -> list[str]:
        """Stages that left results here which are not current, in order."""
        here = {name for name in self.manifest["files"] if not self._is_current(name)}
        return [stage for stage in ORDER if stage in {MADE_BY[name] for name in here}]

    @property
    def to_go_on(self) -> str:
        """The command that does what is not done yet."""
        return shlex.join(["shardsim", "run", str(self.path / CONFIG), "--out", str(self.path)])

    def names(self, prefix: str = "") -> list[str]:
        """Listed files whose name begins with `prefix`, in order."""
        return sorted(name for name in self.manifest["files"] if name.startswith(prefix))

    def read(self, name: str, *, stale: bool = False) -> bytes:
        """Read a listed file, also one out of date if `stale`, and check its hash.

        Raises:
            UserError: it is not there yet, or out of date; Damaged where it is not what it was.
        """
        if name not in self.manifest["files"]:
            raise UserError(f"{self.path} has no {name} yet; continue with: {self.to_go_on}")
        if not stale and not self._is_current(name):
            raise UserError(
                f"{self.path / name} is out of date: an earlier stage was rerun, or its stage "
                f"{MADE_BY[name]!r} was stopped; bring it up to date with: {self.to_go_on}"
            )
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError as error:
            mend = how_to_mend(self.path, name)
            short = f"cannot be read ({one_line(error)})"
            raise Damaged(f"cannot read {path}: {one_line(error)}; {mend}", short) from error
        made = hashlib.sha256(data).hexdigest()
        if made != self.manifest["files"][name] and self.doing is None:
            self.manifest = read_manifest(self.path)  # another process may have written it anew
        if made != self.manifest["files"].get(name):
            raise Damaged(
                f"{path} is damaged (its hash is not the one in {MANIFEST}); "
                f"{how_to_mend(self.path, name)}",
                f"is damaged (its hash is not the one in {MANIFEST})",
            )
        return data

    def read_log(self) -> list[dict[str, Any]]:
        """All whole rows of the log; a line torn by a kill is left out."""
        path, rows = self.path / LOG, []
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            with contextlib.suppress(json.JSONDecodeError):
                rows.append(json.loads(line))
        return rows

    def _sealed(self, name: str) -> dict[str, Any]:
        path = self.path / name
        return sealed(path.read_bytes() if path.is_file() else b"")

    def _save_manifest(self) -> None:
        self.write_unlisted(MANIFEST, manifest_bytes(self.manifest))


def _just_made(path: Path) -> UserError:
    return UserError(f"another process has just made {path}; wait for it or choose another --out")


def _leftover(name: str) -> bool:
    """Files that a process killed while it made the directory may leave."""
    return name in (LOCK, LEASE, CONFIG) or name.endswith(".part")


def _write_whole(path: Path, data: bytes, lease: Lease | None) -> None:
    """Write beside, flush to the disk, rename: never half a file, and only under the lease."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = "" if lease is None else f".{lease.owner}"
    beside = path.with_name(f"{path.name}{owner}.part")
    with open(beside, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    if lease is not None:
        lease.check()
    os.replace(beside, path)
