"""Stage `identify`: the shards of all trained agents; writes `shards.nc` and `shards.json`."""

from __future__ import annotations

from shardsim.agent.options import POLICY_GRADIENT
from shardsim.base.progress import Progress
from shardsim.runs.agents import agents_of
from shardsim.runs.files import ADDED
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run
from shardsim.shards.active.propose import added
from shardsim.shards.evidence.training import Training
from shardsim.shards.identify import identify_agents


def identify_stage(run: Run, progress: Progress, *, refine: int | None = None) -> None:
    """Find one dictionary of shards for all seeds at the last checkpoint.

    `refine` contexts are added where hypotheses differ most; by default as many as the config says.
    """
    config = run.config.identify
    if refine is not None:
        config = config.model_copy(update={"refine": refine})
    if run.store.has(ADDED):
        run.store.drop(ADDED)
    found = identify_agents(
        agents_of(run),
        run.battery("target"),
        config,
        beside={"held-out": run.battery("held-out")},
        seeds=run.seeds,
        training=_training(run),
        progress=progress,
    )
    files = {
        "shards.nc": dataset_to_bytes(found.to_dataset()),
        "shards.json": json_to_bytes(found.summary),
    }
    more = added(found.battery)
    if more is not None:
        files[ADDED] = more.to_bytes()
    run.store.write_all(files)


def _training(run: Run) -> Training | None:
    """Return what updates of training can be made again from; None where that cannot be."""
    train = run.config.train
    if train.learner not in POLICY_GRADIENT or train.network.kind == "recurrent":
        return None
    return Training(
        run.updates,
        lambda number: run.checkpoint(number).parameters,
        train.discount,
        train.gae_lambda,
    )
