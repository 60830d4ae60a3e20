"""The plain figures of a table of shards: what `summary.json` says and the report is written from.

Axis letters: S agents (seeds) · K shards.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.statistics import plain_interval, sign_flip_p
from shardsim.shards import decide, object_summary
from shardsim.shards.evidence import components, dose_response, report
from shardsim.shards.evidence.built import built
from shardsim.shards.fit.models import AFFORDANCE, CEILING, PERMUTED, RIVALS, SHARDS
from shardsim.shards.history import remembered
from shardsim.shards.schema import by_seed

CEILINGS = (AFFORDANCE, SHARDS, CEILING, PERMUTED)


def summary(data: xr.Dataset) -> dict[str, Any]:
    """Return plain values: shards with their evidence, shares, shardness, agreement, verdict."""
    views = [one.plain() for one in decide.reports(data)]
    interval = {end: data.attrs[f"shardness_{end}"] for end in ("mean", "low", "high")}
    return {
        "num_shards": data.sizes["shard"],
        "shards": _shards(data),
        "rest": {str(part): _shares(data, "rest_share", rest=part) for part in data["rest"].values},
        "shardness": interval,
        "best_rivals": best_rivals(data),
        "shardness_test": shardness_test(data),
        "explained": float(by_seed(data, "explained").mean()),
        **explained_by_activations(data),
        **object_summary.summary(data),
        "components": components.summary(data),
        "agreement": agreement(data),
        **activity(data),
        **unit_groups(data),
        "built": [one.as_data() for one in built(data)],
        "views": views,
        "statuses": report.counted(views),
        "ceiling": ceiling(data),
        **remembered.summary(data),
        "verdict": data.attrs["verdict"],
        "basis": data.attrs["basis"],
        **json.loads(data.attrs["separation"]),
    }


def _shards(data: xr.Dataset) -> list[dict[str, Any]]:
    dosed = dose_response.summaries(data)
    margin = by_seed(data, "margin").mean(0)
    rows = []
    for k, shard in enumerate(data["shard"].values):
        preference = data["preferences"].sel(shard=shard)
        rows.append(
            {
                "name": str(data["shard_name"].values[k]),
                "words": str(data["words"].values[k]),
                "preferences": {
                    str(name): float(preference.sel(concept=name))
                    for name in data["concept"].values
                },
                "share": _shares(data, "share", shard=shard),
                "margin": float(margin[k]),
                "confirmed": str(data["status"].values[k]) == "confirmed",
                **dosed[k],
            }
        )
    return rows


def _shares(data: xr.Dataset, name: str, **part: Any) -> dict[str, dict[str, float]]:
    """A share with its interval over every battery."""
    share, ends = data[name].sel(part), data[f"{name}_interval"].sel(part)
    found = {}
    for battery in data["battery"].values:
        low, high = (float(ends.sel(battery=battery, end=end)) for end in ("low", "high"))
        mean = float(share.sel(battery=battery).mean())
        found[str(battery).replace("-", "_")] = {"mean": mean, "low": low, "high": high}
    return found


def best_rivals(data: xr.Dataset) -> list[str]:
    """Return for each seed the rival of fewest held-out bits, which shardness is measured from."""
    names = [name for name in RIVALS if name in data["model"].values]
    bits = by_seed(data.sel(model=names), "bits")
    return [names[best] for best in np.nanargmin(bits, axis=1)]


def shardness_test(data: xr.Dataset) -> dict[str, float | None]:
    """Return exact one-sided p-values over seeds, and what they are judged against.

    `p_value`: that shards predict no better than the best rival; `p_value_above_nulls`: that their
    lead is no larger than in the null of the same seed with the largest; `threshold`: the largest
    mean of a null, in bits per decision; `smallest_p`: the least that so many seeds can give.
    """
    own = decide.shardness_by_seed(data)
    nulls = by_seed(data, "null_shardness")
    return {
        "p_value": sign_flip_p(own),
        "p_value_above_nulls": sign_flip_p(own - nulls.max(1)),
        "threshold": decide.null_threshold(data),
        "smallest_p": float(0.5 ** len(own)),
    }


def explained_by_activations(data: xr.Dataset) -> dict[str, Any]:
    """What gates read from the best layer explain, beside every other source; nothing without."""
    if "explained_by_source" not in data:
        return {}
    names = [str(name) for name in data["gate_source"].values]
    explained = by_seed(data, "explained_by_source")
    mean = dict(zip(names, map(float, explained.mean(0)), strict=True))
    best = max((str(name) for name in data["layer"].values), key=lambda name: mean[name])
    ends = plain_interval(explained[:, names.index(best)])
    return {"explained_by_activations": {"layer": best, **ends, "sources": mean}}


def agreement(data: xr.Dataset) -> dict[str, Any]:
    """Label -> view -> adjusted mutual information, mean over layers with its interval over seeds.

    And by layer; nothing without activations, and no view that could not be had.
    """
    if "label" not in data.dims:
        return {}
    names = [str(name) for name in data["layer"].values]
    found: dict[str, Any] = {}
    for label in map(str, data["label"].values):
        found[label] = {}
        for view in map(str, data["view"].values):
            values = by_seed(data.sel(label=label, view=view), "agreement")
            if np.isfinite(values).all():
                layers = dict(zip(names, map(float, values.mean(0)), strict=True))
                found[label][view] = {**plain_interval(values.mean(1)), "layers": layers}
    return found


def activity(data: xr.Dataset) -> dict[str, Any]:
    """Shard -> how well the size of its object's effect says that it is active, beside controls.

    Means over layers, with an interval over seeds; only shards for objects that can be removed.
    """
    found: dict[str, Any] = {}
    for name, said in (("", "mean"), ("_untrained", "untrained"), ("_shuffled", "shuffled")):
        if f"activity_auc{name}" not in data:
            continue
        values = by_seed(data, f"activity_auc{name}").mean(1)
        for place, shard in enumerate(map(str, data["shard_name"].values)):
            if np.isfinite(values[:, place]).all():
                told = found.setdefault(shard, {})
                ends = plain_interval(values[:, place])
                told |= ends if said == "mean" else {said: ends["mean"]}
    return {"activity_auc": found} if found else {}


def unit_groups(data: xr.Dataset) -> dict[str, Any]:
    """Shard -> what ablating the units of its object costs it and others, beside random units.

    Parts of a strength, means over layers with intervals over seeds; random ones, mean over them.
    """
    if "group_lost" not in data:
        return {}
    names = ("group_lost", "group_lost_other", "group_lost_random", "group_lost_other_random")
    own, other, *random = (by_seed(data, name) for name in names)
    by_source = {"lost": own, "other": other, "random": random[0].mean(-1)}
    by_source["other_random"] = random[1].mean(-1)
    found = {}
    for place, shard in enumerate(map(str, data["shard_name"].values)):
        if not np.isfinite(own[:, :, place]).any(1).all():
            continue
        found[shard] = {
            source: plain_interval(np.nanmean(values[:, :, place], 1))
            for source, values in by_source.items()
            if np.isfinite(values[:, :, place]).any(1).all()
        }
    return {"unit_groups": found} if found else {}


def ceiling(data: xr.Dataset) -> dict[str, Any]:
    """Return bits per decision of the shards and of the ceilings, in all and by distance.

    The distance is that to the nearest concept; mean over seeds, None where no context is so far.
    """
    bins = [str(name) for name in data["distance_bin"].values]
    rows = {}
    for name in CEILINGS:
        whole, near = (
            by_seed(data.sel(model=name), variable).mean(0)
            for variable in ("bits", "bits_by_distance")
        )
        known = [float(value) if np.isfinite(value) else None for value in near]
        rows[name] = {"mean": float(whole), "by_distance": dict(zip(bins, known, strict=True))}
    return rows
