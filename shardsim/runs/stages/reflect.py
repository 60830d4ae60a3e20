"""Stage `reflect`: what reflection does to the trained agents; writes `reflection.nc`.

`forecast.json` is written before any weight moves, and is then left as it is: a stage that was
stopped afterwards goes on with the forecast that stands, as long as it rests on the same results.
"""

from __future__ import annotations

from shardsim.base.progress import Progress
from shardsim.reflection.forecast.trend import Earlier
from shardsim.reflection.results import Reflection, reflect_run
from shardsim.reflection.summary import nothing
from shardsim.runs.agents import subjects_of
from shardsim.runs.files import STABILITY
from shardsim.runs.forecasts import FORECAST, keep, scored
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run

BACK = 4  # checkpoints between which training's trend is taken


def reflect_stage(run: Run, progress: Progress) -> None:
    """Reflect from every onset, judged by the shards that are active there.

    Of agents with a memory nothing is written but that it is undefined: plans and values are exact
    for policies of the state alone.
    """
    if STABILITY in run.store.manifest["files"]:
        run.store.drop(STABILITY)  # of a reflection that is no more
    kept: list[bytes] = []
    if run.learner.network.remembers:
        found = Reflection(*nothing(run.env, run.config.reflect.models))
    else:
        found = reflect_run(
            subjects_of(run),
            run.config.reflect,
            seed=run.config.identify.seed,
            progress=progress,
            keep=lambda said: kept.append(keep(run, said)),
            earlier=_earlier(run),
        )
    if not kept and FORECAST in run.store.manifest["files"]:
        run.store.drop(FORECAST)  # of shards that are no more
    summary = found.summary | ({"forecast": scored(kept[0], found.dataset)} if kept else {})
    files = {
        "reflection.nc": dataset_to_bytes(found.dataset),
        "reflection.json": json_to_bytes(summary),
    }
    run.store.write_all(files)


def _earlier(run: Run) -> Earlier | None:
    """Return the agents some checkpoints before the last; None where there is only one."""
    config, updates = run.config.train, run.updates
    if len(updates) < 2:
        return None
    back = max(0, len(updates) - 1 - BACK)
    passed = (updates[-1] - updates[back]) * config.epochs * config.minibatches
    return Earlier(run.checkpoint(back).parameters, passed)
