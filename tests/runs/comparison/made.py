"""Run directories with known returns and shards, which nobody trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shardsim.agent.schema import TRAINING
from shardsim.base.schema import labelled
from shardsim.env.types import SPLITS
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.store import Store
from shardsim.runs.sweep.grid import Point, points
from shardsim.runs.sweep.index import Sweep, extend
from tests.analysis.reflected import reflection
from tests.analysis.results import shards
from tests.tiny import TINY

OPTIMUM = 0.5
Returns = Callable[[dict[str, Any], np.ndarray], Sequence[float]]  # settings, seeds -> ratios


def sweep(path: Path, words: Sequence[str], returns: Returns | None, seeds: int = 4) -> Sweep:
    """A sweep whose runs have returns on held-out levels as said, in parts of the optimum."""
    asked: list[Point] = points(TINY, words, seeds=seeds)
    made = extend(path, asked, "train")
    for entry, folder in zip(made.entries, made.folders, strict=True):
        if returns is not None:
            store = Store.open(folder)
            numbers = np.array(store.manifest["seeds"])
            write_training(folder, np.asarray(returns(entry.settings, numbers), np.float64))
    return made


def write_training(folder: Path, ratios: np.ndarray) -> None:
    """Finish `train` with two checkpoints: returns of nothing, then the given parts."""
    store = Store.open(folder)
    achieved = np.zeros((len(SPLITS), len(ratios), 2))
    achieved[:, :, 1] = ratios * OPTIMUM
    curves = {
        "achieved": achieved,
        "optimum": np.full_like(achieved, OPTIMUM),
        "worst": np.zeros_like(achieved),
        "entropy": np.stack([np.full(len(ratios), np.nan), ratios], axis=1),
    }
    places = {
        "seed": store.manifest["seeds"],
        "split": list(SPLITS),
        "checkpoint": [0, 1],
        "update": [0, 8],
        "steps": [0, 1024],
    }
    _finish(store, "train", {"training.nc": dataset_to_bytes(labelled(TRAINING, curves, places))})


def write_shards(folder: Path) -> None:
    """Finish `identify` with the shards that `tests.analysis.results` makes up."""
    store = Store.open(folder)
    data = shards(len(store.manifest["seeds"]))
    _finish(store, "identify", {"shards.nc": dataset_to_bytes(data)})


def _finish(store: Store, stage: str, files: dict[str, bytes]) -> None:
    with store.writing():
        store.write_all(files)
        store.finish(stage)


def write_reflection(folder: Path, **changed: Any) -> None:
    """Finish `reflect` and `diagnose`: made-up changes, one seed of four undertrained.

    Variables of `reflection.nc` may be given as they are to be.
    """
    store = Store.open(folder)
    data = reflection(len(store.manifest["seeds"])).assign(changed)
    files = {
        "reflection.nc": dataset_to_bytes(data),
        "reflection.json": json_to_bytes({"constancy": {"contested": "drifted"}}),
    }
    _finish(store, "reflect", files)
    words = ["healthy", "healthy", "undertrained", "healthy"]
    _finish(store, "diagnose", {"diagnosis.json": json_to_bytes({"seeds": words})})
