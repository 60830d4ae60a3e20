"""Reflection from checkpoints with known numbers: near the corner stable from 512 steps on."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.reflection.schema import STABILITY
from shardsim.reflection.stability_tables import NONE, QUESTIONS

KINDS = ["near-corner", "near-cheese", "contested"]
STEPS = [256.0, 512.0, 1024.0]


def stability(seeds: int) -> xr.Dataset:
    """Drift of .2 that falls to 0 near the corner and stays elsewhere; contested lacks a seed."""
    stays = np.array([[0.2, 0.01, 0.0], [0.2, 0.2, 0.2], [0.2, 0.2, 0.2]])  # [kind, checkpoint]
    drift = np.zeros((3, 3, 3, seeds, 2, 2))  # checkpoint, onset, model, seed, place, shard
    drift[:, :, 1] = stays.T[..., None, None, None] * np.array([1.0, -1.0])
    drift[:, 2, :, -1] = np.nan
    change = np.stack([drift, drift - drift[-1:]])
    when = np.full((2, 3, 3, seeds), 256.0)  # question, kind, model, seed
    when[0, :, 1] = np.array([512.0, np.inf, np.inf])[:, None]
    when[:, 2, :, -1] = np.nan
    said = np.full((2, 3, 3, 3), "constant", dtype="<U9")
    said[0, :, :, 1] = np.where(stays.T > 0.05, "drifted", "constant")
    mean = np.nanmean(change, 4)
    values = {
        "value": 0.5 + 0.25 * drift,
        "value_low": np.full((3, seeds, 2, 2), 0.4),
        "value_high": np.full((3, seeds, 2, 2), 0.9),
        "change": change,
        "kind_change": mean,
        "kind_interval": np.stack([mean - 0.02, mean + 0.02], -1),
        "kind_verdict": said,
        "stable_from": when,
        "stable_median": when[..., 0],
        "stable_interval": np.stack([when[..., 0]] * 2, -1),
        "stable_together": when[..., 0],
    }
    coordinates = {
        "checkpoint": [1, 2, 3],
        "update": [2, 4, 8],
        "steps": STEPS,
        "seed": np.arange(seeds),
        "shard": [1, 2],
        "shard_name": ["cheese", "corner"],
        "onset": KINDS,
        "onset_class": KINDS,
        "kind": KINDS,
        "model": [NONE, "turns", "sham"],
        "question": list(QUESTIONS),
        "place": ["onset", "target"],
        "end": ["low", "high"],
    }
    return labelled(STABILITY, values, coordinates, {"epsilon": 0.05, "reflection_steps": 20})
