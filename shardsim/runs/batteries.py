"""The batteries that a run's shards were identified on: the same each time they are asked for."""

from __future__ import annotations

from functools import lru_cache

from shardsim.env.core import Env
from shardsim.env.types import Split
from shardsim.runs.run import Run
from shardsim.shards.active.propose import enlarged
from shardsim.shards.contexts.battery import Battery, battery, battery_from_bytes

ADDED = "separating.safetensors"  # the contexts that `identify --refine` added


def battery_of(run: Run, split: str) -> Battery:
    """The battery of one split; that of target levels with the contexts that were added."""
    config = run.config.identify
    if split == "held-out":
        return _drawn(run.env, config.held_out_contexts, "held-out", config.seed, b"")
    added = run.store.read(ADDED) if run.store.has(ADDED) else b""
    return _drawn(run.env, config.target_contexts, "target", config.seed, added)


@lru_cache(maxsize=3)
def _drawn(env: Env, size: int, split: Split, seed: int, added: bytes) -> Battery:
    whole = battery(env, size, split=split, seed=seed)
    return enlarged(whole, battery_from_bytes(env, added, ADDED)) if added else whole
