"""What reflection would have done, with known numbers, in the published schema."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.forecast.foresee import CLOSED, FITTED, Forecast, Foreseen
from shardsim.reflection.forecast.written import told
from shardsim.reflection.schema import REFLECTION
from shardsim.runs.io import json_to_bytes

ONSETS = ["near-corner", "near-cheese", "contested"]
REFLECTIONS = ["turns", "summed", "sham"]


def reflection(seeds: int) -> xr.Dataset:
    """Hitting probabilities that move with the steps, and what every shard lost.

    The last seed has no contested context, and the last model no values.
    """
    step = np.arange(5)[:, None]
    pace = np.array([1, 2, 0])[:, None, None]
    cheese = np.full((3, 3, 5, seeds), 0.3) + 0.02 * step * pace
    cheese[2, :, :, -1] = np.nan
    hit = np.stack([cheese, 0.95 - cheese, 0.05 + 0 * cheese], -1)
    change = np.array([0.01, -0.2]) + 0.005 * np.arange(seeds)[:, None, None]
    change = change + np.zeros((3, 3, 1, 2, 1))
    change[2, :, -1] = np.nan
    change[:, -1] = np.nan
    coordinates = {
        "onset": ONSETS,
        "onset_class": ONSETS,
        "kind": ONSETS,
        "model": REFLECTIONS,
        "step": np.arange(5),
        "seed": np.arange(seeds),
        "outcome": ["cheese", "corner", "neither"],
        "place": ["onset", "target"],
        "shard": [1, 2],
        "shard_name": ["cheese", "corner"],
        "endorser": [1, 2],
    }
    before = np.array([0.4, 0.3]) + 0.01 * np.arange(seeds)[:, None]
    after = np.broadcast_to(before, (3, 3, seeds, 2)).copy()
    after[:, 0] += np.array([-0.1, 0.05])  # by turns
    after[:, 1] = np.nan  # summed is not refitted
    after[2, :, -1] = np.nan
    values = {
        "hit": hit,
        "target_hit": hit,
        "judge": np.array([[[0.2, 0.8]], [[0.7, 0.3]], [[0.5, 0.5]]]) + np.zeros((3, seeds, 2)),
        "value_high": np.full((3, seeds, 2, 2), 0.9),
        "value_low": np.full((3, seeds, 2, 2), 0.4),
        "value_before": np.full((3, seeds, 2, 2), 0.5),
        "value_path": 0.5
        + 0.1 * np.linspace(0, 1, 5)[:, None, None, None] * pace[..., None, None]
        + np.zeros((3, 3, 5, seeds, 2, 2)),
        "value_change": change,
        "share_before": before,
        "share_after": after,
        "verdict": np.array([["drifted", "drifted", "constant"]] * 3),
        **endorsements(seeds),
        "kind_verdict": np.array([["drifted", "drifted", "constant"]] * 3),
    }
    return labelled(REFLECTION, values, coordinates, {"epsilon": 0.05})


def endorsements(seeds: int) -> dict[str, np.ndarray]:
    """Each shard gains as it grows, and a little less as the other does; the last seed twice."""
    pairs = np.array([[0.1, -0.02], [-0.04, 0.06]]) + np.zeros((3, seeds, 1, 1))
    pairs[:, -1] *= 2
    pairs[2, -1] = np.nan
    return {"endorsement": pairs, "endorsement_chance": 0 * pairs + 0.01}


def foreseen(seeds: int) -> bytes:
    """A forecast of `reflection`: half of what came by turns, all of it by summing, none else."""
    there = np.ones((seeds, 3), bool)
    there[-1, 2] = False
    before = np.full((seeds, 3, 3), [0.3, 0.65, 0.05])
    models, paths = {}, {}
    for rule, end in (("turns", 0.04), ("summed", 0.16), ("sham", 0.0)):
        after = before + np.array([end, -end, 0.0])
        change = np.full((seeds, 3, 2), end)
        for kind, reach in ((CLOSED, 0.02), (FITTED, 0.05)):
            models[rule, kind] = Foreseen(after, after - reach, after + reach, change)
        paths[rule] = 0.3 + end * np.linspace(0, 1, 5) + np.zeros((seeds, 3, 1))
    found = Forecast(
        onsets=tuple(ONSETS),
        goals=("cheese", "corner"),
        there=there,
        before=before,
        models=models,
        paths=paths,
        options={},
    )
    return json_to_bytes(told(found, ReflectConfig(), range(seeds), None))
