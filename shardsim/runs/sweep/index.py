"""The folder of a sweep: `index.json` names its points, and each point is a run directory.

The index only says which points there are, and grows as values are added. How far a point is stands
in its own run directory, whoever works on it and with whatever command.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.runs.config import make_env
from shardsim.runs.disk import locked, writable
from shardsim.runs.files import INDEX
from shardsim.runs.io import json_from_bytes, json_text
from shardsim.runs.memory import refuse_what_cannot_fit
from shardsim.runs.pipeline import create, stages_until
from shardsim.runs.store import MANIFEST
from shardsim.runs.sweep.grid import Point
from shardsim.runs.toml import write_toml

FORMAT = 1


class Entry(NamedTuple):
    """A point as the index knows it."""

    name: str  # of its folder
    settings: dict[str, Any]
    config: str  # SHA-256 of the complete config


class Sweep:
    """A folder of run directories."""

    def __init__(self, path: Path, entries: Sequence[Entry], until: str) -> None:
        """Wrap what an index holds; `open_sweep` and `extend` do."""
        self.path, self.entries, self.until = path, tuple(entries), until

    def of(self, names: Iterable[str]) -> Sweep:
        """Return the sweep with these points alone."""
        kept = set(names)
        return Sweep(self.path, [one for one in self.entries if one.name in kept], self.until)

    @property
    def keys(self) -> list[str]:
        """The keys that some point sets, in the order in which they came."""
        return list(dict.fromkeys(key for entry in self.entries for key in entry.settings))

    @property
    def folders(self) -> list[Path]:
        """The run directories, in the order of the points."""
        return [self.path / entry.name for entry in self.entries]

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The stages that each point goes through."""
        return tuple(stages_until(self.until))


def open_sweep(path: str | Path) -> Sweep:
    """Open the folder of a sweep.

    Raises:
        UserError: there is none, or its index is damaged.
    """
    path = path_of(path)
    file = path / INDEX
    if not file.is_file():
        raise UserError(
            f"{path} is not the folder of a sweep (it has no {INDEX}); make one with: "
            f"shardsim sweep CONFIG key=v1,v2 --out {path}"
        )
    try:
        told = json_from_bytes(file.read_bytes(), str(file))
        if told["format"] != FORMAT:
            raise UserError(f"{file} has format {told['format']}; this version reads {FORMAT}")
        entries = [Entry(one["name"], one["settings"], one["config"]) for one in told["points"]]
        stages_until(told["until"])
    except OSError as error:
        raise UserError(f"cannot read {file}: {one_line(error)}; restore that file") from error
    except (KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged; give the sweep's command again elsewhere") from error
    return Sweep(path, entries, told["until"])


def extend(
    path: str | Path, asked: Iterable[Point], until: str, *, done_here: bool = True
) -> Sweep:
    """Make the folder of a sweep, or add what is new to it; points that it has stay as they are.

    Args:
        path: the folder.
        asked: points; one with the config of a point that is there is that point.
        until: the last stage of each point.
        done_here: whether this machine does the points, so that they must fit into its memory;
            another one asks for itself when it begins a stage.

    Returns:
        The sweep with the points that were asked for, and no others.

    Raises:
        UserError: an unknown stage, a point that cannot fit in memory, or a folder that holds
            something else or cannot be written.
    """
    path, asked = path_of(path), list(asked)
    stages = stages_until(until)
    for point in asked if done_here else ():
        refuse_what_cannot_fit(make_env(point.config.env), point.config, stages)
    _refuse_strangers(path)
    with writable(path):
        path.mkdir(parents=True, exist_ok=True)
    with locked(path):
        known = {}
        if (path / INDEX).is_file():
            known = {entry.config: entry for entry in open_sweep(path).entries}
        taken = {one.name.lower() for one in path.iterdir()}
        chosen = []
        for point in asked:
            text = write_toml(point.config)
            found = hashlib.sha256(text.encode()).hexdigest()
            if found not in known:
                known[found] = Entry(_free(point.name, taken), point.settings, found)
                taken.add(known[found].name.lower())
            chosen.append((known[found], point.config))
        points = [entry._asdict() for entry in known.values()]
        with writable(path / INDEX):
            _replace(path / INDEX, json_text({"format": FORMAT, "until": until, "points": points}))
        for entry, config in chosen:
            if not (path / entry.name / MANIFEST).is_file():
                create(path / entry.name, config)
    return Sweep(path, [entry for entry, _ in chosen], until)


def _refuse_strangers(path: Path) -> None:
    """Raise UserError where a folder is not a sweep's and holds something."""
    if (path / MANIFEST).is_file():
        raise UserError(f"{path} is a run directory, not the folder of a sweep; choose another")
    if path.is_dir() and not (path / INDEX).is_file():
        inside = [one.name for one in path.iterdir() if not one.name.startswith(".")]
        if inside:
            raise UserError(
                f"{path} holds other files ({sorted(inside)[0]}, …) and is not the folder of a "
                "sweep; choose another --out"
            )


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other point has; where case is ignored, none that differs by it."""
    if name.lower() not in taken:
        return name
    return next(
        other
        for number in range(2, len(taken) + 3)
        if (other := f"{name}-{number}").lower() not in taken
    )


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(f"{file.name}.part")
    beside.write_text(f"{text}\n", encoding="utf-8")
    os.replace(beside, file)


def config_of(entry: Entry) -> str:
    """Return the settings of a point in words."""
    told = (f"{key}={json.dumps(value, default=str)}" for key, value in entry.settings.items())
    return " ".join(told) or "the config as it is"
