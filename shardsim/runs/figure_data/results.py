"""A run's results as the tables that figures take.

Axes: K seeds, T checkpoints, P parts (shards, then habit, affordance and the residual),
D distance bins, M models, L layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from shardsim.agent.evaluation import Evaluation, is_ratio, reached
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole, whole
from shardsim.plot.curves import OF_RANGE, RATIO, Curves
from shardsim.plot.influence import Influence
from shardsim.plot.shares import Distribution, Shares
from shardsim.plot.style import AFFORDANCE, HABIT, RESIDUAL, concept_colours, shard_colours
from shardsim.runs.run import Run
from shardsim.shards.fit.models import RIVALS
from shardsim.shards.influence.shares import REST as OTHERS

BATTERIES = ("held-out", "target")
INTERVALS = ("share_interval", "rest_share_interval")


class Parts(NamedTuple):
    """Names and colours of what the shares are divided among, P."""

    names: list[str]
    colours: list[str]


class Bits(NamedTuple):
    """Bits per decision of every model."""

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


def curves(
    runs: Mapping[str, Run], battery: str = "", seed: Whole | None = None
) -> dict[str, Curves]:
    """Learning curves of runs on held-out and target levels, all on one scale.

    Args:
        runs: title -> run.
        battery: only these levels, "held-out" or "target".
        seed: only the seed at this position.

    Raises:
        UserError: no such battery or seed.
    """
    chosen = [one_of("battery", battery, BATTERIES)] if battery else BATTERIES
    exact = {
        name: {split: _returns(run, split, seed) for split in chosen} for name, run in runs.items()
    }
    every = [found for splits in exact.values() for found in splits.values()]
    ratio = all(is_ratio(found.optimum) for found in every)
    return {
        name: Curves(
            np.asarray(run.dataset("training.nc")["steps"], np.float64),
            {split: reached(*found, ratio=ratio) for split, found in exact[name].items()},
            RATIO if ratio else OF_RANGE,
        )
        for name, run in runs.items()
    }


def _returns(run: Run, split: str, seed: Whole | None) -> Evaluation:
    """Exact returns f[K, T] of a split, of all seeds or one."""
    found = run.returns(split)
    if seed is None:
        return found
    pick(run.training, "seed", seed)
    place = whole("seed", seed, None)
    return Evaluation(*(values[place, None] for values in found))


def one_of(what: str, name: str, known: Sequence[str]) -> str:
    """A name that is among those known; raises UserError with the nearest."""
    if name not in known:
        raise UserError(f"there is no {what} {name!r}; {did_you_mean(name, known)}")
    return name


def colours(data: xr.Dataset) -> list[str]:
    """A colour a shard."""
    concepts = [str(name) for name in data["concept"].values]
    return shard_colours(data["preferences"].transpose("shard", "concept").values, concepts)


def labels(data: xr.Dataset) -> list[str]:
    """Number and name of each shard, as tables, text and figures give them: `1 cheese`."""
    names = zip(data["shard"].values, data["shard_name"].values, strict=True)
    return [f"{number} {name}" for number, name in names]


def parts(data: xr.Dataset) -> Parts:
    """What the shares are divided among."""
    return Parts([*labels(data), *OTHERS], [*colours(data), HABIT, AFFORDANCE, RESIDUAL])


def all_shares(data: xr.Dataset) -> np.ndarray:
    """Shares f[..., P] of shards, habit, affordance and residual, the last axis summing to 1."""
    shards = data["share"].transpose(..., "shard")
    rest = data["rest_share"].transpose(*shards.dims[:-1], "rest")
    return np.concatenate([shards.values, rest.values], axis=-1)


def distribution(run: Run, seed: Whole | None = None) -> Distribution:
    """The shard distribution over training, of all seeds or of one (its position)."""
    track = of_seed(run.track.transpose("checkpoint", "seed", ...), seed)
    named = parts(track)
    steps = np.asarray(track["steps"], np.float64)
    battery = run.shards.dataset.attrs["identified_on"]
    about = f"{battery} levels, {seeds_in_words(run, seed)}"
    return Distribution(steps, all_shares(track), named.names, named.colours, about, len(OTHERS))


def of_seed(data: xr.Dataset, seed: Whole | None) -> xr.Dataset:
    """All seeds, or only one (its position), along the same dim; raises UserError without it."""
    if seed is None:
        return data
    pick(data, "seed", seed)  # refuses what is not there
    return data.isel(seed=[seed])


def seeds_in_words(run: Run, seed: Whole | None = None) -> str:
    """Which seeds a figure is of, for its title."""
    count = len(run.seeds)
    if seed is not None:
        return f"seed {run.seeds[whole('seed', seed, -count, count - 1)]}"
    return count_in_words(count)


def count_in_words(seeds: int) -> str:
    """How many seeds a figure is of."""
    return f"n = {seeds} seed{'' if seeds == 1 else 's'}"


def shares(run: Run, battery: str = "", seed: Whole | None = None) -> dict[str, Shares]:
    """The final shard distribution by battery, with its intervals.

    Args:
        run: a run whose shards are identified.
        battery: only this one, "held-out" or "target"; all if empty.
        seed: only the agent at this position, whose intervals are over levels; all seeds and levels
            by default.

    Raises:
        UserError: no such battery or seed.
    """
    found = run.shards if seed is None else run.shards.seed(whole("seed", seed, None))
    data = found.dataset
    batteries = [str(name) for name in data["battery"].values]
    chosen = [str(choose(data, "battery", battery)["battery"].values)] if battery else batteries
    return {name: _shares_of(data.sel(battery=name)) for name in chosen}


def _shares_of(data: xr.Dataset) -> Shares:
    seeds = np.atleast_2d(all_shares(data.transpose("seed", ..., missing_dims="ignore")))
    low, high = (
        np.concatenate([data[name].sel(end=end).values for name in INTERVALS])
        for end in ("low", "high")
    )
    return Shares(seeds.mean(0), low, high, seeds)


def influence(run: Run, seed: Whole | None = None) -> Influence:
    """Influence by distance: by removal for objects, by the mirror test for places.

    Beside it the removal from the fitted model (the only one that a place can have), and the same
    measurement on untrained networks whose head is scaled to the agents' entropy.
    """
    data = of_seed(run.shards.dataset, seed)
    signed: dict[str, np.ndarray] = {}
    model: dict[str, np.ndarray] = {}
    nulls: dict[str, np.ndarray] = {}
    paint: dict[str, str] = {}
    palette = concept_colours([str(name) for name in data["concept"].values])
    for concept, colour in palette.items():
        for found, variable, label in (
            (signed, "influence_signed", concept),
            (signed, "influence_mirror", f"{concept} (mirror test)"),
            (model, "influence_in_model", f"{concept}, in the model"),
            (nulls, "influence_untrained", f"{concept}, untrained"),
        ):
            values = _by_bin(data, variable, concept)
            if values is not None:
                found[label], paint[label] = values, colour
    bins = [str(name).replace("-", "–") for name in data["distance_bin"].values]
    return Influence(bins, signed, paint, model, nulls)


def _by_bin(data: xr.Dataset, variable: str, concept: str) -> np.ndarray | None:
    """f[K, D] of one concept; None where it is not there or nowhere known."""
    if variable not in data:
        return None
    values = data[variable].sel(concept=concept).transpose("seed", "distance_bin").values
    return values if np.isfinite(values).any() else None


def bits(run: Run, seed: Whole | None = None) -> Bits:
    """Bits per decision of all models, and the rivals whose difference to the shards is shown."""
    data = of_seed(run.shards.dataset, seed).transpose("model", "seed", ...)
    models = [str(name) for name in data["model"].values]
    panels = {"all contexts": data["bits"].values}
    # In a world with one concept nothing conflicts, so there is no such context.
    if np.isfinite(data["bits_conflict"].values).any():
        panels["contexts in conflict"] = data["bits_conflict"].values
    near = [name for name in models if name in RIVALS]
    return Bits(models, panels, near)


def shards(run: Run, none: str) -> xr.Dataset:
    """The table of a run's shards; raises UserError without any, where `none` was not done."""
    if not run.shards.num_shards:
        raise UserError(f"no shard was found in this run, so {none}")
    return run.shards.dataset


def pick(data: xr.Dataset, dim: str, index: Whole) -> xr.Dataset:
    """One entry along a dim by position; raises UserError where there is none."""
    size, index = data.sizes[dim], whole(dim, index, None)
    if not -size <= index < size:
        raise UserError(f"there is no {dim} {index} among {size}; give one from 0 to {size - 1}")
    return data.isel({dim: index})


def choose(data: xr.Dataset, dim: str, name: str) -> xr.Dataset:
    """One entry along a dim by name; raises UserError with the nearest name."""
    return data.sel({dim: one_of(dim, name, [str(value) for value in data[dim].values])})
