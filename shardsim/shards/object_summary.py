"""What objects do by intervention, and the residual by name, as plain figures of a summary.

Axis letters: S agents (seeds).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.statistics import SHARE, Bounds, Interval, cut, plain_interval
from shardsim.shards.influence.shares import by_concept
from shardsim.shards.schema import by_seed

Plain = dict[str, Any]

EXPLAINED = ("objects_explained", "objects_explained_by_covariates", "objects_explained_freely")
AT_MOST_ALL: Bounds = (-np.inf, 1.0)
CORRELATION: Bounds = (-1.0, 1.0)


def summary(data: xr.Dataset) -> Plain:
    """Return {"objects": …}; nothing where no object was removed."""
    if "object_share" not in data:
        return {}
    return {
        "objects": {
            "shares": _shares(data),
            "base": dict(zip(_names(data, "base_part"), _means(data, "base_share"), strict=True)),
            **{
                name.removeprefix("objects_"): over_seeds(by_seed(data, name), AT_MOST_ALL)
                for name in EXPLAINED
            },
            "gates": _gates(data),
            "residual": _residual(data),
            "places": _places(data),
        }
    }


def over_seeds(values: np.ndarray, within: Bounds | None = None) -> dict[str, float] | None:
    """Return the interval over the known seeds of f[S], cut at bounds; None where none is known."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    found = cut(Interval(*plain_interval(known).values()), within)
    return {name: float(value) for name, value in found._asdict().items()}


def fitted_parts(data: xr.Dataset) -> np.ndarray:
    """Return float64[S, parts]: fitted shares beside those by intervention; none of interactions.

    The base is what is fitted to places, habit and affordance; the rest to 1 is the residual.
    """
    on = data.sel(battery=data.attrs["identified_on"])
    preferences = data["preferences"].transpose("shard", "concept").values
    share = by_concept(by_seed(on, "share"), preferences)  # [S, concepts]
    names, objects = _names(data, "concept"), _names(data, "object")
    wanted = [share[:, names.index(name)] for name in objects]
    places = share[:, [n for n, name in enumerate(names) if name not in objects]].sum(1)
    rest = by_seed(on.sel(rest=["habit", "affordance"]), "rest_share").sum(1)
    return np.stack([places + rest, *wanted, np.full(len(share), np.nan)], 1)


def _names(data: xr.Dataset, dim: str) -> list[str]:
    return [str(name) for name in data[dim].values]


def _means(data: xr.Dataset, name: str) -> list[float]:
    return [float(value) for value in by_seed(data, name).mean(0)]


def _shares(data: xr.Dataset) -> Plain:
    fitted = fitted_parts(data)
    found = {}
    for at, part in enumerate(_names(data, "object_part")):
        ends = data["object_share_interval"].sel(object_part=part)
        row: Plain = {"mean": float(by_seed(data, "object_share")[:, at].mean())}
        row |= {str(end): float(ends.sel(end=end)) for end in ("low", "high")}
        row["fitted"] = over_seeds(fitted[:, at], SHARE)
        if "object_share_untrained" in data:
            row["untrained"] = over_seeds(by_seed(data, "object_share_untrained")[:, at], SHARE)
        found[part] = row
    return found


def _gates(data: xr.Dataset) -> Plain:
    """How fitted pulls agree with main effects, and the distance at which they differ most."""
    bins, found = _names(data, "distance_bin"), {}
    correlation, along, gap = (
        by_seed(data, name)
        for name in ("effect_gate_correlation", "effect_along", "effect_gate_gap")
    )
    for at, name in enumerate(_names(data, "object")):
        rows = {near: over_seeds(gap[:, at, place]) for place, near in enumerate(bins)}
        known = {near: row for near, row in rows.items() if row is not None}
        worst = max(known, key=lambda near: abs(known[near]["mean"]), default=None)
        found[name] = {
            "correlation": over_seeds(correlation[:, at], CORRELATION),
            "along_advantage": over_seeds(along[:, at], SHARE),
            "largest_gap": None if worst is None else {"distance": worst, **known[worst]},
        }
    return found


def _residual(data: xr.Dataset) -> Plain:
    parts = by_seed(data, "residual_part_by_distance").sum(2)
    named = Counter(str(name) for name in by_seed(data, "residual_covariate"))
    reduced = by_seed(data, "residual_reduced")
    return {
        **{name: over_seeds(parts[:, n]) for n, name in enumerate(_names(data, "residual_part"))},
        "covariate": named.most_common(1)[0][0],
        "located": over_seeds(by_seed(data, "residual_located")),
        "reduced": {n: over_seeds(reduced[:, at]) for at, n in enumerate(_names(data, "remedy"))},
    }


def _places(data: xr.Dataset) -> Plain:
    """Pull toward each place in the maze and in the frame, as the maze is flipped."""
    if "place_pull" not in data:
        return {}
    pull, found = by_seed(data, "place_pull"), {}
    for at, name in enumerate(_names(data, "place")):
        tests = _names(data, "place_test")
        found[name] = {
            "pull": {
                test: {
                    target: over_seeds(pull[:, at, variant, side])
                    for side, target in enumerate(_names(data, "place_target"))
                }
                for variant, test in enumerate(tests)
            },
            "shiftable": float(data["place_shiftable"]),
            "shifted": over_seeds(by_seed(data, "place_shifted")[:, at]),
        }
    return found
