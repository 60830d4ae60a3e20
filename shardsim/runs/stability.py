"""Stability over training: `shardsim reflect RUN --checkpoints N` adds `stability.nc` to a run.

It is a study of a run that has reflected, and no stage: a run that is never asked does not pay for
it. It rests on what reflection rests on, and goes when the stage `reflect` is done again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from shardsim.base import content
from shardsim.base.compiled import keep_compiled_programs
from shardsim.base.errors import UserError
from shardsim.base.progress import Listener, Progress, Tracked
from shardsim.base.scalars import Whole, whole
from shardsim.reflection.config import ReflectConfig, leading
from shardsim.reflection.stability import FEWEST, reflect_at_checkpoints
from shardsim.reflection.stability_tables import stability_table
from shardsim.runs.agents import subjects_of
from shardsim.runs.files import STABILITY
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.progress import Display
from shardsim.runs.reflect_trial import tried_with
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
        settings: `key=value` of the config's section `reflect`.
        folders: folders of your own envs that this run may import.
        progress: where to say how far it is.

    Raises:
        UserError: too few checkpoints, an unknown model or setting, or a run that has not
            reflected or has no shard.
    """
    keep_compiled_programs()
    opened = load(path, folders=folders)
    count = whole("checkpoints", checkpoints, FEWEST)
    chosen = model or leading(opened.config.reflect.models)
    config = tried_with(opened, [chosen], steps, settings)
    with opened.store.writing(), progress or Display() as shown:
        if not opened.store.finished("reflect"):
            raise UserError(
                f"{path} has not finished its stage 'reflect'; "
                f"continue with: {opened.store.to_go_on}"
            )
        shown.begin("stability")
        begun = time.monotonic()
        heard = Tracked(Listener(shown.show, shown.expect, lambda *_: None))
        data = _found(opened, count, config, heard)
        opened.store.forget("report")  # which shows it
        opened.store.write(STABILITY, data)
        shown.end(time.monotonic() - begun)
        write_summary(opened)  # which a stage that is forgotten takes with it
    return opened


def _found(run: Run, count: int, config: ReflectConfig, progress: Progress) -> bytes:
    """Return the bytes of `stability.nc`."""
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
    return dataset_to_bytes(stability_table(subjects.shards, done, moments, config))
