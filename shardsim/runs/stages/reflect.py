"""Stage `reflect`: what reflection does to the trained agents; writes `reflection.nc`."""

from __future__ import annotations

from shardsim.base.progress import Progress
from shardsim.reflection.results import reflect_run
from shardsim.runs.agents import subjects_of
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run


def reflect_stage(run: Run, progress: Progress) -> None:
    """Reflect from every onset, judged by the shards that are active there."""
    seed = run.config.identify.seed
    found = reflect_run(subjects_of(run), run.config.reflect, seed=seed, progress=progress)
    files = {
        "reflection.nc": dataset_to_bytes(found.dataset),
        "reflection.json": json_to_bytes(found.summary),
    }
    run.store.write_all(files)
