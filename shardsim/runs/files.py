"""The files of a run directory: their names, the stage that makes each, and how to mend one."""

from __future__ import annotations

import shlex
from pathlib import Path

MANIFEST = "MANIFEST.json"
CONFIG = "config.toml"
LOG = "log.jsonl"
TIMINGS = "timings.json"
SUMMARY = "summary.json"
REPORT = "report.html"
STABILITY = "stability.nc"  # what `reflect --checkpoints` found
CHECKPOINTS = "checkpoints/"
RECORDS = "records/"  # whole updates, kept for diagnosis
FIGURES = "figures/"
LOG_MIRRORS = "logs"  # the folder of logs written for TensorBoard and W&B too; no results
# Files that hold wall times and so differ between runs of one config; they hold no results.
TIMED = (LOG, TIMINGS)
# The stage that makes a result; what stands in no stage's name (checkpoints) is always current.
MADE_BY = {
    "training.nc": "train",
    "shards.nc": "identify",
    "shards.json": "identify",
    "separating.safetensors": "identify",
    "track.nc": "track",
    "forecast.json": "reflect",
    "reflection.nc": "reflect",
    "reflection.json": "reflect",
    STABILITY: "reflect",
    "diagnosis.json": "diagnose",
    REPORT: "report",
}
# What its stage makes only sometimes.
OPTIONAL = ("separating.safetensors", "forecast.json", STABILITY)
ORDER = tuple(dict.fromkeys(MADE_BY.values()))


def how_to_mend(folder: Path, name: str) -> str:
    """Return what to do about a file of a run directory that is lost or damaged.

    What training made is made again only with the whole run; any other file by one command.
    """
    stage = MADE_BY.get(name)
    if stage is None and (name.startswith(FIGURES) or name in (SUMMARY, *TIMED)):
        stage = "report"  # the last stage: it writes the summary and closes the log as well
    if stage is None or stage == "train":
        made = ["shardsim", "run", str(folder / CONFIG), "--out", "NEW"]
        config = " from its config" if name == CONFIG else f" with: {shlex.join(made)}"
        return f"restore that file from a copy, or make the run again{config}"
    how = ["--checkpoints", "8"] if name == STABILITY else ["--again"]
    again = shlex.join(["shardsim", stage, str(folder), *how])
    return f"restore that file from a copy, or make it again with: {again}"
