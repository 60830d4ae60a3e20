"""Whether every file of a run, or of a sweep's folder, is what shardsim wrote.

What imports JAX is imported only for the folder of a sweep.
"""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError
from shardsim.base.given import path_of
from shardsim.runs.files import CONFIG, INDEX, MANIFEST
from shardsim.runs.folders import is_sweep
from shardsim.runs.store import Store
from shardsim.runs.verify import Problem, Verified, verify_run

RESTORE = "restore that file from a copy, or give the sweep's command again with another --out"


def verify(path: str | Path) -> list[Verified]:
    """Check a run directory, or a sweep's folder with all of its runs.

    Returns:
        What was found, one a run directory; that of a sweep's folder itself comes first.

    Raises:
        UserError: neither a run directory nor the folder of a sweep, or its manifest or index is
            damaged.
    """
    folder = path_of(path)
    if (folder / MANIFEST).is_file() or not is_sweep(folder):
        return [verify_run(folder)]
    return verify_sweep(folder)


def verify_each(paths: Sequence[str | Path]) -> list[Verified]:
    """Check several of them, as `verify`; one that cannot be opened is a problem and no end."""
    return [one for path in paths for one in _guarded(verify, path)]


def verify_sweep(path: Path) -> list[Verified]:
    """Check the folder of a sweep and every run in it.

    Returns:
        What was found in the folder itself, then in each run, in the order of the points.

    Raises:
        UserError: the index is damaged, so that the runs are not known.
    """
    from shardsim.runs.sweep.index import open_sweep

    sweep = open_sweep(path)
    each = [_guarded(_one, folder) for folder in sweep.folders if folder.is_dir()]
    runs = [one for found in each for one in found]
    problems = [problem for entry in sweep.entries for problem in _point(path, entry)]
    known = {entry.name for entry in sweep.entries}
    others = sorted(
        one.name for one in path.iterdir() if (one / MANIFEST).is_file() and one.name not in known
    )
    problems += [Problem(INDEX, f"does not list the run {name}", RESTORE) for name in others]
    return [Verified(str(path), 1, tuple(problems), ()), *runs]


def _one(folder: str | Path) -> list[Verified]:
    return [verify_run(folder)]


def _guarded(check: Callable[[str | Path], list[Verified]], path: str | Path) -> list[Verified]:
    """Check one; where nothing in it can be checked, that is its problem."""
    try:
        return check(path)
    except UserError as error:
        what, _, mend = str(error).partition("; ")
        file = INDEX if is_sweep(path) and not (path_of(path) / MANIFEST).is_file() else MANIFEST
        return [Verified(str(path), 1, (Problem(file, what, mend),), ())]


def _point(path: Path, entry: Any) -> list[Problem]:
    """What the index says of one point (an `Entry`), against the point's own config."""
    folder = path / entry.name
    if not folder.is_dir():
        again = shlex.join(["shardsim", "sweep", "CONFIG", "...", "--out", str(path)])
        return [Problem(entry.name, "is lost", f"make it again with the sweep's command: {again}")]
    try:
        store = Store.open(folder)
        made = store.manifest["files"].get(CONFIG)
        config = tomllib.loads(store.read(CONFIG).decode())
    except (UserError, ValueError):  # of the run, which says so itself
        return []
    if entry.config != made:
        return [Problem(INDEX, f"{entry.name} was not made with the config that it says", RESTORE)]
    odd = [key for key, value in entry.settings.items() if not _same(config, key, value)]
    said = "does not say of {} which {} it was made with"
    return [Problem(INDEX, said.format(entry.name, key), RESTORE) for key in odd]


def _same(config: dict[str, Any], key: str, value: Any) -> bool:
    """Whether a config holds a value; what the env composes of others (rewards) is not compared."""
    found: Any = config
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return True
        found = found[part]
    return json.dumps(found, default=str) == json.dumps(value, default=str) or found == value
