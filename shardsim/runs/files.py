"""The files of a run directory: their names, the stage that makes each, and how to mend one."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

MANIFEST = "MANIFEST.json"
CONFIG = "config.toml"
LOG = "log.jsonl"
TIMINGS = "timings.json"
SUMMARY = "summary.json"
REPORT = "report.html"
STABILITY = "stability.nc"  # what `reflect --checkpoints` found
ADDED = "separating.safetensors"  # the contexts that `identify --refine` added
FAILURE = "failure.json"  # why a sweep gave a run up; gone when it is tried again
INDEX = "index.json"  # of a sweep, in its folder
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
    ADDED: "identify",
    "track.nc": "track",
    "forecast.json": "reflect",
    "reflection.nc": "reflect",
    "reflection.json": "reflect",
    STABILITY: "reflect",
    "diagnosis.json": "diagnose",
    REPORT: "report",
}
# What its stage makes only sometimes.
OPTIONAL = (ADDED, "forecast.json", STABILITY)
ORDER = tuple(dict.fromkeys(MADE_BY.values()))


def how_to_mend(folder: Path, name: str) -> str:
    """Return what to do about a file of a run directory that is lost or damaged.

    What training made is made again only with the whole run; any other file by one command. The
    log and the wall times of stages that are finished are not made again at all.
    """
    if name in TIMED:
        seal = shlex.join(["shardsim", "report", str(folder), "--again"])
        return (
            "restore that file from a copy: what it tells of finished stages is not made again "
            f"(no result needs it); accept it as it is now with: {seal}"
        )
    stage = MADE_BY.get(name)
    if stage is None and (name.startswith(FIGURES) or name == SUMMARY):
        stage = "report"  # the last stage, which writes the summary as well
    if stage is None or stage == "train":
        made = ["shardsim", "run", str(folder / CONFIG), "--out", "NEW"]
        config = " from its config" if name == CONFIG else f" with: {shlex.join(made)}"
        return f"restore that file from a copy, or make the run again{config}"
    if name == STABILITY:
        return _stability_again(folder)
    again = shlex.join(["shardsim", stage, str(folder), "--again"])
    return f"restore that file from a copy, or make it again with: {again}"


def _stability_again(folder: Path) -> str:
    """Return how `stability.nc` is made again: as it says itself, where that can be read."""
    import h5py

    again = ["shardsim", "reflect", str(folder), "--checkpoints"]
    restore = "restore that file from a copy, or make it again with"
    try:
        with h5py.File(folder / STABILITY, "r") as file:
            count = str(file["checkpoint"].shape[0])  # pyright: ignore
            model, steps = (_plain(file.attrs[key]) for key in ("model", "reflection_steps"))
            settings = json.loads(_plain(file.attrs["settings"]))
    except (OSError, RuntimeError, KeyError, ValueError, AttributeError, TypeError):
        made = shlex.join([*again, "N"])
        return f"{restore} the same --checkpoints, --model and --steps: {made}"
    words = [*again, count, "--model", model, "--steps", steps, *map(str, settings)]
    return f"{restore}: {shlex.join(words)}"


def _plain(value: Any) -> str:
    """Return an attribute of a NetCDF file as text; a single number is an array there."""
    return str(value.item() if hasattr(value, "item") else value)
