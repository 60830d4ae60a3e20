"""Reflection with other models, onsets or dials than a run's own, which leaves its results alone.

`shardsim reflect RUN --model …` and `try_reflection` from Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.given import path_of
from shardsim.base.progress import SILENT, Progress
from shardsim.base.scalars import Whole, whole
from shardsim.reflection.config import MODELS, MOST_STEPS, ReflectConfig, sham_of
from shardsim.reflection.results import Reflection, reflect_run
from shardsim.runs.agents import subjects_of
from shardsim.runs.disk import writable
from shardsim.runs.figure_data.level import chosen_level
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run
from shardsim.runs.toml import read_config
from shardsim.shards.contexts.battery import Battery, battery_from_bytes, gathered

CONTEXT = re.compile(r"(\d+):(\d+),(\d+)")
SECTION = "reflect."


class Trial(NamedTuple):
    """A reflection that is no run's own result."""

    config: ReflectConfig
    reflection: Reflection


def try_reflection(
    run: Run,
    models: Sequence[str] = (),
    onset: str | Battery | None = None,
    steps: Whole | None = None,
    settings: Iterable[str] = (),
    *,
    progress: Progress = SILENT,
) -> Trial:
    """Let a run's agents reflect as asked, and leave the run as it is.

    Args:
        run: a run that is identified.
        models: of `reflection.config.MODELS`; the sham that is matched to each goes beside it.
            The run's own by default.
        onset: the name of one of the run's onsets, a context as LEVEL:ROW,COLUMN (a level of
            target levels by its number, as in `view`), a file of a battery, or a battery. All of
            the run's onsets by default.
        steps: reflection steps; the run's own by default.
        settings: `key=value` of the config's section `reflect`, like `anchor=0.2`.
        progress: where to say how far it is.

    Raises:
        UserError: an unknown model, onset or setting, a value out of its range, or a run that is
            not identified.
    """
    config = tried_with(run, models, steps, settings)
    where = onset_of(run, onset) if isinstance(onset, str) else onset
    found = reflect_run(
        subjects_of(run), config, onset=where, seed=run.config.identify.seed, progress=progress
    )
    return Trial(config, found)


def tried_with(
    run: Run, models: Sequence[str], steps: Whole | None, settings: Iterable[str]
) -> ReflectConfig:
    """Return a run's settings of reflection with others; arguments and errors as above."""
    asked = [f"{SECTION}{one.removeprefix(SECTION)}" for one in settings]
    if models:
        wanted = '", "'.join(_with_shams(models))
        asked.append(f'{SECTION}models=["{wanted}"]')
    if steps is not None:
        asked.append(f"{SECTION}steps={whole('steps', steps, 1, MOST_STEPS)}")
    return read_config(run.config, asked).reflect


def _with_shams(models: Sequence[str]) -> list[str]:
    """Return the models, each with its sham; raises UserError where one is unknown."""
    for model in models:
        if model not in MODELS:
            raise UserError(
                f"there is no reflection model {model!r}; {did_you_mean(model, MODELS)}"
            )
    both = [one for model in models for one in (model, sham_of(model)) if one is not None]
    return list(dict.fromkeys(both))


def onset_of(run: Run, text: str) -> Battery | str:
    """Read an onset: a context LEVEL:ROW,COLUMN, a battery's file, else the name of an onset.

    Raises:
        UserError: no such level or place, or no battery of the run's env.
    """
    if match := CONTEXT.fullmatch(text.strip()):
        return _context(run, *map(int, match.groups()))
    path = path_of(text)
    if path.is_file():
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read the battery {path}: {one_line(error)}") from error
        return battery_from_bytes(run.env, data, f"the battery {path}")
    if path.suffix == ".safetensors":
        raise UserError(f"there is no battery {path}; write one with Battery.save")
    return text


def _context(run: Run, level: int, row: int, column: int) -> Battery:
    """Return one context as a battery; other state fields are as an episode begins with them."""
    env = run.env
    chosen, found, _ = chosen_level(run, level, "target")
    height, width = np.shape(chosen.walls)
    inside = row < height and column < width
    state = -1
    if inside:
        begun = env.start(jax.random.key(0), jax.device_put(chosen))
        state = int(env.index_of(begun.replace(cell=np.int32(row * width + column))))
    if not inside or not np.asarray(found.decision)[state]:
        raise UserError(
            f"no agent decides at row {row}, column {column} of level {level}: it lies outside, "
            f"or is a wall or an end; look at the level with: shardsim view RUN --level {level}"
        )
    levels, surveyed = jax.tree.map(lambda leaf: np.asarray(leaf)[None], (chosen, found))
    about = {"kind": "uniform", "split": "target", "seed": 0}
    at = np.zeros(1, int), np.full(1, state)
    return gathered(env, jax.device_put(levels), surveyed, at, np.ones(1), about)


def write_trial(found: Trial, folder: Path) -> list[Path]:
    """Write `reflection.nc` and `reflection.json` into a new or empty folder; return them.

    Raises:
        UserError: the folder holds something, or cannot be written.
    """
    folder = path_of(folder)
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder} is not empty; choose another --out")
        told = {
            "settings": found.config.model_dump(mode="json"),
            "summary": found.reflection.summary,
        }
        files = {
            folder / "reflection.nc": dataset_to_bytes(found.reflection.dataset),
            folder / "reflection.json": json_to_bytes(told),
        }
        for path, data in files.items():
            path.write_bytes(data)
    return list(files)
