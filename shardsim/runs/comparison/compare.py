"""`compare`: results of many runs against what was varied, grouped over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shardsim.base.errors import UserError, did_you_mean
from shardsim.runs.comparison.depends import bears_on
from shardsim.runs.comparison.design import (
    ENV,
    Axis,
    Design,
    design_of_runs,
    label_of,
    read_design,
    short,
)
from shardsim.runs.comparison.groups import USED, cells_of, group_rows, improvement_rows
from shardsim.runs.comparison.values import Measure, Read, read_values
from shardsim.runs.run import Run


class Comparison(NamedTuple):
    """Results of many runs, by the keys that were varied."""

    groups: pd.DataFrame  # a row for each key, value of it and result: estimate, low, high, seeds
    improvement: pd.DataFrame  # a row for each pair of values: how often the one exceeds the other
    seeds: pd.DataFrame  # a row for each run, seed and result: value, NaN with `why` if missing
    design: Design
    measures: list[Measure]
    asked: tuple[str, ...]  # names of results, or what they begin with; empty: the usual ones
    axes: list[Axis]  # that results are shown against
    by: Axis | None  # a key whose values are shown apart
    held: Mapping[str, str]  # key -> the value that runs were chosen by
    absent: Mapping[str, str]  # usual result -> why no run has it
    used: list[np.ndarray]  # for each row of `groups` f[N], the seeds that its estimate is of
    confidence: float

    def _repr_html_(self) -> str:
        return self.groups.to_html(index=False)


def compare(
    path: str | Path | Sequence[str | Path],
    results: str | Sequence[str] = (),
    *,
    against: str | None = None,
    by: str | None = None,
    where: Mapping[str, Any] | None = None,
    confidence: float = 0.9,
    folders: Sequence[str | Path] = (),
) -> Comparison:
    """Compare runs: any result against any key that was varied, grouped over seeds.

    Runs that differ in their seeds alone are one group. Groups have interquartile means with
    intervals by stratified bootstrap, and pairs of them probabilities of improvement (Agarwal et
    al. 2021; `shardsim.base.aggregate`). Settings that are varied beside the key make strata,
    if the result can depend on them; an agent that several runs hold counts once.

    Args:
        path: the folder of a sweep, or several run directories.
        results: names such as `return.target`, or beginnings of names (`share`); by default the
            usual ones that the runs have.
        against: a varied key, or its last words; by default each of them in turn.
        by: another key whose values are kept apart instead of being averaged over.
        where: key -> value; only the runs that have these.
        confidence: of all intervals.
        folders: of the user's own envs.

    Raises:
        UserError: no sweep or one run alone, an unknown result or key, runs that differ in seeds
            only, results that cannot depend on the key, or runs of several envs unless `against`
            or `by` is `env.id`.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    design = read_design(paths, folders)
    return of_design(design, results, against=against, by=by, where=where, confidence=confidence)


def compare_runs(
    runs: Sequence[Run],
    results: str | Sequence[str] = (),
    *,
    against: str | None = None,
    by: str | None = None,
    where: Mapping[str, Any] | None = None,
    confidence: float = 0.9,
) -> Comparison:
    """Compare runs that are open; arguments and errors as `compare`."""
    design = design_of_runs(runs)
    return of_design(design, results, against=against, by=by, where=where, confidence=confidence)


def of_design(
    design: Design,
    results: str | Sequence[str] = (),
    *,
    against: str | None = None,
    by: str | None = None,
    where: Mapping[str, Any] | None = None,
    confidence: float = 0.9,
) -> Comparison:
    """Compare the runs of a design; arguments and errors as `compare`."""
    for key, value in (where or {}).items():
        design = _held(design, key, value)
    apart = design.axis(by) if by else None
    asked = (results,) if isinstance(results, str) else tuple(results)
    axes = _axes(design, against, apart)
    read = read_values(design, asked)
    axes = _that_bear(axes, read.measures)
    groups: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    for axis in axes:
        for measure in read.measures:
            cells = cells_of(read.values, design, measure, axis, apart)
            groups += group_rows(measure, axis, cells, confidence)
            pairs += improvement_rows(measure, axis, cells, confidence)
    used = [row.pop(USED) for row in groups]
    held = {key: label_of(value) for key, value in (where or {}).items()}
    return Comparison(
        pd.DataFrame(groups),
        pd.DataFrame(pairs),
        _with_settings(read, design),
        design,
        read.measures,
        asked,
        axes,
        apart,
        held,
        read.absent,
        used,
        confidence,
    )


def _held(design: Design, key: str, value: Any) -> Design:
    """Return the runs with one value of a key; raises UserError where there is none."""
    whole, wanted = design.key(key), label_of(value)
    labels = list(dict.fromkeys(label_of(point.settings.get(whole)) for point in design.points))
    if wanted not in labels:
        raise UserError(f"no run has {whole} = {wanted}; {did_you_mean(wanted, labels)}")
    return design.only(lambda point: label_of(point.settings.get(whole)) == wanted)


def _axes(design: Design, against: str | None, apart: Axis | None) -> list[Axis]:
    """Return the axes to show; raises UserError where there is none, or envs are mixed."""
    if not design.axes:
        raise UserError(
            "these runs differ in their seeds alone, so there is nothing to compare; "
            "give runs of several settings, or draw them together with: shardsim plot"
        )
    chosen = [design.axis(against)] if against else [one for one in design.axes if one != apart]
    if not chosen or chosen == [apart]:
        raise UserError(f"only {design.axes[0].key} is varied; leave --by out")
    asked = {key for one in (*chosen, apart) if one is not None for key in (one.key, *one.along)}
    if len(design.envs) > 1 and (ENV not in asked or not (against or apart)):
        raise UserError(
            f"these runs are of several envs ({', '.join(design.envs)}), whose results are not the "
            f"same measure; give runs of one env, or compare them all the same by {ENV}"
        )
    return chosen


def _that_bear(axes: Sequence[Axis], measures: Sequence[Measure]) -> list[Axis]:
    """Return the axes that some result can depend on; raises UserError where there is none."""
    kept = [axis for axis in axes if any(bears_on(axis, one.stage) for one in measures)]
    if not kept:
        families = ", ".join(dict.fromkeys(one.family for one in measures))
        raise UserError(
            f"{families} cannot depend on {axes[0].key}: runs that differ in it alone hold the "
            "same agents; compare results of a later stage, or against another key"
        )
    return kept


def _with_settings(read: Read, design: Design) -> pd.DataFrame:
    """Return the values of seeds with a column for each varied key."""
    settings = {point.title: point.settings for point in design.points}
    told = read.values.copy()
    for place, axis in enumerate(design.axes, start=1):
        column = told["run"].map(lambda run, key=axis.key: settings[run].get(key))
        told.insert(place, short(axis.key) if _apart(design, axis) else axis.key, column)
    return told


def _apart(design: Design, axis: Axis) -> bool:
    """Whether the last word of a key tells it from the others."""
    taken = [short(one.key) for one in design.axes]
    return taken.count(short(axis.key)) == 1 and short(axis.key) not in ("run", "seed", "value")
