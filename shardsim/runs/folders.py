"""Which run directories a folder stands for: itself, or the points of a sweep."""

from __future__ import annotations

from pathlib import Path

from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.runs.files import INDEX, MANIFEST
from shardsim.runs.io import json_from_bytes


def is_sweep(path: str | Path) -> bool:
    """Whether a path is the folder of a sweep."""
    return (path_of(path) / INDEX).is_file()


def run_folders(path: str | Path) -> list[Path]:
    """Return the run directories of a sweep that are begun, in its order; of another path, itself.

    Raises:
        UserError: the index is damaged, or no run of the sweep is begun.
    """
    path = path_of(path)
    if not is_sweep(path):
        return [path]
    file = path / INDEX
    try:
        names = [one["name"] for one in json_from_bytes(file.read_bytes(), str(file))["points"]]
    except (OSError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} cannot be read ({one_line(error)}); restore that file, or give the sweep's "
            "command again elsewhere"
        ) from error
    begun = [path / name for name in names if (path / name / MANIFEST).is_file()]
    if not begun:
        raise UserError(f"no run of the sweep {path} is begun; give its command again")
    return begun
