"""Stage `track`: the shard distribution over all checkpoints; writes `track.nc`."""

from __future__ import annotations

from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.progress import Progress
from shardsim.runs.run import Run
from shardsim.runs.stages.identify import agents_of, battery_of
from shardsim.shards.tracking.track import track_dataset, track_population


def track_stage(run: Run, progress: Progress) -> None:
    """Follow the identified dictionary through the checkpoints."""
    shards = run.shards
    found = track_population(
        agents_of(run),
        shards["preferences"].transpose("shard", "concept").values,
        run.checkpoints,
        [run.checkpoint(index).parameters for index in range(len(run.checkpoints))],
        battery_of(run, "target"),
        run.config.identify,
    )
    data = track_dataset(found, run.seeds).rename(concept_number="concept")
    steps = run.training["steps"]
    data = data.assign_coords(
        concept=shards["concept"].values, steps=("checkpoint", steps.values, steps.attrs)
    )
    run.store.write("track.nc", dataset_to_bytes(data))
