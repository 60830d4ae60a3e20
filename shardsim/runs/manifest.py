"""`MANIFEST.json`: every file of a run directory with its hash, and a hash of the manifest itself.

Format 3 has that hash of its own, under `check`, and hashes of the files that hold wall times,
under `times`, as they were when a stage was last finished. Format 2 has neither, and is read too;
it becomes format 3 when the run goes on.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError, one_line
from shardsim.runs.files import CHECKPOINTS, CONFIG, MANIFEST
from shardsim.runs.io import json_text

FORMAT = 3
READ = (2, 3)  # formats that this version reads
CHECK = "check"


def manifest_bytes(manifest: dict[str, Any]) -> bytes:
    """Return the file of a manifest, in the newest format and with its own hash."""
    whole = manifest | {"format": FORMAT}
    return _text(whole | {CHECK: _hash(whole)})


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run directory, without its own hash.

    Raises:
        UserError: it cannot be read, is damaged, or of another version.
    """
    file = folder / MANIFEST
    try:
        return parse_manifest(file.read_bytes(), file)
    except OSError as error:
        raise UserError(f"cannot read {file}: {one_line(error)}; restore that file") from error


def parse_manifest(data: bytes, file: Path) -> dict[str, Any]:
    """Return what the bytes of a manifest say; errors as `read_manifest`, which name `file`."""
    try:
        manifest = json.loads(data)
        version = manifest["format"]
        check = manifest.pop(CHECK, None)
        whole = version not in READ or all(
            isinstance(manifest[key], dict) for key in ("files", "stages")
        )
        if version == FORMAT:
            whole = whole and check == _hash(manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole, version, manifest = False, FORMAT, {}
    if not whole:
        raise UserError(f"{file} is damaged; restore that file or make the run again")
    if version not in READ:
        known = manifest.get("versions")
        by = known.get("shardsim", "unknown") if isinstance(known, dict) else "unknown"
        raise UserError(
            f"{file.parent} was written in format {version} by shardsim {by}, and this version "
            f"reads format {READ[0]} to {READ[-1]} (see {MANIFEST}); use that version or make the "
            "run again"
        )
    return manifest


def is_as_written(data: bytes) -> bool:
    """Whether the bytes of a sound manifest are those that shardsim writes, spaces included."""
    return data == _text(json.loads(data))


def holds_a_run(folder: Path) -> bool:
    """Whether a folder is a run directory, or would be one if its manifest were not lost."""
    return (folder / MANIFEST).is_file() or (
        (folder / CONFIG).is_file() and (folder / CHECKPOINTS).is_dir()
    )


def lost(folder: Path) -> UserError:
    """Return the error of a run directory whose manifest is gone."""
    made = shlex.join(["shardsim", "run", str(folder / CONFIG), "--out", "NEW"])
    return UserError(
        f"{folder} has lost its {MANIFEST}, which lists the files of a run; restore that file from "
        f"a copy, or make the run again with: {made}"
    )


def sealed(data: bytes) -> dict[str, Any]:
    """Return how many bytes there are, and their hash: what the manifest keeps of a log."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _hash(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json_text(manifest, indent=None).encode()).hexdigest()


def _text(manifest: dict[str, Any]) -> bytes:
    return f"{json_text(manifest)}\n".encode()
