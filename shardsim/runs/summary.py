"""`summary.json`: the results in short, composed of what each finished stage has written.

Results only, no times and no paths: the same bytes for the same config, seed and machine.
"""

from __future__ import annotations

from typing import Any

from shardsim.agent.evaluation import Evaluation, is_ratio, normalised_regret
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
    """Exact discounted return at the last checkpoint, beside the optimum, a number a seed.

    There is no ratio to an optimum that is not positive; the regret, as a part of the range from
    the worst return to the best, is always there.
    """
    ratio, regret = {}, {}
    for split in ("held-out", "target"):
        last = Evaluation(*(part[:, -1] for part in run.returns(split)))
        key, known = split.replace("-", "_"), bool(is_ratio(last.optimum))
        ratio[key] = (last.achieved / last.optimum).tolist() if known else [None] * len(run.seeds)
        regret[key] = normalised_regret(*last).tolist()
    return {"return_ratio": ratio, "normalised_regret": regret}
