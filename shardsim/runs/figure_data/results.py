"""A run's results as the tables that figures take.

Axes: K seeds, T checkpoints, P parts (shards, then habit, affordance and the unexplained rest),
D distance bins, M models, L layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError, did_you_mean
from shardsim.plot.curves import Curves
from shardsim.plot.influence import Influence
from shardsim.plot.shares import Distribution, Shares
from shardsim.plot.style import AFFORDANCE, HABIT, REST, concept_colour, shard_colours
from shardsim.runs.run import Run
from shardsim.shards.tables import RIVALS

OTHERS = ("habit", "affordance", "unexplained rest")


class Parts(NamedTuple):
    """Names and colours of what the shares are divided among, P."""

    names: list[str]
    colours: list[str]


class Bits(NamedTuple):
    """Bits a decision of every model."""

    models: list[str]  # M
    bits: dict[str, np.ndarray]  # all contexts, in conflict -> f[M, K]
    near: list[str]  # rivals near enough to the shards for their difference to be drawn


def titled(runs: Sequence[Run]) -> dict[str, Run]:
    """A title for each run: its folder's name, told apart by its parent's where two are alike.

    One run alone has no title, so that its figures do not depend on where it is.
    """
    if len(runs) == 1:
        return {"": runs[0]}
    names = [run.path.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [f"{run.path.resolve().parent.name}/{run.path.resolve().name}" for run in runs]
    if len(set(names)) < len(names):
        names = [f"{number}: {name}" for number, name in enumerate(names, start=1)]
    return dict(zip(names, runs, strict=True))


def curves(run: Run) -> Curves:
    """Learning curves of a run on held-out and target levels."""
    training = run.dataset("training.nc")
    ratio = training["achieved"] / training["optimum"]
    return Curves(
        np.asarray(training["steps"], np.float64),
        {
            split: ratio.sel(split=split).transpose("seed", "checkpoint").values
            for split in ("held-out", "target")
        },
    )


def shard_names(data: xr.Dataset) -> list[str]:
    """A short name a shard: what it mostly pushes for, as `cheese` or `cheese + corner`.

    A concept that weighs at least half of the strongest one is named too, and what is avoided
    has `not` before it. Shards with one name are numbered.
    """
    concepts = [str(name) for name in data["concept"].values]
    names = []
    for row in data["preferences"].transpose("shard", "concept").values:
        order = [
            index
            for index in np.argsort(-np.abs(row))
            if abs(row[index]) >= 0.5 * np.abs(row).max()
        ]
        names.append(
            " + ".join(("" if row[index] > 0 else "not ") + concepts[index] for index in order)
        )
    return [
        name if names.count(name) == 1 else f"{name} ({names[:place].count(name) + 1})"
        for place, name in enumerate(names)
    ]


def colours(data: xr.Dataset) -> list[str]:
    """A colour a shard."""
    return shard_colours(data["preferences"].transpose("shard", "concept").values)


def parts(data: xr.Dataset) -> Parts:
    """What the shares are divided among."""
    return Parts([*shard_names(data), *OTHERS], [*colours(data), HABIT, AFFORDANCE, REST])


def all_shares(data: xr.Dataset) -> np.ndarray:
    """Shares f[..., P] of shards, habit, affordance and rest, the last axis summing to 1."""
    shards = data["share"].transpose(..., "shard")
    others = [
        data[name].transpose(*shards.dims[:-1])
        for name in ("habit_share", "affordance_share", "residual_share")
    ]
    return np.concatenate([shards.values, np.stack([one.values for one in others], -1)], axis=-1)


def distribution(run: Run) -> Distribution:
    """The shard distribution over training."""
    track = run.dataset("track.nc")
    named = parts(track if "preferences" in track else run.dataset("shards.nc"))
    track = track.transpose("checkpoint", "seed", ...)
    return Distribution(
        np.asarray(track["steps"], np.float64), all_shares(track), named.names, named.colours
    )


def shares(run: Run) -> dict[str, Shares]:
    """The final shard distribution on each battery, with its intervals over levels and seeds."""
    data = run.dataset("shards.nc")
    return {
        str(battery): _shares_of(data.sel(battery=battery)) for battery in data["battery"].values
    }


def _shares_of(data: xr.Dataset) -> Shares:
    seeds = all_shares(data.transpose("seed", ...))
    mean, low, high = (
        np.concatenate([data[f"share_{end}"].values, data[f"rest_share_{end}"].values])
        for end in ("mean", "low", "high")
    )
    return Shares(mean, low, high, seeds)


def influence(run: Run) -> Influence:
    """Influence by distance: by removal for objects, by the mirror test for places.

    Beside it the removal from the fitted model (the only one that a place can have), and the same
    measurement on untrained networks whose head is scaled to the agents' entropy.
    """
    data = run.dataset("shards.nc")
    signed: dict[str, np.ndarray] = {}
    model: dict[str, np.ndarray] = {}
    nulls: dict[str, np.ndarray] = {}
    paint: dict[str, str] = {}
    for number, concept in enumerate(str(name) for name in data["concept"].values):
        for found, variable, label in (
            (signed, "influence_signed", concept),
            (signed, "influence_mirror_signed", f"{concept} (mirror test)"),
            (model, "influence_signed_in_model", f"{concept}, in the model"),
            (nulls, "influence_signed_untrained", f"{concept}, untrained"),
        ):
            values = _by_bin(data, variable, concept)
            if values is not None:
                found[label], paint[label] = values, concept_colour(number)
    bins = [str(name).replace("-", "–") for name in data["distance_bin"].values]
    return Influence(bins, signed, paint, model, nulls)


def _by_bin(data: xr.Dataset, variable: str, concept: str) -> np.ndarray | None:
    """f[K, D] of one concept; None where it is not there or nowhere known."""
    if variable not in data:
        return None
    values = data[variable].sel(concept=concept).transpose("seed", "distance_bin").values
    return values if np.isfinite(values).any() else None


def bits(run: Run) -> Bits:
    """Bits a decision of all models, and the rivals whose difference to the shards is shown."""
    data = run.dataset("shards.nc").transpose("model", "seed", ...)
    models = [str(name) for name in data["model"].values]
    panels = {"all contexts": data["bits"].values}
    if "bits_conflict" in data:
        panels["contexts in conflict"] = data["bits_conflict"].values
    near = [name for name in models if name in RIVALS]
    return Bits(models, panels, near)


def shards(run: Run, variable: str, none: str, since: str) -> xr.Dataset:
    """The shards of a run with one variable of theirs.

    Raises UserError where no shard was found (`none` says what was not done then), or where the run
    was identified before the variable was there (`since` says what is measured today).
    """
    data = run.dataset("shards.nc")
    if not data.sizes["shard"]:
        raise UserError(f"no shard was found in this run, so {none}")
    if variable not in data:
        raise UserError(
            f"this run was identified before {since}; run `shardsim identify RUN --again`"
        )
    return data


def agreement(run: Run) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Layers L, their agreement f[K, L], and controls f[K, L].

    Raises UserError where no shard was found, since nothing was clustered then.
    """
    data = run.dataset("shards.nc")
    if "agreement" not in data:
        raise UserError("no shard was found in this run, so no layer was compared with them")
    layers = [str(name) for name in data["layer"].values]
    controls = data["agreement_control"].transpose("seed", "control")
    names = [str(name) for name in controls["control"].values]
    blank = [f"untrained {name}" for name in layers]
    found = {
        name: controls.sel(control=name).values[:, None] + np.zeros(len(layers))
        for name in names
        if name not in blank
    }
    if set(blank) <= set(names):
        found["untrained network"] = controls.sel(control=blank).values
    return layers, data["agreement"].transpose("seed", "layer").values, found


def pick(data: xr.Dataset, dim: str, index: int) -> xr.Dataset:
    """One entry along a dim by position; raises UserError where there is none."""
    size = data.sizes[dim]
    if not -size <= index < size:
        raise UserError(f"there is no {dim} {index} among {size}; give one from 0 to {size - 1}")
    return data.isel({dim: index})


def choose(data: xr.Dataset, dim: str, name: str) -> xr.Dataset:
    """One entry along a dim by name; raises UserError with the nearest name."""
    known = [str(value) for value in data[dim].values]
    if name not in known:
        raise UserError(f"there is no {dim} {name!r}; {did_you_mean(name, known)}")
    return data.sel({dim: name})
