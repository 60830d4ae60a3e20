"""What was found out about a run's shards, as a labelled Dataset and as a plain summary.

Axis letters: S agents (seeds) · C contexts · K shards · O concepts · A actions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.statistics import Interval, t_interval
from shardsim.shards.contexts.sampling import DISTANCE_BINS
from shardsim.shards.describe import describe
from shardsim.shards.evidence.components import direction_summary
from shardsim.shards.fit.data import in_conflict
from shardsim.shards.fit.verdict import LEAST_EXPLAINED
from shardsim.shards.fit.verdict import RIVALS as FITTED
from shardsim.shards.identify import ENTROPY, NAMES, bits_of
from shardsim.shards.influence.influence import by_distance
from shardsim.shards.influence.shares import REST
from shardsim.shards.population import NULLS, Population, margins_of, match
from shardsim.shards.view_tables import (
    Variables,
    by_activations,
    cluster_agreement,
    intervened,
    readable_gates,
    view_coordinates,
    view_variables,
)

BATTERIES = ("held-out", "target")
RIVALS = tuple(NAMES[name] for name in FITTED)


def shardness(found: Population) -> Interval:
    """Return shardness in bits a decision: mean over seeds and Student's interval, paired by seed.

    With one seed the interval is over its levels.
    """
    by_seed = np.array([one.shardness for one in found.own])
    if len(by_seed) > 1:
        return t_interval(by_seed)
    return t_interval(found.own[0].judgement.shardness_by_level)


def verdict(found: Population) -> str:
    """Say what the run's agents are: "shards", "one utility", "cannot tell" or "no structure".

    "shards" needs two shards, a shardness whose interval over seeds lies above zero and whose mean
    lies above that of every null, and no more shards than the dictionary's rank can count.
    """
    each = [one.verdict for one in found.own]
    explained = np.mean([one.explained for one in found.own])
    if not len(found.preferences) or explained < LEAST_EXPLAINED:
        return "no structure"
    if len(found.preferences) == 1:
        return "one utility"
    interval = shardness(found)
    threshold = max(
        float(np.mean([one.shardness for one in fits])) for fits in found.nulls.fits.values()
    )
    if interval.high < 0:
        return "one utility"
    agreed = 2 * each.count("shards") > len(each)
    if interval.low > 0 and interval.mean > threshold and agreed:
        return "shards"
    return "cannot tell"


def confirmed(found: Population) -> np.ndarray:
    """Return bool[K]: behaviour, activations and the causal check agree in most of the seeds."""
    count = len(found.preferences)
    if found.views is None or verdict(found) not in ("shards", "one utility"):
        return np.zeros(count, bool)
    specific = np.stack([check.specific.any(0) for check in found.views.causal])
    return (specific & readable_gates(found)).mean(0) > 0.5


def words(found: Population) -> list[str]:
    """Describe the run's shards by their gates averaged over seeds."""
    target = found.batteries["target"]
    gates = np.mean([model.gates for model in target.models], 0)
    on = target.battery
    return describe(gates, found.preferences, on.concepts, on.covariates, on.weight)


def population_dataset(found: Population, seeds: list[int] | None = None) -> xr.Dataset:
    """Return everything as one Dataset.

    Dims: seed, shard, concept, context (of the target battery), action, layer, battery, model,
    distance_bin, null, rest. `seeds` gives the seeds their names.
    """
    on = found.batteries["target"].battery
    variables = {
        **_shards(found),
        **_shares(found),
        **_bits(found),
        **_influence(found),
        **view_variables(found),
        **_contexts(found),
    }
    coords: dict[str, Any] = {
        "seed": list(range(len(found.own))) if seeds is None else list(seeds),
        "shard": list(range(len(found.preferences))),
        "concept": list(on.concepts),
        "action": list(on.env.action_names),
        "battery": list(BATTERIES),
        "rest": list(REST),
        "model": [*NAMES.values(), ENTROPY],
        "distance_bin": list(DISTANCE_BINS),
        "null": list(NULLS),
        "basis": list(found.basis.losses),
    }
    coords |= view_coordinates(found)
    interval = shardness(found)
    attributes = {
        "verdict": verdict(found),
        "basis": found.basis.name,
        "shardness_mean": float(interval.mean),
        "shardness_low": float(interval.low),
        "shardness_high": float(interval.high),
    }
    return xr.Dataset(variables, coords, attributes)


def _shards(found: Population) -> Variables:
    target = found.batteries["target"]
    return {
        "preferences": (("shard", "concept"), found.preferences),
        "gates": (("seed", "context", "shard"), np.stack([m.gates for m in target.models])),
        "habit": (("seed", "action"), np.stack([m.habit for m in target.models])),
        "affordance": (("seed", "context"), np.stack([m.affordance for m in target.models])),
        "margin": (("shard",), found.margin),
        "confirmed": (("shard",), confirmed(found)),
        "words": (("shard",), np.array(words(found), dtype=str)),
        "alternatives": (("seed",), np.array([len(one.alternatives) for one in found.own])),
        "own_shards": (("seed",), np.array([one.num_shards for one in found.own])),
        "verdict_by_seed": (("seed",), np.array([one.verdict for one in found.own], dtype=str)),
    }


def _shares(found: Population) -> Variables:
    tables = [found.batteries[name] for name in BATTERIES]
    share = np.stack([table.share for table in tables])
    count = len(found.preferences)
    variables: Variables = {
        "share": (("battery", "seed", "shard"), share[..., :count]),
        "rest_share": (("battery", "seed", "rest"), share[..., count:]),
    }
    for number, name in enumerate(REST):
        variables[f"{name}_share"] = (("battery", "seed"), share[..., count + number])
    for end in ("mean", "low", "high"):
        values = np.stack([np.asarray(getattr(table.interval, end)) for table in tables])
        variables[f"share_{end}"] = (("battery", "shard"), values[:, :count])
        variables[f"rest_share_{end}"] = (("battery", "rest"), values[:, count:])
    return variables


def _bits(found: Population) -> Variables:
    data = found.batteries["target"].data
    every = np.ones(len(data[0].logits), bool)
    conflict = in_conflict(data[0])
    pairs = list(zip(found.own, data, strict=True))
    fits = [found.nulls.fits[name] for name in NULLS]
    return {
        "bits": (("model", "seed"), _columns([bits_of(one, d, every) for one, d in pairs])),
        "bits_conflict": (
            ("model", "seed"),
            _columns([bits_of(one, d, conflict) for one, d in pairs]),
        ),
        "shardness": (("seed",), np.array([one.shardness for one in found.own])),
        "shardness_conflict": (
            ("seed",),
            np.array([one.judgement.shardness_conflict for one in found.own]),
        ),
        "explained": (("seed",), np.array([one.explained for one in found.own])),
        "null_shardness": (("null", "seed"), np.array([[f.shardness for f in n] for n in fits])),
        "null_shards": (("null", "seed"), np.array([[f.num_shards for f in n] for n in fits])),
        "basis_loss": (("basis",), np.array([v.mean() for v in found.basis.losses.values()])),
        "null_explained": (("null", "seed"), np.array([[f.explained for f in n] for n in fits])),
    }


def _columns(tables: list[dict[str, float]]) -> np.ndarray:
    """Return float[model, seed] in the order of the axis; NaN for a model that was not built."""
    names = [*NAMES.values(), ENTROPY]
    return np.array([[table.get(name, np.nan) for table in tables] for name in names])


def _influence(found: Population) -> Variables:
    on = found.batteries["target"].battery
    dims = ("seed", "concept", "distance_bin")
    variables: Variables = {}
    for name, values in found.influence._asdict().items():
        variables[f"influence_{name}"] = (dims, by_distance(values, on.distance, on.weight)[0])
    for name in ("signed", "size"):
        values = getattr(found.nulls.influence, name)
        table = by_distance(values, on.distance, on.weight)[0]
        variables[f"influence_{name}_untrained"] = (dims, table)
    variables["influence_signed_in_model"] = (
        dims,
        by_distance(found.in_model, on.distance, on.weight)[0],
    )
    variables["influence_contexts"] = (
        ("concept", "distance_bin"),
        by_distance(found.in_model[0], on.distance, on.weight)[1],
    )
    variables["influence_correlation"] = (("seed", "concept"), _correlation(found))
    return variables


def _correlation(found: Population) -> np.ndarray:
    """Pearson correlation over contexts of the removal in the level with that in the model."""
    real, model = found.influence.signed, found.in_model
    result = np.full((real.shape[0], real.shape[2]), np.nan)
    for seed, concept in np.ndindex(*result.shape):
        known = np.isfinite(real[seed, :, concept])
        a, b = real[seed, known, concept], model[seed, known, concept]
        if known.sum() > 2 and a.std() > 1e-9 and b.std() > 1e-9:
            result[seed, concept] = np.corrcoef(a, b)[0, 1]
    return result


def _contexts(found: Population) -> Variables:
    target = found.batteries["target"]
    on = target.battery
    states = on.states
    return {
        "cell": (("context",), np.asarray(states.fields["cell"])),
        "state": (("context",), np.asarray(on.state_numbers())),
        "level_index": (("context",), on.level_index),
        "weight": (("context",), on.weight),
        "distance": (("context", "concept"), on.distance),
        "logits": (("seed", "context", "action"), np.stack([d.logits for d in target.data])),
        "advantage": (("context", "action", "concept"), on.advantages),
    }


def population_summary(found: Population) -> dict[str, Any]:
    """Return the plain figures of a run: shards, shares, shardness, agreement, verdict."""
    interval = shardness(found)
    said, sure, moved = words(found), confirmed(found), intervened(found)
    concepts = found.batteries["target"].battery.concepts
    ends = {name.replace("-", "_"): found.batteries[name].interval for name in BATTERIES}
    rest = {
        part: {name: _ends(value, len(said) + n) for name, value in ends.items()}
        for n, part in enumerate(REST)
    }
    return {
        "num_shards": len(said),
        "shards": [
            {
                "words": said[k],
                "preferences": dict(zip(concepts, map(float, found.preferences[k]), strict=True)),
                "share": {name: _ends(value, k) for name, value in ends.items()},
                "margin": float(found.margin[k]),
                "confirmed": bool(sure[k]),
                **moved[k],
            }
            for k in range(len(said))
        ],
        "rest": rest,
        "shardness": {name: float(getattr(interval, name)) for name in ("mean", "low", "high")},
        "explained": float(np.mean([one.explained for one in found.own])),
        **by_activations(found),
        "directions": [] if found.views is None else direction_summary(found.views.directions),
        "agreement": cluster_agreement(found),
        "verdict": verdict(found),
        "basis": found.basis.name,
        **_separation(found),
    }


def _separation(found: Population) -> dict[str, Any]:
    """Which hypotheses stood after the first fit, and what was found before contexts were added."""
    if found.proposal is None:
        return {}
    size, rows = found.proposal.battery.size, found.proposal.table()
    if found.before is None:
        return {"separable": {"contexts": size, "hypotheses": rows}}
    first = found._replace(own=found.before.own, preferences=found.before.preferences)
    matches = [match(first.preferences, one.preferences) for one in first.own]
    return {
        "refined": {
            "contexts": size,
            "verdict_before": verdict(first),
            "num_shards_before": len(first.preferences),
            "shardness_before": float(shardness(first).mean),
            "margin_before": margins_of(first.own, matches, len(first.preferences)).tolist(),
            "hypotheses": rows,
        }
    }


def _ends(interval: Interval, part: int) -> dict[str, float]:
    return {name: float(getattr(interval, name)[part]) for name in ("mean", "low", "high")}
