"""`summary.json`: the results in short, composed of what each finished stage has written.

Results only, no times and no paths: the same bytes for the same config, seed and machine.
"""

from __future__ import annotations

from typing import Any

from shardsim.runs.io import json_to_bytes
from shardsim.runs.run import Run


def write_summary(run: Run) -> None:
    """Compose the summary of everything that is there, and write it."""
    run.store.write("summary.json", json_to_bytes(summarise(run)))


def summarise(run: Run) -> dict[str, Any]:
    """The summary of all results that are there."""
    summary: dict[str, Any] = {"env": run.config.env.id, "seeds": run.seeds}
    if run.env.estimated:
        summary["estimated"] = list(run.env.estimated)
    if run.store.has("training.nc"):
        summary |= _training(run)
    for name in ("shards.json", "reflection.json"):
        if run.store.has(name):
            summary |= run.json(name)
    if run.store.has("diagnosis.json"):
        found = run.diagnosis
        keys = ("world", "section", "representation")
        summary["diagnosis"] = {key: found[key] for key in keys}
    return summary


def _training(run: Run) -> dict[str, Any]:
    """Exact discounted return over the optimum at the last checkpoint, a number a seed."""
    last = run.training.isel(checkpoint=-1)
    ratio = last["achieved"] / last["optimum"]
    return {
        "return_ratio": {
            split.replace("-", "_"): ratio.sel(split=split).values.tolist()
            for split in ("held-out", "target")
        }
    }
