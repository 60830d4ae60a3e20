"""The run directory: what is written is whole, hashed and of one writer.

A file appears by write, fsync and rename, and is listed with its hash in `MANIFEST.json`
afterwards, so that a process killed at any moment leaves either the whole file or none that counts.
A stage is finished when the manifest says so. One process writes at a time, held by `flock`, which
dies with its process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError, one_line
from shardsim.runs.provenance import provenance

FORMAT = 1
MANIFEST = "MANIFEST.json"
CONFIG = "config.toml"
LOG = "log.jsonl"
_LOCK = ".lock"


class Store:
    """One run directory. Reading needs no lock; writing happens inside `writing()`."""

    def __init__(self, path: str | Path, manifest: dict[str, Any]) -> None:
        self.path = Path(path)
        self.manifest = manifest

    # ------------------------------------------------------------------------------- opening

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Open an existing run directory.

        Raises:
            UserError: it is missing, no run directory, damaged, or from another version.
        """
        path = Path(path)
        if not path.is_dir():
            raise UserError(f"there is no run directory {path}; make one with: shardsim run")
        if not (path / MANIFEST).is_file():
            raise UserError(f"{path} is no run directory (it has no {MANIFEST}); give another one")
        return cls(path, _read_manifest(path))

    @classmethod
    def create(cls, path: str | Path, config: str, seeds: list[int]) -> Store:
        """Make a new run directory with its config; refuses a folder that holds something else.

        Args:
            path: the directory; parents are made.
            config: the resolved config as TOML.
            seeds: the seeds that it trains.
        """
        path = Path(path)
        with _writable(path):
            path.mkdir(parents=True, exist_ok=True)
            strangers = [entry.name for entry in path.iterdir() if not _leftover(entry.name)]
        if strangers:
            raise UserError(
                f"{path} holds other files ({sorted(strangers)[0]}, …) and is no run directory; "
                "choose another --out"
            )
        manifest = {"format": FORMAT, "seeds": seeds, "files": {}, "stages": {}} | provenance()
        store = cls(path, manifest)
        with store.writing():
            if (path / MANIFEST).is_file():
                raise UserError(
                    f"another process has just made {path}; wait for it or choose another --out"
                )
            store.write(CONFIG, config.encode())
        return store

    # ------------------------------------------------------------------------------- writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[Store]:
        """Hold the directory's lock; raises UserError where another process holds it."""
        with _writable(self.path):
            handle = open(self.path / _LOCK, "a+")  # noqa: SIM115 (closed below, with the lock)
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                handle.seek(0)
                raise UserError(
                    f"process {handle.read().strip() or '?'} is writing {self.path}; "
                    "wait for it to end or choose another --out"
                ) from error
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            if (self.path / MANIFEST).is_file():
                # Another writer may have gone on since this store was opened.
                self.manifest = _read_manifest(self.path)
            yield self
            handle.truncate(0)

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
            with _writable(self.path / name):
                _write_whole(self.path / name, data)
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
        with _writable(self.path / name):
            _write_whole(self.path / name, data)

    def finish(self, stage: str) -> None:
        """Mark a stage as finished."""
        self.manifest["stages"][stage] = "finished"
        self._save_manifest()

    def forget(self, stage: str) -> None:
        """Take a stage's mark back, so that it is done again."""
        if self.manifest["stages"].pop(stage, None) is not None:
            self._save_manifest()

    def log(self, rows: list[dict[str, Any]], stage: str) -> None:
        """Append rows to the log, each with its stage."""
        text = "".join(json.dumps({"stage": stage} | row, sort_keys=True) + "\n" for row in rows)
        with _writable(self.path / LOG), open(self.path / LOG, "a", encoding="utf-8") as handle:
            handle.write(text)

    def trim_log(self, keep: Callable[[dict[str, Any]], bool]) -> None:
        """Drop log rows that a resumed stage is about to write again, and any torn last line."""
        rows = [row for row in self.read_log() if keep(row)]
        text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
        self.write_unlisted(LOG, text.encode())

    # ------------------------------------------------------------------------------- reading

    def finished(self, stage: str) -> bool:
        """Whether a stage is finished."""
        return stage in self.manifest["stages"]

    def has(self, name: str) -> bool:
        """Whether a file is listed: whole, and of this run."""
        return name in self.manifest["files"]

    def names(self, prefix: str = "") -> list[str]:
        """Listed files whose name begins with `prefix`, in order."""
        return sorted(name for name in self.manifest["files"] if name.startswith(prefix))

    def read(self, name: str) -> bytes:
        """Read a listed file and check its hash; raises UserError where it is not what it was."""
        if not self.has(name):
            raise UserError(f"{self.path} has no {name} yet; go on with: shardsim run")
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {one_line(error)}; restore that file") from error
        if hashlib.sha256(data).hexdigest() != self.manifest["files"][name]:
            raise UserError(
                f"{path} is damaged (its hash is not the one in {MANIFEST}); "
                "restore that file or make the run again"
            )
        return data

    def read_log(self) -> list[dict[str, Any]]:
        """All whole rows of the log; a line torn by a kill is left out."""
        path = self.path / LOG
        rows = []
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            with contextlib.suppress(json.JSONDecodeError):
                rows.append(json.loads(line))
        return rows

    def _save_manifest(self) -> None:
        text = json.dumps(self.manifest, indent=2, sort_keys=True) + "\n"
        with _writable(self.path):
            _write_whole(self.path / MANIFEST, text.encode())


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_bytes())
        version = manifest["format"]
        whole = version != FORMAT or all(
            isinstance(manifest[key], dict) for key in ("files", "stages")
        )
    except OSError as error:
        raise UserError(f"cannot read {file}: {one_line(error)}; restore that file") from error
    except (ValueError, KeyError, TypeError):
        whole, version = False, FORMAT
    if not whole:
        raise UserError(f"{file} is damaged; restore that file or make the run again")
    if version != FORMAT:
        raise UserError(
            f"{path} was written in format {version} by shardsim "
            f"{manifest.get('versions', {}).get('shardsim', 'unknown')}, and this version reads "
            f"format {FORMAT}; use that version or make the run again"
        )
    return manifest


def _leftover(name: str) -> bool:
    """Files that a process killed while it made the directory may leave."""
    return name in (_LOCK, CONFIG) or name.endswith(".part")


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {one_line(error)}; choose another --out or make room there"
        ) from error


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, rename: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    with open(beside, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(beside, path)
