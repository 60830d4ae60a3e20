"""What reflection did to the agents of a run, in plain values: a part for each class of onsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.base.statistics import Interval, cut
from shardsim.env.core import Env
from shardsim.reflection import onsets
from shardsim.reflection.config import USUAL, ReflectConfig, leading
from shardsim.reflection.kinds import UNDEFINED, over_all
from shardsim.reflection.schema import REFLECTION
from shardsim.reflection.tables import in_order


def summary(found: xr.Dataset, config: ReflectConfig) -> dict[str, Any]:
    """Return plain values: the verdict of each class of onsets, and what moved in each model.

    κ is given only where every seed lost at most `config.competence` of its return ratio.
    """
    first, competence = leading(config.models), config.competence
    told: dict[str, Any] = {"constancy": {}, "reflection": {}}
    for kind in found["kind"].values.tolist():
        of_class = (found["onset_class"] == kind).values
        here = found.sel(kind=kind).isel(onset=of_class)
        told["constancy"][kind] = str(here["kind_verdict"].sel(model=first).item())
        told["reflection"][kind] = {
            "contexts": here["contexts"].sum("onset").values.tolist(),
            "onsets": int(of_class.sum()),
            "model": first,
            "first": _first(here, first),
            "saturated": float(here["saturated"].mean()),
            "judges": here["judge"].mean(("onset", "seed")).values.tolist(),
            "judges_identified": float(here["judge_identified"].mean()),
            "tolerance": float(found.attrs["epsilon"]),
            "value_change": _value_changes(here.sel(model=first)),
            "models": {
                model: _told(here.sel(model=model), competence)
                for model in found["model"].values.tolist()
            },
        }
    return told


def _first(here: xr.Dataset, model: str) -> dict[str, dict[str, float]]:
    """Return by outcome how likely it is reached first before reflection, over seeds and onsets."""
    before = here["hit"].sel(model=model, step=0).transpose("outcome", "onset", "seed")
    shared = here["shared_contexts"].values
    return {
        str(name): _plain(cut(over_all(values, shared)))
        for name, values in zip(here["outcome"].values, before.values, strict=True)
        if np.isfinite(values).any()
    }


def _plain(found: Interval) -> dict[str, float]:
    return {name: float(value) for name, value in found._asdict().items()}


def _value_changes(here: xr.Dataset) -> list[dict[str, dict[str, Any]]]:
    """Return for each shard, by place, the change of its value over its range, and the verdict."""
    if not np.isfinite(here["kind_change"]).all():
        return []
    return [
        {
            str(place): {
                "mean": float(one["kind_change"]),
                **{end: float(one["kind_interval"].sel(end=end)) for end in ("low", "high")},
                "verdict": str(one["kind_says"].item()),
                "detectable": float(one["detectable"]),
            }
            for place in here["place"].values
            for one in [here.sel(shard=shard, place=place)]
        }
        for shard in here["shard"].values
    ]


def _told(here: xr.Dataset, competence: float) -> dict[str, Any]:
    lost = here["competence"].isel(step=0) - here["competence"].isel(step=-1)
    lost = lost.values[np.isfinite(lost.values)]
    holds = bool(lost.size and (lost <= competence).all())
    kept = here["carry_over"].values
    kept = kept[np.isfinite(kept)]
    drift = {
        str(name): {"mean": float(mean), "low": float(low), "high": float(high)}
        for name, mean, (low, high) in zip(
            here["quantity"].values,
            here["kind_drift"].values,
            here["kind_drift_interval"].transpose("quantity", "end").values,
            strict=True,
        )
        if np.isfinite(mean)
    }
    return {
        "verdict": str(here["kind_verdict"].item()),
        "beyond": _ends(here["beyond"], here["beyond_interval"]),
        "distance": _distance(here),
        **{name: _count(here[name]) for name in ("seeds_needed", "onsets_needed")},
        "competence_holds": holds,
        "carry_over": float(kept.mean()) if holds and kept.size else None,
        "drift": drift,
    }


def _distance(here: xr.Dataset) -> dict[str, Any] | None:
    """Return the verdict by distance, and the largest distance beyond the sham; None if unknown."""
    beyond = here["distance_beyond"].transpose("place", "shard").values
    told: dict[str, Any] = {"verdict": str(here["distance_verdict"].item())}
    if not np.isfinite(beyond).all():
        return told if np.isfinite(here["distance"]).all() else None
    at = np.unravel_index(beyond.argmax(), beyond.shape)
    ends = here["distance_beyond_interval"].transpose("place", "shard", "end").values[at]
    return told | {"mean": float(beyond[at]), "low": float(ends[0]), "high": float(ends[1])}


def _ends(mean: xr.DataArray, interval: xr.DataArray) -> dict[str, float] | None:
    """Return a mean with its interval; None where it is not known."""
    if not np.isfinite(mean):
        return None
    low, high = (float(interval.sel(end=end)) for end in ("low", "high"))
    return {"mean": float(mean), "low": low, "high": high}


def _count(value: xr.DataArray) -> int | None:
    """Return a number of seeds or onsets; None where none would decide, or nothing is known."""
    return int(value) if np.isfinite(value) else None


def nothing(env: Env, models: Sequence[str] = USUAL) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return the tables and the summary where there is no shard, so that nobody judges."""
    names = onsets.classes([env.concept_names[0], env.concept_names[-1]])
    verdict = np.full((len(names), len(models)), UNDEFINED, dtype=object)
    coordinates = {"onset": list(names), "kind": list(names), "model": in_order(models)}
    said = {"verdict": verdict, "kind_verdict": verdict}
    found = labelled(REFLECTION, said, coordinates)
    return found, {"constancy": dict.fromkeys(names, UNDEFINED), "reflection": {}}
