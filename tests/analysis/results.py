"""Results with known numbers, in the published schema, written into a run that is only trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.runs import forecasts
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.run import STABILITY, Run
from shardsim.runs.store import MADE_BY
from shardsim.shards import stored_models
from shardsim.shards.decide import decided
from shardsim.shards.evidence import agreement
from shardsim.shards.fit.atoms import Atom
from shardsim.shards.fit.models import AFFORDANCE, CEILING, GAIN, PLANNER, UTILITY
from shardsim.shards.fit.models import SHARDS as SHARED
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.schema import SHARDS, TRACK
from tests.analysis.reflected import foreseen, reflection
from tests.analysis.stable import stability
from tests.analysis.summary import DIAGNOSIS, SUMMARY

CONCEPTS = ["cheese", "decoy", "corner"]
PREFERENCES = np.array([[0.99, 0.1, 0.1], [0.1, 0.0, 0.99]])
BATTERIES = ["held-out", "target"]
MODELS = [AFFORDANCE, UTILITY, GAIN, PLANNER, SHARED, CEILING]
DOSES = [-1.0, 0.0, 1.0, 2.0]
BINS = ["1", "2", "3", "4-5", "6+"]
LAYERS = ["dense_1", "dense_2"]


def generator() -> np.random.Generator:
    """The one source of chance here."""
    return np.random.default_rng(0)


CONTEXTS = 400  # of the target battery, as the config of the tests says


def gates(seeds: int) -> np.ndarray:
    """Gates f[seed, context, shard]: the first on in half of the contexts, the second always."""
    first = np.where(np.arange(CONTEXTS) % 2 == 0, 2.0, 0.0)
    return np.stack([first, np.full(CONTEXTS, 0.8)], -1) + np.zeros((seeds, 1, 1))


def models(seeds: int) -> list[ShardModel]:
    """A cheese shard that is on in half of the contexts of `gates`, and one at 0.8 everywhere."""
    one = ShardModel(
        atoms=(Atom(),),
        coefficients=np.array([[0.0, 0.8]]),
        preferences=PREFERENCES,
        gates=gates(1)[0],
        habit=np.zeros(4),
        affordance_coefficients=np.zeros(1),
        affordance=np.zeros(CONTEXTS),
        predicted=np.zeros((CONTEXTS, 4)),
    )
    return [one] * seeds


def ends(values: np.ndarray, reach: float) -> np.ndarray:
    """Intervals f[..., end] around values."""
    return np.stack([values - reach, values + reach], -1)


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
    values = {
        "preferences": PREFERENCES,
        "gates": gates(seeds),
        "share": share[..., :2],
        "share_interval": ends(share[..., :2].mean(1), 0.05),
        "share_interval_by_seed": ends(share[..., :2], 0.05),
        "rest_share": share[..., 2:],
        "rest_share_interval": ends(share[..., 2:].mean(1), 0.02),
        "rest_share_interval_by_seed": ends(share[..., 2:], 0.02),
        "margin": np.tile([0.4, 0.1], (seeds, 1)),
        "held": np.ones((seeds, 2), bool),
        "own_verdict": np.array(["shards"] * seeds),
        "status": np.array(["", ""], dtype="<U12"),
        "words": np.array(["wants cheese", "wants the corner"]),
        "words_by_seed": np.array([["wants cheese", "wants the corner"]] * seeds),
        "bits": bits,
        "bits_conflict": bits * 1.2,
        "shardness_by_level": np.tile((bits[3] - bits[4])[:, None], (1, 6)),
        "explained": np.full(seeds, 0.6),
        "null_shardness": np.full((1, seeds), -0.01),
        "readable": np.ones((seeds, 2), bool),
        "specific": np.tile([True, False], (seeds, 1)),
        "erases_another": np.zeros((seeds, 2), bool),
        **effects(seeds),
        "explained_by_source": np.array([0.45, 0.62, 0.3, 0.2]) + np.zeros((seeds, 1)),
        "influence_signed": signed,
        "influence_in_model": signed * 0.5,
        "influence_mirror": mirrored,
        **stored_models.write(models(seeds)),
        **objects(seeds),
        **doses(seeds),
        **updates(seeds),
    }
    coordinates = {
        "seed": list(range(seeds)),
        "shard": [1, 2],
        "shard_name": ["cheese", "corner"],
        "concept": CONCEPTS,
        "battery": BATTERIES,
        "model": MODELS,
        "layer": LAYERS,
        "label": list(agreement.LABELS),
        "view": list(agreement.VIEWS),
        "dose": DOSES,
        "event_kind": ["cheese", "none"],
        "event_checkpoint": [1, 2],
        "gate_source": [*LAYERS, "raw input", "shuffled activations"],
        "rest": ["habit", "affordance", "residual"],
        "end": ["low", "high"],
        "distance_bin": BINS,
        "object": CONCEPTS[:2],
        "object_part": ["base", *CONCEPTS[:2], "interactions"],
        "base_part": ["habit", "affordance", "corner", "walking"],
        "residual_part": ["objects", "base"],
        "remedy": ["other gates", "straight lines"],
        "place": ["corner"],
        "place_test": ["unmoved", "mark stays in the frame", "mark moves with the maze"],
        "place_target": ["maze", "frame"],
    }
    about = {"identified_on": "target", "basis": "moves", "separation": "{}"}
    return decided(labelled(SHARDS, values, coordinates, about))


def effects(seeds: int) -> dict[str, Any]:
    """Raw clusters that follow the action, effects that follow the cheese shard; no corner's."""
    information = np.full((seeds, len(agreement.LABELS), len(agreement.VIEWS), 2), 0.02)
    views = {name: number for number, name in enumerate(agreement.VIEWS)}
    information[:, 2, views[agreement.ACTIVATIONS]] = [0.4, 0.5]
    for name in (agreement.SIZES, agreement.EFFECTS):
        information[:, 1, views[name]] = [0.2, 0.3]
    by_shard = {"activity_auc": 0.9, "activity_auc_untrained": 0.55, "activity_auc_shuffled": 0.5}
    by_shard |= {"group_lost": 0.6, "group_lost_other": 0.2}
    nothing = np.array([0.0, np.nan])  # of the corner, which cannot be removed
    rows = {name: value + nothing + np.zeros((seeds, 2, 1)) for name, value in by_shard.items()}
    drawn = nothing[:, None] + np.full((seeds, 2, 2, 3), 0.3)
    groups = {"group_lost_random": drawn, "group_lost_other_random": drawn}
    return {"agreement": information, "group_size": np.full((seeds, 2, 2), 4), **rows, **groups}


def objects(seeds: int) -> dict[str, Any]:
    """The cheese has a quarter of the influence by removal, and the residual is half without it."""
    share = np.array([0.6, 0.25, 0.1, 0.05]) + np.zeros((seeds, 1))
    pull = np.array([[2.5, 0.0], [0.2, 2.4], [0.3, 2.2]])
    return {
        "object_share": share,
        "object_share_interval": ends(share.mean(0), 0.03),
        "object_share_interval_by_seed": ends(share, 0.02),
        "object_share_untrained": np.full((seeds, 4), 0.25),
        "base_share": np.array([0.1, 0.2, 0.3, 0.4]) + np.zeros((seeds, 1)),
        "objects_explained": np.full(seeds, 0.57),
        "objects_explained_by_covariates": np.full(seeds, 0.63),
        "objects_explained_freely": np.full(seeds, 0.88),
        "effect_along": np.array([0.7, np.nan]) + np.zeros((seeds, 1)),
        "effect_gate_correlation": np.array([0.8, np.nan]) + np.zeros((seeds, 1)),
        "effect_gate_gap": np.array([-2.0, -1.0, 0.0, 0.1, np.nan]) + np.zeros((seeds, 2, 1)),
        "residual_part_by_distance": np.full((seeds, 2, 5), 0.1),
        "residual_covariate": np.array(["near_corner"] * seeds),
        "residual_located": np.full(seeds, 0.2),
        "residual_reduced": np.array([0.2, -0.1]) + np.zeros((seeds, 1)),
        "place_pull": pull + np.zeros((seeds, 1, 1, 1)),
        "place_shifted": np.full((seeds, 1), np.nan),
        "place_shiftable": 0.0,
    }


def doses(seeds: int) -> dict[str, Any]:
    """Shards that follow their dose; in the second layer the other one less so."""
    dose = np.array(DOSES)
    line = (1.0 + dose)[:, None] + np.zeros((seeds, 2, 1, 2))
    drag = np.array([0.5, 0.1])[:, None, None]
    return {
        "dose_own": line,
        "dose_other": 1.0 - drag * (line - 1.0),
        "dose_random": np.ones((seeds, 2, 2, 3, len(dose))),
        "selectivity": 1.0 / drag[..., 0] + np.zeros((seeds, 2, 2)),
        "slope_own": np.ones((seeds, 2, 2)),
    }


def updates(seeds: int) -> dict[str, Any]:
    """Cheese, which pays in three of four episodes, strengthens the corner's shard alone."""
    push = np.array([[-0.5, 0.8], [0.1, -0.2]]) + 0.1 * np.arange(seeds)[:, None, None]
    return {
        "event_counts": np.array([12, 4]) + np.zeros((2, seeds, 1), int),
        "event_reached": np.array([[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]]),
        "update_push": np.stack([push, push + 0.2]),
        "update_push_chance": np.array([[[-0.3, 0.1], [0.2, 0.6]], [[-0.4, 0.4], [-0.3, 0.5]]]),
        "update_p_value": np.array([[0.9, 0.005], [0.4, 0.7]]),
        "update_p_value_by_seed": np.full((seeds, 2, 2), 0.1),
    }


def track(steps: np.ndarray, updates: list[int], seeds: int) -> xr.Dataset:
    """Shares that grow from nothing; the second and the last checkpoint are also fitted alone."""
    final = all_parts(shards(seeds).sel(battery="target"))
    start = np.array([0.0, 0.0, 0.5, 0.1, 0.4])
    ramp = np.linspace(0, 1, len(steps))[:, None, None]
    share = (1 - ramp) * start + ramp * final
    checked = np.isin(np.arange(len(steps)), [1, len(steps) - 1])[:, None]
    values = {
        "preferences": PREFERENCES,
        "share": share[..., :2],
        "rest_share": share[..., 2:],
        "separate_shards": np.where(checked, 2.0, np.nan) + np.zeros(seeds),
        "match_cosine": np.where(checked, 0.8766, np.nan)[..., None] + np.zeros((seeds, 2)),
    }
    coordinates = {
        "steps": steps,
        "checkpoint": range(len(updates)),
        "update": updates,
        "shard": [1, 2],
        "shard_name": ["cheese", "corner"],
        "concept": CONCEPTS,
        "rest": ["habit", "affordance", "residual"],
    }
    return labelled(TRACK, values, coordinates, {"threshold": 0.4})


def all_parts(data: xr.Dataset) -> np.ndarray:
    """Shares f[seed, 5]."""
    return np.concatenate([data["share"].values, data["rest_share"].values], -1)


def fill(run: Run) -> Run:
    """Write all results into a trained run."""
    seeds = len(run.seeds)
    steps = np.asarray(run.training["steps"], float)
    scored = {"forecast": forecasts.scored(foreseen(seeds), reflection(seeds))}
    files = {
        "shards.nc": dataset_to_bytes(shards(seeds)),
        "track.nc": dataset_to_bytes(track(steps, run.updates, seeds)),
        "reflection.nc": dataset_to_bytes(reflection(seeds)),
        STABILITY: dataset_to_bytes(stability(seeds)),
        forecasts.FORECAST: foreseen(seeds),
        "reflection.json": json_to_bytes(scored),
        "diagnosis.json": json_to_bytes(DIAGNOSIS),
        "summary.json": json_to_bytes(run.summary | SUMMARY | scored),
    }
    with run.store.writing():
        run.store.write_all(files)
        for stage in set(MADE_BY.values()):
            run.store.finish(stage)
    return run
