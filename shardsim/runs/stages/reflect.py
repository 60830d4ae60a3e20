"""Stage `reflect`: what reflection does to the trained agents; writes `reflection.nc`."""

from __future__ import annotations

from functools import partial

import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.base.parallel import each
from shardsim.reflection.reflect import reflect_run
from shardsim.reflection.setting import Subjects
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.progress import Progress
from shardsim.runs.run import Run
from shardsim.runs.stages.identify import battery_of
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.identify import data_of


def reflect_stage(run: Run, progress: Progress) -> None:
    """Reflect from every onset, judged by the shards that are active there."""
    on = battery_of(run, "target")
    subjects = Subjects(
        run.env,
        run.learner.network,
        run.checkpoint(-1).parameters,
        shard_models(run, on),
        on,
        battery_of(run, "held-out"),
        run.config.train.discount,
    )
    found = reflect_run(subjects, run.config.reflect, seed=run.config.identify.seed)
    files = {
        "reflection.nc": dataset_to_bytes(found.dataset.assign_coords(seed=run.seeds)),
        "reflection.json": json_to_bytes(found.summary),
    }
    run.store.write_all(files)


def shard_models(run: Run, on: Battery) -> list[ShardModel]:
    """The fitted shards of every seed, made again from the run's dictionary: the same fit."""
    preferences = run.dataset("shards.nc")["preferences"].transpose("shard", "concept").values
    parameters = run.checkpoint(-1).parameters
    logits = np.asarray(forward_many(run.learner.network, parameters, on.observations).logits)
    fit = partial(fit_gates, preferences, seed=run.config.identify.seed)
    return each(fit, [data_of(on, own) for own in logits])
