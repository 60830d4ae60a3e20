"""Outcomes as the tables that figures take: reflection, diagnosis, and runs beside one another.

Axes: K seeds, T steps, S shards, M models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.base.scalars import Whole
from shardsim.base.statistics import SHARE, Bounds, Interval
from shardsim.plot.constancy import Change
from shardsim.plot.curves import OF_RANGE
from shardsim.plot.reflection import SHAM, Shift
from shardsim.reflection.config import CONTROLS, SHUFFLED
from shardsim.reflection.tables import NEITHER
from shardsim.runs.agents import check_memoryless
from shardsim.runs.figure_data import pooled, results
from shardsim.runs.run import Run
from shardsim.shards.shardset import ShardSet

Hits = dict[str, dict[str, dict[str, np.ndarray]]]  # class -> outcome -> model -> f[T, K]


def hits(
    run: Run, onset: str = "", seed: Whole | None = None, battery: str = "onset"
) -> tuple[np.ndarray, Hits]:
    """Steps f[T], and the exact probability of what is reached first, by class of onsets.

    It is measured from the onsets, or with `battery="target"` from the starts of target levels; a
    seed's number is the mean over the onsets of the class. Seeds that have no context of a class
    are left out there, and so is a model that was not tried. Raises UserError where there was no
    shard, so that nobody reflected.
    """
    data = chosen(run, onset, seed)
    hit = data[_reached(battery)]
    found = {str(name): _by_outcome(hit.sel(onset=name), "seed") for name in data["onset"].values}
    return np.asarray(data["step"], np.float64), found


def hits_by_onset(
    run: Run, onset: str = "", seed: Whole | None = None, battery: str = "onset"
) -> Hits:
    """The same with a column an onset: f[T, U], means over seeds, where all seeds share them.

    Where they do not, an onset's number says nothing, and each onset of each seed has a column.
    """
    data = _of_class(results.of_seed(reflected(run), seed), onset)
    hit, shared = data[_reached(battery)], data.get("shared_contexts")
    found: Hits = {}
    for name, numbers in _classes(data).items():
        here = hit.isel(onset=numbers)
        if shared is None or shared.values[numbers].all():
            found[name] = _by_outcome(here.mean("seed"), "onset")
        else:
            found[name] = _by_outcome(here.stack(column=("onset", "seed")), "column")
    return found


def _reached(battery: str) -> str:
    """The variable of what is reached first from there."""
    variable = {"onset": "hit", "target": "target_hit"}
    return variable[results.one_of("battery", battery, list(variable))]


def _by_outcome(hit: xr.DataArray, along: str) -> dict[str, dict[str, np.ndarray]]:
    """Outcome -> model -> f[T, N], N along the dim named."""
    found = {}
    for name in map(str, hit["outcome"].values):
        chance = hit.sel(outcome=name).transpose("model", "step", along)
        models = {str(m): _whole(chance.sel(model=m).values) for m in hit["model"].values}
        title = name if name == NEITHER else f"{name} first"
        found[title] = {model: values for model, values in models.items() if values.size}
    return found


def _whole(values: np.ndarray) -> np.ndarray:
    """The seeds (columns) that are known throughout."""
    return values[:, np.isfinite(values).all(axis=0)]


def shifts(run: Run, onset: str = "", seed: Whole | None = None) -> dict[str, Shift]:
    """Shares before and after reflection, by onset; models that were not refitted are left out.

    Args:
        run: a run that has reflected.
        onset: only this one; all if empty.
        seed: only the seed at this position; the verdict is about all, and left out then.
    """
    data = chosen(run, onset, seed)
    before = data["share_before"].transpose("seed", "shard").values
    found = {}
    for name in map(str, data["onset"].values):
        here = data.sel(onset=name)
        # Only one sham is refitted, that of the model whose verdict stands.
        every = {
            SHAM if model in SHUFFLED else str(model): here["share_after"]
            .sel(model=model)
            .transpose("seed", "shard")
            .values
            for model in map(str, data["model"].values)
            if np.isfinite(here["share_after"].sel(model=model)).any()
        }
        after = {model: values for model, values in every.items() if np.isfinite(values).any()}
        real = [] if seed is not None else [m for m in after if m not in CONTROLS]
        found[name] = Shift(before, after, _verdicts(here, real))
    return found


def changes(
    run: Run, onset: str = "", place: str = "", seed: Whole | None = None
) -> dict[str, list[Change]]:
    """Relative change of every old shard's value, by onset: a row a shard and place.

    Args:
        run: a run that has reflected.
        onset: only this one; all if empty.
        place: only "target" for values on target levels, or "onset" for those at the onset.
        seed: only the seed at this position.
    """
    data = chosen(run, onset, seed)
    if place:
        data = data.sel(place=[str(results.choose(data, "place", place)["place"].values)])
    relative = data["value_change"]
    valued = relative.dropna("model", how="all")["model"].values
    names = results.labels(run.shards.dataset)
    return {
        str(name): [
            Change(
                label,
                str(where),
                {str(m): relative.sel(at | {"model": m}).values for m in valued},
                {} if seed is not None else _intervals(data.sel(at), list(map(str, valued))),
            )
            for label, shard in zip(names, data["shard"].values, strict=True)
            for where in data["place"].values
            for at in [{"onset": name, "place": where, "shard": shard}]
        ]
        for name in data["onset"].values
    }


def _intervals(here: xr.Dataset, models: Sequence[str]) -> dict[str, Interval]:
    """The interval of one change by model, over seeds, onsets and levels, where it is known."""
    if "kind_interval" not in here:
        return {}
    found = {}
    for model in models:
        one = here.sel(model=model)
        ends = one["kind_change"], *one["kind_interval"].transpose("end")
        found[model] = Interval(*map(float, ends))
    return found


def verdicts(run: Run, onset: str = "") -> dict[str, dict[str, str]]:
    """Verdicts of constancy by onset, of the models that have values and are no controls."""
    data = chosen(run, onset)
    valued = data["value_change"].dropna("model", how="all")["model"].values
    real = [str(model) for model in valued if model not in CONTROLS]
    return {str(name): _verdicts(data.sel(onset=name), real) for name in data["onset"].values}


def _verdicts(data: xr.Dataset, models: Sequence[str]) -> dict[str, str]:
    if "kind_verdict" not in data:
        return {}
    return {model: str(data["kind_verdict"].sel(model=model).values) for model in models}


def chosen(run: Run, onset: str = "", seed: Whole | None = None) -> xr.Dataset:
    """What reflection did, by class of onsets."""
    return by_class(reflected(run), onset, seed)


def by_class(data: xr.Dataset, onset: str = "", seed: Whole | None = None) -> xr.Dataset:
    """A `reflection.nc` by class of onsets along `onset`, for one class or seed if asked for.

    What is known of single onsets is averaged over those of the class that a seed has; what is said
    of whole classes is in the variables of `kind`, whose dim is `onset` here.
    """
    data = _of_class(results.of_seed(data, seed), onset)
    classes = _classes(data)
    by_onset = [name for name in data.data_vars if "onset" in data[name].dims]
    words = [name for name in by_onset if data[name].dtype.kind not in "fiub"]
    means = [
        data[by_onset].drop_vars(words).isel(onset=numbers).mean("onset")
        for numbers in classes.values()
    ]
    along = xr.Variable(("onset",), list(classes))
    together = xr.concat(means, dim="onset", coords="minimal").assign_coords(onset=along)
    if "kind" in data.dims:
        of_kinds = [name for name in data.data_vars if "kind" in data[name].dims]
        said = data[of_kinds].sel(kind=list(classes)).rename(kind="onset")
        together = together.merge(said.drop_vars("onset"), compat="override")
    rest = data.drop_vars(by_onset).drop_dims([d for d in ("onset", "kind") if d in data.dims])
    return together.merge(rest, compat="override").assign_attrs(data.attrs)


def _of_class(data: xr.Dataset, name: str) -> xr.Dataset:
    """The onsets of one class, or all."""
    if not name:
        return data
    known = list(_classes(data))
    return data.isel(onset=_classes(data)[results.one_of("onset", name, known)])


def _classes(data: xr.Dataset) -> dict[str, np.ndarray]:
    """The numbers of the onsets of each class."""
    of_each = np.asarray(data["onset_class"].values, str)
    return {str(name): np.flatnonzero(of_each == name) for name in dict.fromkeys(of_each.tolist())}


def reflected(run: Run) -> xr.Dataset:
    """What reflection did; raises UserError where no shard was found that could judge."""
    data = run.reflection
    check_memoryless(run, "reflection")
    if "value_change" not in data:
        raise UserError("no shard was found in this run, so there was no reflection")
    return data


SHARES = "share of decision influence by what it pushes for"


def bounds_of(panels: Iterable[str]) -> dict[str, Bounds]:
    """Which panels of `compared` are of numbers from 0 to 1: shares, and returns on their range."""
    return {title: SHARE for title in panels if title.startswith((SHARES, OF_RANGE))}


def compared(runs: Sequence[Run], battery: str = "") -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Panel -> measure -> run -> f[K]: shares by concept on both batteries, shardness, return.

    Runs that differ in nothing but their seeds are one (`pooled.groups`).
    """
    known = results.BATTERIES[::-1]
    batteries = [results.one_of("battery", battery, known)] if battery else known
    named = results.titled(runs)
    shards = {name: run.shards for name, run in named.items()}
    panels = {
        f"{SHARES}, {name} levels": _by_measure(
            {title: concept_shares(found, name) for title, found in shards.items()}
        )
        for name in batteries
    }
    panels["best rival − shards (bits per decision)"] = {
        "shardness": {name: found.shardness for name, found in shards.items()}
    }
    curves = results.curves(named)
    panels[next(iter(curves.values())).unit] = {
        f"{split} levels": {name: one.ratio[split][:, -1] for name, one in curves.items()}
        for split in batteries
    }
    together = pooled.groups(runs)
    return {
        panel: {measure: _pool(values, together) for measure, values in measures.items()}
        for panel, measures in panels.items()
    }


def _pool(
    values: Mapping[str, np.ndarray], together: Mapping[str, Sequence[str]]
) -> dict[str, np.ndarray]:
    """Title -> f[K], the seeds of each group of runs together; without groups that lack them."""
    found = {}
    for title, members in together.items():
        known = [values[name] for name in members if name in values]
        if known:
            found[title or "all runs"] = np.concatenate(known)
    return found


def concept_shares(found: ShardSet, battery: str) -> dict[str, np.ndarray]:
    """Share f[K] of each concept, then of habit, affordance and residual, on one battery."""
    rest = found.dataset["rest_share"].sel(battery=battery).transpose("rest", "seed").values
    shares = dict(zip(found.concepts, found.concept_shares(battery).T, strict=True))
    return shares | dict(zip(results.OTHERS, rest, strict=True))


def _by_measure(found: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Measure -> run -> f[K] of run -> measure; without the runs whose env has no such concept."""
    rows = list(dict.fromkeys(row for measures in found.values() for row in measures))
    rows.sort(key=lambda row: row in results.OTHERS)
    return {
        row: {name: measures[row] for name, measures in found.items() if row in measures}
        for row in rows
    }
