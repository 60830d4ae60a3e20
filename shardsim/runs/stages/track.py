"""Stage `track`: the shard distribution over all checkpoints; writes `track.nc`."""

from __future__ import annotations

from shardsim.base.progress import Progress
from shardsim.runs.agents import agents_of
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.run import Run
from shardsim.shards.tracking.track import track_shards


def track_stage(run: Run, progress: Progress) -> None:
    """Follow the identified dictionary through the checkpoints."""
    found = track_shards(
        agents_of(run),
        run.shards,
        [run.checkpoint(number).parameters for number in range(len(run.updates))],
        run.config.identify,
        {name: run.training[name].values.tolist() for name in ("update", "steps")},
        progress=progress,
    )
    run.store.write("track.nc", dataset_to_bytes(found))
