"""Stage `reflect`: what reflection does to the trained agents; writes `reflection.nc`."""

from __future__ import annotations

from shardsim.base.progress import Progress
from shardsim.reflection.results import reflect_run
from shardsim.reflection.setting import Subjects
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run
from shardsim.runs.stages.identify import agents_of


def reflect_stage(run: Run, progress: Progress) -> None:
    """Reflect from every onset, judged by the shards that are active there."""
    seed = run.config.identify.seed
    found = reflect_run(subjects_of(run), run.config.reflect, seed=seed, progress=progress)
    files = {
        "reflection.nc": dataset_to_bytes(found.dataset),
        "reflection.json": json_to_bytes(found.summary),
    }
    run.store.write_all(files)


def subjects_of(run: Run) -> Subjects:
    """Return the agents of an identified run, and what each of them values."""
    return Subjects(
        env=run.env,
        shards=run.shards,
        networks=agents_of(run),
        training=run.battery("held-out"),
        discount=run.config.train.discount,
    )
