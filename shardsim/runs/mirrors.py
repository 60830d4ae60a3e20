"""The rows of a run's log, written to TensorBoard or Weights & Biases too, as they come.

A mirror lies in the run directory, `logs/tensorboard` or `logs/wandb`, and is no result: no hash is
kept, and results are the same bytes with and without. It is made anew from the whole log when
a run goes on, so that it never holds what a kill took back. That is so of TensorBoard and of W&B
offline: with WANDB_MODE=online the rows are at W&B already, which keeps those of a killed run and
drops what comes again at or below its last step. A mirror that fails is given up with a warning,
and the run goes on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from shardsim.base.errors import UserError, caution, did_you_mean, one_line
from shardsim.base.extras import needed
from shardsim.runs.files import LOG_MIRRORS
from shardsim.runs.store import Store

FROM_ENVIRONMENT = "SHARDSIM_LOG"  # names with commas, where no call gives them
PROJECT = "shardsim"  # of W&B, where WANDB_PROJECT names no other
Row = Mapping[str, Any]


class Mirror(Protocol):
    """Where rows are written."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows of the log."""

    def close(self) -> None:
        """Write whatever is left."""


def names_of(asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the mirrors that are asked for, by default those of the environment.

    Args:
        asked: names, or one text with commas; None takes `SHARDSIM_LOG`.

    Raises:
        UserError: an unknown name, or one whose package is not installed.
    """
    told = os.environ.get(FROM_ENVIRONMENT, "") if asked is None else asked
    words = told.split(",") if isinstance(told, str) else told
    names = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    for name in names:
        if name not in MIRRORS:
            raise UserError(f"there is no log called {name!r}; {did_you_mean(name, MIRRORS)}")
        needed(PACKAGES[name], name, f"--log {name}")
    return names


def pass_on(asked: str | Sequence[str] | None) -> None:
    """Let processes that this one starts mirror their logs so; raises as `names_of`."""
    if asked is not None:
        os.environ[FROM_ENVIRONMENT] = ",".join(names_of(asked))


@contextlib.contextmanager
def mirrored(store: Store, names: Sequence[str], config: Mapping[str, Any]) -> Iterator[None]:
    """Let a store's log be mirrored while it is written.

    Args:
        store: of the run.
        names: mirrors, as `names_of` gives them.
        config: dotted key -> value, for those that show it.
    """
    following = [_Following(store, name, config) for name in names]
    for one in following:
        store.followers.append(one.follow)
    try:
        yield
    finally:
        for one in following:
            store.followers.remove(one.follow)
            one.close()


class _Following:
    """One mirror, which is opened with the first row and given up when it fails."""

    def __init__(self, store: Store, name: str, config: Mapping[str, Any]) -> None:
        self._store, self._name, self._config = store, name, config
        self._mirror: Mirror | None = None  # until it is opened
        self._failed = False

    def follow(self, rows: Sequence[Row]) -> None:
        """Mirror rows that have just been written; at first all that the log holds."""
        if self._failed:
            return
        try:
            mirror = self._mirror
            if mirror is None:
                rows = self._store.read_log()  # in which the stage at work has tidied up
                mirror = self._mirror = MIRRORS[self._name](self._store.path, self._config)
            mirror.write(rows)
        except Exception as error:
            self._give_up(error)

    def close(self) -> None:
        """End it."""
        mirror, self._mirror = self._mirror, None
        try:
            if mirror is not None:
                mirror.close()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._failed = True
        caution(
            f"the log of {self._store.path} is no longer mirrored to {self._name}: "
            f"{one_line(error)}; the run goes on"
        )


def scalars(row: Row) -> tuple[int | None, dict[str, float]]:
    """Return the step of a row and its numbers by tag; seconds of a part have no step."""
    stage = row["stage"]
    if "part" in row:
        return None, {f"{stage}/seconds/{row['part']}": float(row["seconds"])}
    numbers = {
        f"{stage}/{key}": float(value)
        for key, value in row.items()
        if key not in ("stage", "update") and isinstance(value, int | float)
    }
    return row.get("update"), numbers


class TensorBoard:
    """Event files for TensorBoard, by tensorboardX, which needs neither PyTorch nor TensorFlow."""

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        """Begin anew in the run directory."""
        folder = _emptied(run / LOG_MIRRORS / "tensorboard")
        self._writer = needed("tensorboardX", "tensorboard", "this log").SummaryWriter(str(folder))
        told = "\n".join(f"    {key} = {value}" for key, value in config.items())
        self._writer.add_text("config", told)

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            step, numbers = scalars(row)
            for tag, value in numbers.items():
                self._writer.add_scalar(tag, value, 0 if step is None else step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Wandb:
    """A run of Weights & Biases, offline unless WANDB_MODE says otherwise."""

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        """Begin anew in the run directory, with the id that the run had before.

        Online W&B goes on with the run of that id instead, and drops rows at steps that it has.
        """
        wandb = needed("wandb", "wandb", "this log")
        folder = _emptied(run / LOG_MIRRORS / "wandb")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.resolve().name,
            group=os.environ.get("WANDB_RUN_GROUP", run.resolve().parent.name),
            id=_identity(run / LOG_MIRRORS / "wandb-id"),
            resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"),
            dir=str(folder.parent),
            config=dict(config),
            settings=wandb.Settings(console="off", silent=True, save_code=False),
        )

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            step, numbers = scalars(row)
            if step is None:
                self._run.summary.update(numbers)
            else:
                self._run.log(numbers, step=step)

    def close(self) -> None:
        self._run.finish()


MIRRORS = {"tensorboard": TensorBoard, "wandb": Wandb}
PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb"}


def _emptied(folder: Path) -> Path:
    """Return a folder of ours without what it held."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _identity(file: Path) -> str:
    """Return what names a run to W&B for good: drawn once."""
    if not file.is_file():
        file.write_text(uuid.uuid4().hex[:12])
    return file.read_text().strip()
