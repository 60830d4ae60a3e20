"""Groups of seeds along one varied key: an estimate each, and how often one exceeds another.

What else was varied and bears on the result makes strata. Values of the key are compared over the
strata that all of them have, so that a point that is missing in one does not look like an effect of
the key. A key that a result cannot depend on makes no groups of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shardsim.base.aggregate import improvement, proportion, stratified_interval
from shardsim.base.statistics import Interval
from shardsim.runs.comparison.depends import bears_on
from shardsim.runs.comparison.design import Axis, Design, label_of
from shardsim.runs.comparison.values import Measure

ALL_PAIRS = 6  # values of a key, above which only neighbours and the ends are compared

ANY = "any"  # value of a key that is kept apart, for results that cannot depend on it
USED = "used"  # of a row: f[N], the seeds that its estimate is of

Strata = dict[str, np.ndarray]  # settings of the other keys -> f[N], the known seeds


class Cell(NamedTuple):
    """The seeds of one value of a key."""

    strata: Strata
    runs: int
    missing: int  # seeds without a value
    why: str  # of the first that is missing


def cells_of(
    values: Any, design: Design, measure: Measure, axis: Axis, by: Axis | None
) -> dict[str, list[Cell]]:
    """Return value of `by`, "" without one -> a cell for each value of the axis.

    Where the result cannot depend on `by`, there is one, `ANY`; where it cannot on the axis, none.
    """
    if not bears_on(axis, measure.stage):
        return {}
    known = [one for one in design.axes if bears_on(one, measure.stage)]
    others = [one for one in known if one not in (axis, by)]
    settings = {point.title: point.settings for point in design.points}
    mine: Any = values[values["result"] == measure.name]
    runs = mine["run"].map(settings)

    def column(one: Axis) -> Any:
        return runs.map(lambda told: label_of(told.get(one.key)))

    at = column(axis)
    whole = "" if by is None else ANY
    apart = by if by in known else None
    series = column(apart) if apart is not None else at.map(lambda _: whole)
    strata: Any = pd.Series("", index=mine.index)
    for one in others:
        strata = strata + f"{one.key}=" + column(one) + " "
    names = [whole] if apart is None else [label_of(value) for value in apart.values]
    return {
        name: [
            _cell(mine[here], strata[here])
            for value in axis.values
            for here in [(at == label_of(value)) & (series == name)]
        ]
        for name in names
    }


def _cell(rows: Any, strata: Any) -> Cell:
    known = rows["value"].notna()
    found = {
        str(name): rows.loc[group.index, "value"].to_numpy(np.float64)
        for name, group in strata[known].groupby(strata[known])
    }
    why = rows.loc[~known, "why"]
    return Cell(
        found, rows["run"].nunique(), int((~known).sum()), "" if why.empty else str(why.iloc[0])
    )


def shared(cells: Sequence[Cell]) -> tuple[list[str], bool]:
    """Return the strata that every cell with a value has, and True; all and False without any."""
    known = [set(cell.strata) for cell in cells if cell.strata]
    common = set.intersection(*known) if known else set()
    every = {name for one in known for name in one}
    return sorted(common or every), bool(common) or not every


def group_rows(
    measure: Measure, axis: Axis, cells: Mapping[str, Sequence[Cell]], confidence: float
) -> list[dict[str, Any]]:
    """Return a row for each value of the axis, of each series, with the seeds that were used."""
    rows = []
    for series, each in cells.items():
        common, is_matched = shared(each)
        for value, cell in zip(axis.values, each, strict=True):
            strata = [cell.strata[name] for name in common if name in cell.strata]
            found = _interval(measure, strata, confidence)
            rows.append(
                {
                    "key": axis.key,
                    "value": value if axis.is_number else label_of(value),
                    "series": series,
                    "result": measure.name,
                    "unit": measure.unit,
                    "statistic": measure.statistic,
                    "estimate": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "seeds": sum(map(len, strata)),
                    "missing": cell.missing,
                    "left_out": sum(map(len, cell.strata.values())) - sum(map(len, strata)),
                    "strata": len(strata),
                    "matched": is_matched,
                    "runs": cell.runs,
                    "why": cell.why,
                    USED: np.concatenate([*strata, np.empty(0)]),
                }
            )
    return rows


def _interval(measure: Measure, strata: Sequence[np.ndarray], confidence: float) -> Interval:
    """Return the estimate of a group; all NaN where no seed has a value."""
    if not strata:
        return Interval(np.nan, np.nan, np.nan)
    if measure.is_yes:
        return proportion(strata, confidence)
    found = stratified_interval(strata, confidence=confidence, within=measure.within)
    if np.isfinite(found.low):
        return found
    return Interval(found.mean, np.nan, np.nan)  # one seed: no interval


def improvement_rows(
    measure: Measure, axis: Axis, cells: Mapping[str, Sequence[Cell]], confidence: float
) -> list[dict[str, Any]]:
    """Return a row for each pair of values that share strata: how often the later is greater."""
    rows = []
    for series, each in cells.items():
        for low, high in pairs_of(len(axis.values)):
            common = sorted(each[low].strata.keys() & each[high].strata.keys())
            if not common:
                continue
            first, second = ([each[n].strata[name] for name in common] for n in (high, low))
            rows.append(
                {
                    "key": axis.key,
                    "value": label_of(axis.values[high]),
                    "than": label_of(axis.values[low]),
                    "series": series,
                    "result": measure.name,
                    **improvement(first, second, confidence=confidence)._asdict(),
                    "seeds": sum(map(len, first)),
                    "seeds_than": sum(map(len, second)),
                    "strata": len(common),
                }
            )
    return rows


def pairs_of(count: int) -> list[tuple[int, int]]:
    """Return which values are compared, the lower first: all pairs, or neighbours and the ends."""
    if count <= ALL_PAIRS:
        return list(combinations(range(count), 2))
    return [*((n, n + 1) for n in range(count - 1)), (0, count - 1)]
