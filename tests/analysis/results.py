"""Results with known numbers, in the published schema, written into a run that is only trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from shardsim.env.registry import make
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import battery

CONCEPTS = ["cheese", "decoy", "corner"]
PREFERENCES = np.array([[0.99, 0.1, 0.1], [0.1, 0.0, 0.99]])
BATTERIES = ["held-out", "target"]
MODELS = [
    "habits and affordance",
    "one utility",
    "utility with gain",
    "planner with gain",
    "shards",
    "ceiling",
]
DOSES = [-1.0, 0.0, 1.0, 2.0]
BINS = ["1", "2", "3", "4-5", "6+"]
ONSETS = ["near-corner", "near-cheese", "contested"]
REFLECTIONS = ["turns", "summed", "sham"]
LAYERS = ["dense_1", "dense_2"]
CONTROLS = ["raw input", "untrained dense_1", "untrained dense_2", "shuffled labels"]


def generator() -> np.random.Generator:
    """The one source of chance here."""
    return np.random.default_rng(0)


CONTEXTS = 400  # of the target battery, as the config of the tests says


def gates(seeds: int) -> np.ndarray:
    """Gates f[seed, context, shard]: the first on in half of the contexts, the second always."""
    first = np.where(np.arange(CONTEXTS) % 2 == 0, 2.0, 0.0)
    return np.stack([first, np.full(CONTEXTS, 0.8)], -1) + np.zeros((seeds, 1, 1))


def logits(seeds: int) -> np.ndarray:
    """Logits f[seed, context, action] of an agent that is pulled to the corner alone, by 0.8."""
    env = make("cheese-corner", height=5, width=5, max_steps=16)
    on = battery(env, CONTEXTS, split="target", seed=0)
    return 0.8 * on.advantages[:, :, 2] + np.zeros((seeds, 1, 1))


def shards(seeds: int) -> xr.Dataset:
    """What identification would have found: a cheese and a corner shard."""
    noise = generator().uniform(0.9, 1.1, (2, seeds, 5))
    share = np.array([0.4, 0.3, 0.05, 0.1, 0.15]) * noise
    share /= share.sum(-1, keepdims=True)
    bits = np.array([0.89, 0.7, 0.58, 0.52, 0.5, 0.25])[:, None] + 0.01 * np.arange(seeds)
    fall = np.array([0.8, 0.3, 0.05, 0.02, 0.0])
    signed = np.full((seeds, 3, 5), np.nan)
    signed[:, 0], signed[:, 1] = fall, 0.0
    mirrored = np.full((seeds, 3, 5), np.nan)
    mirrored[:, 2] = 0.6
    return xr.Dataset(
        {
            "preferences": (("shard", "concept"), PREFERENCES),
            "gates": (("seed", "context", "shard"), gates(seeds)),
            "logits": (("seed", "context", "action"), logits(seeds)),
            "share": (("battery", "seed", "shard"), share[..., :2]),
            "rest_share_mean": (("battery", "rest"), share[..., 2:].mean(1)),
            "rest_share_low": (("battery", "rest"), share[..., 2:].mean(1) - 0.02),
            "rest_share_high": (("battery", "rest"), share[..., 2:].mean(1) + 0.02),
            "share_mean": (("battery", "shard"), share[..., :2].mean(1)),
            "share_low": (("battery", "shard"), share[..., :2].mean(1) - 0.05),
            "share_high": (("battery", "shard"), share[..., :2].mean(1) + 0.05),
            "habit_share": (("battery", "seed"), share[..., 2]),
            "affordance_share": (("battery", "seed"), share[..., 3]),
            "residual_share": (("battery", "seed"), share[..., 4]),
            "margin": (("shard",), [0.4, 0.1]),
            "confirmed": (("shard",), [True, False]),
            "bits": (("model", "seed"), bits),
            "bits_conflict": (("model", "seed"), bits * 1.2),
            "shardness": (("seed",), bits[3] - bits[4]),
            "explained": (("seed",), np.full(seeds, 0.6)),
            "agreement": (("layer", "seed"), np.array([[0.1], [0.4]]) + np.zeros(seeds)),
            "explained_by_view": (
                ("seed", "view"),
                np.array([0.45, 0.62, 0.3, 0.2]) + np.zeros((seeds, 1)),
            ),
            **doses(seeds),
            "agreement_control": (("control", "seed"), np.full((len(CONTROLS), seeds), 0.02)),
            "influence_signed": (("seed", "concept", "distance_bin"), signed),
            "influence_signed_in_model": (("seed", "concept", "distance_bin"), signed * 0.5),
            "influence_mirror_signed": (("seed", "concept", "distance_bin"), mirrored),
        },
        {
            "concept": CONCEPTS,
            "battery": BATTERIES,
            "model": MODELS,
            "layer": LAYERS,
            "control": CONTROLS,
            "dose": DOSES,
            "view": [*LAYERS, "raw input", "shuffled activations"],
            "rest": ["habit", "affordance", "residual"],
            "distance_bin": BINS,
        },
    )


def doses(seeds: int) -> dict[str, Any]:
    """Shards that follow their dose; in the second layer the other one less so."""
    dose, by_layer = np.array(DOSES), ("seed", "layer", "shard")
    line = (1.0 + dose)[:, None] + np.zeros((seeds, 2, 1, 2))
    drag = np.array([0.5, 0.1])[:, None, None]
    return {
        "dose_own": (("seed", "layer", "dose", "shard"), line),
        "dose_other": (("seed", "layer", "dose", "shard"), 1.0 - drag * (line - 1.0)),
        "dose_random": ((*by_layer, "rotation", "dose"), np.ones((seeds, 2, 2, 3, len(dose)))),
        "selectivity": (by_layer, 1.0 / drag[..., 0] + np.zeros((seeds, 2, 2))),
        "slope_own": (by_layer, np.ones((seeds, 2, 2))),
    }


def track(steps: np.ndarray, seeds: int) -> xr.Dataset:
    """Shares that grow from nothing."""
    final = all_parts(shards(seeds).sel(battery="target"))
    start = np.array([0.0, 0.0, 0.5, 0.1, 0.4])
    ramp = np.linspace(0, 1, len(steps))[:, None, None]
    share = (1 - ramp) * start + ramp * final
    dims = ("checkpoint", "seed")
    return xr.Dataset(
        {
            "share": ((*dims, "shard"), share[..., :2]),
            "habit_share": (dims, share[..., 2]),
            "affordance_share": (dims, share[..., 3]),
            "residual_share": (dims, share[..., 4]),
            "separate_shards": (("check", "seed"), np.full((2, seeds), 2)),
            "separate_agreement": (("check", "seed", "shard"), np.full((2, seeds, 2), 0.8766)),
        },
        {"steps": ("checkpoint", steps), "check": [3, 8]},
    )


def all_parts(data: xr.Dataset) -> np.ndarray:
    """Shares f[seed, 5]."""
    rest = [data[name].values for name in ("habit_share", "affordance_share", "residual_share")]
    return np.concatenate([data["share"].values, np.stack(rest, -1)], -1)


def reflection(seeds: int) -> xr.Dataset:
    """Hitting probabilities that move with the steps, and what every shard lost.

    The last seed has no contested context, and the last model no values.
    """
    dims = ("onset", "model", "step", "seed")
    step = np.arange(5)[:, None]
    pace = np.array([1, 2, 0])[:, None, None]
    cheese = np.full((3, 3, 5, seeds), 0.3) + 0.02 * step * pace
    cheese[2, :, :, -1] = np.nan
    change = np.array([0.01, -0.2])[:, None] + 0.005 * np.arange(seeds) + np.zeros((3, 3, 2, 1, 1))
    change[2, ..., -1] = np.nan
    change[:, -1] = np.nan
    return xr.Dataset(
        {
            "hit_cheese": (dims, cheese),
            "hit_corner": (dims, 0.95 - cheese),
            "hit_neither": (dims, 0.05 + 0 * cheese),
            "target_hit_cheese": (dims, cheese),
            "value_change": (("onset", "model", "place", "shard", "seed"), change),
        },
        {"onset": ONSETS, "model": REFLECTIONS, "place": ["onset", "target"]},
        {"epsilon": 0.05},
    )


DIAGNOSIS: dict[str, Any] = {
    "world": "representation",
    "section": None,
    "representation": "corner",
    "probabilities": {"representation": 0.9, "healthy": 0.06, "unknown": 0.04},
    "tier": "T",
    "seeds": ["representation(corner)", "healthy"],
    "notes": ["a note <b>in bold</b>"],
    "evidence": [
        {
            "section": "environment",
            "measurement": "transitions replayed",
            "phase": 4,
            "seed": 0,
            "measured": 0.0,
            "exact": 0.0,
            "unit": "fraction of steps",
            "verdict": "agrees",
        },
        {
            "section": "evaluation",
            "measurement": "return <target>",
            "phase": 196,
            "seed": 1,
            "measured": 0.351,
            "exact": 1.0,
            "unit": "of the optimum",
            "verdict": "disagrees",
        },
    ],
}

SUMMARY: dict[str, Any] = {
    "num_shards": 2,
    "shards": [
        {
            "words": "active within 4 steps of the cheese; pushes toward it",
            "preferences": {"cheese": 0.99, "decoy": 0.1, "corner": 0.1},
            "share": {
                "held_out": {"mean": 0.412, "low": 0.361, "high": 0.463},
                "target": {"mean": 0.407, "low": 0.355, "high": 0.459},
            },
            "margin": 0.4123,
            "confirmed": True,
            "interventions": {
                "layer": "dense_2",
                "selectivity": {"mean": 4.375, "low": 3.125, "high": 5.625},
                "slope": {"own": 1.03, "other": -0.21, "random": 0.12},
            },
        },
        {
            "words": "active everywhere; pushes toward the corner",
            "preferences": {"cheese": 0.1, "decoy": 0.0, "corner": 0.99},
            "share": {
                "held_out": {"mean": 0.302, "low": 0.251, "high": 0.353},
                "target": {"mean": 0.309, "low": 0.257, "high": 0.361},
            },
            "margin": 0.1234,
            "confirmed": False,
        },
    ],
    "shardness": {"mean": 0.0217, "low": 0.0141, "high": 0.0293},
    "explained": 0.6047,
    "explained_by_activations": {
        "layer": "dense_2",
        "mean": 0.62,
        "low": 0.6,
        "high": 0.64,
        "views": {"dense_1": 0.45, "dense_2": 0.62, "raw input": 0.3, "shuffled activations": 0.2},
    },
    "views": [
        {
            "status": status,
            "behaviour": {"says": "yes", "reason": "margin"},
            "activations": {"says": "yes", "reason": "ablation"},
            "parameters": {"says": "no", "reason": "no cluster"},
        }
        for status in ("confirmed", "unconfirmed")
    ],
    "directions": [
        {
            "layer": "dense_1",
            "method": "dictionary",
            "components": ["3 of 8", "1 of 4"],
            "score": {"mean": 0.354, "low": 0.243, "high": 0.461},
            "null": {"random directions": 0.3011, "shuffled gates": -0.0123},
        }
    ],
    "agreement": {"dense_1": 0.1023, "dense_2": 0.3891, "raw input": 0.0212},
    "verdict": "shards",
    "constancy": {"near-corner": "drifted", "near-cheese": "undecided", "contested": "drifted"},
    "reflection": {
        "near-corner": {
            "contexts": [8, 7],
            "models": {
                "turns": {
                    "verdict": "drifted",
                    "carry_over": 0.8125,
                    "drift": {
                        "hit_cheese": {"mean": 0.0812, "low": 0.0713, "high": 0.0914},
                        "competence": {"mean": -0.0115, "low": -0.0216, "high": -0.0017},
                    },
                }
            },
        }
    },
    "diagnosis": {"world": "representation", "section": None, "representation": "corner"},
}


def fill(run: Run) -> Run:
    """Write all results into a trained run."""
    seeds = len(run.seeds)
    steps = np.asarray(run.training["steps"], float)
    files = {
        "shards.nc": dataset_to_bytes(shards(seeds)),
        "track.nc": dataset_to_bytes(track(steps, seeds)),
        "reflection.nc": dataset_to_bytes(reflection(seeds)),
        "diagnosis.json": json_to_bytes(DIAGNOSIS),
        "summary.json": json_to_bytes(run.summary | SUMMARY),
    }
    with run.store.writing():
        run.store.write_all(files)
    return run
