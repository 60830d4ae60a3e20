"""Stability over training: `shardsim reflect RUN --checkpoints N` adds `stability.nc` to a run.

It is a study of a run that has reflected, and no stage: a run that is never asked does not pay for
it. It rests on what reflection rests on, and goes when the stage `reflect` is done again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from shardsim.base import content
from shardsim.base.compiled import keep_compiled_programs
from shardsim.base.errors import UserError
from shardsim.base.progress import Listener, Progress, Tracked
from shardsim.base.scalars import Whole, whole
from shardsim.reflection.config import ReflectConfig, leading
from shardsim.reflection.stability import FEWEST, SET, reflect_at_checkpoints
from shardsim.reflection.stability_tables import stability_table
from shardsim.runs.agents import subjects_of
from shardsim.runs.files import STABILITY
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.memory import refuse_what_cannot_fit
from shardsim.runs.progress import Display
from shardsim.runs.reflect_trial import SECTION, tried_with
from shardsim.runs.run import Run, load
from shardsim.runs.summary import write_summary
from shardsim.shards.tracking.track import check_points


@content.blaming_files()
def add_stability(
    path: str | Path,
    checkpoints: Whole = 8,
    model: str | None = None,
    steps: Whole | None = None,
    settings: Sequence[str] = (),
    *,
    folders: Sequence[str | Path] = (),
    progress: Display | None = None,
) -> Run:
    """Reflect from several checkpoints of a run, and keep what came of it in `stability.nc`.

    Args:
        path: a run directory whose stage `reflect` is finished.
        checkpoints: how many, evenly spread after the untrained one, the last among them.
        model: of `reflection.config.RULES`, with its sham; by default the one whose verdict
            stands for an onset.
        steps: reflection steps; the run's own by default.
        settings: `key=value` of the config's section `reflect`; not the models, which `model`
            names, nor what reflection from checkpoints leaves out (repeats, paths, refits).
        folders: folders of your own envs that this run may import.
        progress: where to say how far it is.

    Raises:
        UserError: too few checkpoints, an unknown model or setting or one that cannot be given
            here, more than fits in memory, or a run that has not reflected or has no shard.
    """
    keep_compiled_programs()
    opened = load(path, folders=folders)
    count = whole("checkpoints", checkpoints, FEWEST)
    _refuse_what_is_set(settings)
    chosen = model or leading(opened.config.reflect.models)
    config = tried_with(opened, [chosen], steps, settings)
    asked = opened.config.model_copy(update={"reflect": config})
    refuse_what_cannot_fit(opened.env, asked, ["reflect"])
    with opened.store.writing(), progress or Display() as shown:
        if not opened.store.finished("reflect"):
            raise UserError(
                f"{path} has not finished its stage 'reflect'; "
                f"continue with: {opened.store.to_go_on}"
            )
        shown.begin("stability")
        begun = time.monotonic()
        heard = Tracked(Listener(shown.show, shown.expect, lambda *_: None))
        found = _found(opened, count, config, heard)
        found.attrs["settings"] = json.dumps(list(settings))  # with which it is made again
        opened.store.forget("report")  # which shows it
        opened.store.write(STABILITY, dataset_to_bytes(found))
        shown.end(time.monotonic() - begun)
        write_summary(opened)  # which a stage that is forgotten takes with it
    return opened


def _refuse_what_is_set(settings: Sequence[str]) -> None:
    """Raise UserError where a setting is given that would be overridden."""
    for one in settings:
        key = one.partition("=")[0].strip().removeprefix(SECTION)
        if key == "models":
            raise UserError("reflection from checkpoints takes one model; give it with --model")
        if key in SET:
            raise UserError(
                f"reflection from checkpoints always has {SECTION}{key} = {json.dumps(SET[key])}; "
                f"leave {key} out, or reflect without --checkpoints"
            )


def _found(run: Run, count: int, config: ReflectConfig, progress: Progress) -> xr.Dataset:
    """Return the table `stability.nc`."""
    trained = len(run.updates) - 1
    if trained < FEWEST:
        raise UserError(
            f"{run.path} has {trained} checkpoint{'' if trained == 1 else 's'} after the untrained "
            f"one, and stability over training needs {FEWEST}; train with train.checkpoints = 8"
        )
    places = [1 + place for place in check_points(trained, count)]
    subjects = subjects_of(run)
    earlier = [run.checkpoint(place).parameters for place in places[:-1]]
    seed = run.config.identify.seed
    done = reflect_at_checkpoints(subjects, earlier, config, seed=seed, progress=progress)
    training = run.training.isel(checkpoint=places)
    moments = {name: training[name].values.tolist() for name in ("checkpoint", "update", "steps")}
    return stability_table(subjects.shards, done, moments, config)
