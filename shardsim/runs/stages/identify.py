"""Stage `identify`: the shards of all trained agents; writes `shards.nc` and `shards.json`."""

from __future__ import annotations

from shardsim.runs.batteries import ADDED
from shardsim.runs.batteries import battery_of as battery_of
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.progress import Progress
from shardsim.runs.run import Run
from shardsim.shards.agreed import agreed_dataset, agreed_summary
from shardsim.shards.parameters import parameters_of
from shardsim.shards.population import Agents, identify_population
from shardsim.shards.tables import population_dataset, population_summary


def identify_stage(run: Run, progress: Progress) -> None:
    """Find one dictionary of shards for all seeds at the last checkpoint."""
    config = run.config.identify
    if run.refine is not None:
        config = config.model_copy(update={"refine": run.refine})
    found = identify_population(agents_of(run), config)
    parameters = parameters_of(
        found,
        run.checkpoints,
        lambda number: run.checkpoint(number).parameters,
        config,
        run.config.train.discount,
        run.config.train.gae_lambda,
    )
    data = agreed_dataset(population_dataset(found, run.seeds), parameters)
    files = {
        "shards.nc": dataset_to_bytes(data),
        "shards.json": json_to_bytes(population_summary(found) | agreed_summary(found, parameters)),
    }
    if run.store.has(ADDED):
        run.store.drop(ADDED)
    if found.before is not None and found.proposal is not None:
        files[ADDED] = found.proposal.battery.to_bytes()
    run.store.write_all(files)


def agents_of(run: Run) -> Agents:
    """The run's networks, untrained and trained."""
    return Agents(
        env=run.env,
        network=run.learner.network,
        parameters=run.checkpoint(-1).parameters,
        untrained=run.checkpoint(0).parameters,
    )
