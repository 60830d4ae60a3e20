"""Stage `identify`: the shards of all trained agents; writes `shards.nc` and `shards.json`."""

from __future__ import annotations

from typing import Literal

from shardsim.runs.progress import Progress
from shardsim.runs.results import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run
from shardsim.shards.battery import Battery, battery
from shardsim.shards.population import Agents, identify_population
from shardsim.shards.tables import population_dataset, population_summary


def identify_stage(run: Run, progress: Progress) -> None:
    """Find one dictionary of shards for all seeds at the last checkpoint."""
    found = identify_population(agents_of(run), run.config.identify)
    files = {
        "shards.nc": dataset_to_bytes(population_dataset(found, run.seeds)),
        "shards.json": json_to_bytes(population_summary(found)),
    }
    run.store.write_all(files)


def agents_of(run: Run) -> Agents:
    """The run's networks, untrained and trained."""
    return Agents(
        env=run.env,
        network=run.learner.network,
        parameters=run.checkpoint(-1).parameters,
        untrained=run.checkpoint(0).parameters,
    )


def battery_of(run: Run, split: Literal["target", "held-out"]) -> Battery:
    """The battery of one split that the shards were identified on: the same each time."""
    config = run.config.identify
    size = config.target_contexts if split == "target" else config.held_out_contexts
    return battery(run.env, size, split=split, seed=config.seed)
