"""The batteries that a run's shards were identified on: the same each time they are asked for."""

from __future__ import annotations

from shardsim.runs.run import Run
from shardsim.shards.battery import Battery, battery, battery_from_bytes
from shardsim.shards.separating import enlarged

ADDED = "separating.safetensors"  # the contexts that `identify --refine` added


def battery_of(run: Run, split: str) -> Battery:
    """The battery of one split; that of target levels with the contexts that were added."""
    config = run.config.identify
    if split == "held-out":
        return battery(run.env, config.held_out_contexts, split="held-out", seed=config.seed)
    whole = battery(run.env, config.target_contexts, split="target", seed=config.seed)
    if not run.store.has(ADDED):
        return whole
    data = run.store.read(ADDED)
    return enlarged(whole, battery_from_bytes(run.env, data, str(run.path / ADDED)))
