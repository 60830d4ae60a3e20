"""The goals of `benchmarks/reflection.py`: what was asked, what was found, met or not."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.reflection.config import CONTROLS

STEADY, DECIDED = 0.95, 0.8  # goals: of what the sham leaves constant, of classes with a verdict


def models_of(data: xr.Dataset) -> list[str]:
    """Return the models that have values, nulls last."""
    known = [str(m) for m in data["value_change"].dropna("model", how="all")["model"].values]
    return sorted(known, key=lambda model: model in CONTROLS)


def goals(tables: dict[str, xr.Dataset]) -> list[tuple[str, ...]]:
    """Return a line a goal: what was asked, what was found, met or not."""
    rows = []
    models = models_of(next(iter(tables.values())))
    for null in (model for model in models if model in CONTROLS):
        said = np.concatenate(
            [data["kind_says"].sel(model=null).values.ravel() for data in tables.values()]
        )
        said = said[said != "undefined"]
        share = float((said == "constant").mean()) if said.size else 0.0
        goal = f"values constant under {null}" + (
            f" ≥ {STEADY:.0%}" if null.startswith("sham") else ""
        )
        met = ("met" if share >= STEADY else "not met") if null.startswith("sham") else ""
        rows.append((goal, f"{share:.0%} of {said.size}", met))
    for model in models:
        said = np.concatenate(
            [data["kind_verdict"].sel(model=model).values for data in tables.values()]
        )
        said = said[said != "undefined"]
        share = float(np.isin(said, ("constant", "drifted")).mean()) if said.size else 0.0
        goal = f"classes of onsets decided under {model} ≥ {DECIDED:.0%}"
        words = ", ".join(f"{(said == one).sum()} {one}" for one in dict.fromkeys(said.tolist()))
        met = "met" if share >= DECIDED else "not met"
        rows.append((goal, f"{share:.0%} of {said.size}: {words}", met))
        rows += either_way(model, list(tables.values()))
    return rows


def either_way(model: str, tables: list[xr.Dataset]) -> list[tuple[str, ...]]:
    """Return a line: classes decided on means or by distance; none where this was not asked."""
    if not all("distance_verdict" in data for data in tables):
        return []
    both = [
        np.stack([data[name].sel(model=model).values for data in tables], -1)
        for name in ("kind_verdict", "distance_verdict")
    ]
    means, far = (said[both[0] != "undefined"] for said in both)
    decided = [np.isin(said, ("constant", "drifted")) for said in (means, far)]
    share = float(np.logical_or(*decided).mean()) if means.size else 0.0
    hidden = int(((means != "drifted") & (far == "drifted")).sum())
    words = f"{share:.0%} of {means.size}, {hidden} of them drifted by distance alone"
    goal = f"classes decided under {model} on means or by distance ≥ {DECIDED:.0%}"
    return [(goal, words, "met" if share >= DECIDED else "not met")]
