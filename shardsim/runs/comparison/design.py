"""What was varied between runs: the keys of their configs that differ, and which go together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.given import path_of
from shardsim.runs.figure_data.pooled import OF_SEEDS
from shardsim.runs.figure_data.results import titled
from shardsim.runs.folders import is_sweep
from shardsim.runs.run import Run, load
from shardsim.runs.store import MANIFEST
from shardsim.runs.sweep.index import Sweep, open_sweep
from shardsim.runs.sweep.state import State, state_of
from shardsim.runs.toml import flatten

ENV, LEARNER = "env.id", "train.learner"
NAMED = 3  # folders in a title
# Seeds are what is grouped over, and where an env lies is not what it is.
LEFT_OUT = {*(f"train.{name}" for name in OF_SEEDS), "env.folders"}


class Point(NamedTuple):
    """One run directory."""

    title: str
    run: Run | None  # None where it cannot be opened
    settings: Mapping[str, Any]  # key -> value of its config, complete where there is a run
    state: str  # done, running, failed, stopped or waiting; empty of a run that is in no sweep
    why: str  # it failed, or cannot be opened


class Axis(NamedTuple):
    """A key that takes several values."""

    key: str
    values: tuple[Any, ...]  # numbers in order, others as they come
    along: tuple[str, ...] = ()  # keys that change whenever it does, and only then

    @property
    def is_number(self) -> bool:
        """Whether every value is one."""
        return all(_is_number(value) for value in self.values)


class Design(NamedTuple):
    """Runs, and what differs between them."""

    name: str  # of the folder
    points: tuple[Point, ...]
    axes: tuple[Axis, ...]
    envs: tuple[str, ...]

    def axis(self, key: str) -> Axis:
        """Return the axis that a key belongs to; raises as `key`."""
        whole = self.key(key)
        return next(axis for axis in self.axes if whole in (axis.key, *axis.along))

    def key(self, key: str) -> str:
        """Return a varied key whole, given its last words; raises UserError for another."""
        known = [name for axis in self.axes for name in (axis.key, *axis.along)]
        ends = [name for name in known if name == key or name.endswith(f".{key}")]
        if key in known or len(ends) == 1:
            return key if key in known else ends[0]
        if ends:
            raise UserError(f"{key!r} is the end of {' and of '.join(ends)}; give the whole key")
        raise UserError(f"{key!r} is not varied between these runs; {did_you_mean(key, known)}")

    def only(self, kept: Callable[[Point], bool]) -> Design:
        """Return the design of some points; their axes and envs may be fewer."""
        return design_of([point for point in self.points if kept(point)], self.name)


def read_design(paths: Sequence[str | Path], folders: Sequence[str | Path] = ()) -> Design:
    """Open the folder of a sweep, or several run directories.

    Raises:
        UserError: there is no such folder, it is empty, or there is one run alone.
    """
    if not paths:
        raise UserError("name the folder of a sweep, or several run directories")
    points: list[Point] = []
    for path in map(path_of, paths):
        points += _of_sweep(path, folders) if is_sweep(path) else [_of_run(path, folders)]
    if len(points) == 1:
        raise UserError(
            f"{paths[0]} is one run, and there is nothing to compare it with; name several run "
            "directories, or the folder of a sweep: shardsim sweep CONFIG key=v1,v2 --out DIR"
        )
    names = [path_of(path).resolve().name for path in paths]
    more = ", …" if len(names) > NAMED else ""
    return design_of(points, ", ".join(names[:NAMED]) + more)


def design_of_runs(runs: Sequence[Run]) -> Design:
    """Return the design of runs that are open."""
    points = [Point(name, run, _settings(run), "", "") for name, run in titled(runs).items()]
    return design_of(points, "runs")


def design_of(points: Sequence[Point], name: str) -> Design:
    """Return what differs between points; a title that occurs twice is numbered."""
    titles = [point.title for point in points]
    told = [
        point._replace(title=f"{number}: {point.title}") if titles.count(point.title) > 1 else point
        for number, point in enumerate(points, start=1)
    ]
    envs = tuple(dict.fromkeys(str(point.settings[ENV]) for point in told if ENV in point.settings))
    return Design(name, tuple(told), axes_of(told), envs)


def axes_of(points: Sequence[Point]) -> tuple[Axis, ...]:
    """Return the keys that differ, those that always differ together as one.

    Where the env differs its parameters belong to it, and are no axes of their own; and so do the
    settings that the learner settles, since each has defaults of its own.
    """
    known = [point.settings for point in points if point.run is not None]
    keys = list(dict.fromkeys(key for one in known for key in one))
    varied = [key for key in keys if key not in LEFT_OUT and len(_labels(known, key)) > 1]
    if ENV in varied:
        varied = [key for key in varied if key == ENV or not key.startswith("env.")]
    together: dict[tuple[int, ...], list[str]] = {}
    learners = _parts(known, LEARNER)
    for key in varied:
        parts = _parts(known, key)
        pairs = {*zip(learners, parts, strict=True)}
        is_settled = LEARNER in varied and len(pairs) == len({*learners})
        together.setdefault(learners if is_settled else parts, []).append(key)
    return tuple(
        Axis(key, _in_order([one.get(key) for one in known]), tuple(along))
        for key, *along in together.values()
    )


def _parts(settings: Sequence[Mapping[str, Any]], key: str) -> tuple[int, ...]:
    """Return for each run the number of the value that it has of a key."""
    labels = _labels(settings, key)
    return tuple(labels.index(label_of(one.get(key))) for one in settings)


def label_of(value: Any) -> str:
    """Return a value of a config in words; equal values have equal words."""
    if value is None:
        return "not set"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == float(value) else repr(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def short(key: str) -> str:
    """Return the last word of a key."""
    return key.rpartition(".")[2]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _labels(settings: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(label_of(one.get(key)) for one in settings))


def _in_order(values: Sequence[Any]) -> tuple[Any, ...]:
    first: dict[str, Any] = {}
    for value in values:
        first.setdefault(label_of(value), value)
    each = list(first.values())
    return tuple(sorted(each) if all(map(_is_number, each)) else each)


def _settings(run: Run) -> dict[str, Any]:
    return flatten(run.config.model_dump(mode="json"))


def _of_sweep(path: Path, folders: Sequence[str | Path]) -> list[Point]:
    sweep: Sweep = open_sweep(path)
    if not sweep.entries:
        raise UserError(f"{path} is a sweep without runs; give its command again")
    found = []
    for entry, folder in zip(sweep.entries, sweep.folders, strict=True):
        state: State = state_of(folder, sweep.wanted)
        try:
            run = load(folder, folders=folders)
            found.append(Point(entry.name, run, _settings(run), state.word, state.why))
        except UserError as error:
            is_begun = (folder / MANIFEST).is_file()
            told = state.why or (str(error) if is_begun else "not begun")
            found.append(Point(entry.name, None, entry.settings, state.word, told))
    if all(point.run is None for point in found):
        raise UserError(f"no run of {path} can be opened, first {found[0].title}: {found[0].why}")
    return found


def _of_run(path: Path, folders: Sequence[str | Path]) -> Point:
    run = load(path, folders=folders)
    return Point(path.resolve().name, run, _settings(run), "", "")
