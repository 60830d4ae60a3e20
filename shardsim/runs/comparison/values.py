"""Which results are asked for, and their values in every run: a row a seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.statistics import Bounds
from shardsim.runs.comparison.depends import identity
from shardsim.runs.comparison.design import Design, Point
from shardsim.runs.comparison.results import RESULTS, Parts, Result, full_name

DECIMALS = 6  # of a value; what is finer is rounding of solvers, and must not count as improvement
COLUMNS = ("run", "seed", "result", "value", "why")


class Measure(NamedTuple):
    """One result, as it was found in at least one run."""

    name: str
    family: str
    stage: str  # that it is a result of
    words: str  # with its unit, for an axis
    unit: str
    within: Bounds | None
    is_yes: bool
    by_run: bool

    @property
    def statistic(self) -> str:
        """What stands for a group."""
        return "mean" if self.is_yes else "IQM"


class Read(NamedTuple):
    """Results of all runs."""

    measures: list[Measure]
    values: pd.DataFrame  # `COLUMNS`, an agent once; its seed is the run where that is the unit
    absent: dict[str, str]  # family -> why no run has it


def read_values(design: Design, asked: Sequence[str] = (), *, strict: bool = True) -> Read:
    """Read results from every run.

    Args:
        design: the runs.
        asked: names, or what they begin with (`share` has every share); by default the usual ones.
        strict: refuse a name that no run has.

    Raises:
        UserError: an unknown name, or one that no run has.
    """
    measures: list[Measure] = []
    rows: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for family in _families(asked):
        found = {point.title: _parts(family, point) for point in design.points}
        parts = list(dict.fromkeys(part for got in found.values() if got[0] for part in got[0]))
        kept = [one for one in parts if _is_asked(full_name(family.name, one), asked)]
        if not parts:
            absent[family.name] = next(why for _, why in found.values())
        for part in sorted(kept):
            measures.append(_measure(family, part))
            for point in design.points:
                rows += _rows(family, part, point, *found[point.title])
        if parts and not kept:
            names = [full_name(family.name, part) for part in parts]
            absent |= dict.fromkeys(names, "")
    _refuse_unknown(asked if strict else (), measures, absent)
    values = pd.DataFrame(rows, columns=list(COLUMNS))
    values = _once(values, design, measures)
    return Read(measures, values, {k: v for k, v in absent.items() if v})


def _families(asked: Sequence[str]) -> list[Result]:
    """Return the families that names may belong to; raises UserError for a name of none."""
    if not asked:
        return [family for family in RESULTS if family.shown]
    for name in asked:
        if not any(_related(name, family.name) for family in RESULTS):
            near = did_you_mean(name, [family.name for family in RESULTS], shown=len(RESULTS))
            raise UserError(f"there is no result {name!r}; {near}")
    return [one for one in RESULTS if any(_related(name, one.name) for name in asked)]


def _related(name: str, family: str) -> bool:
    return _begins(name, family) or _begins(family, name)


def _begins(name: str, start: str) -> bool:
    """Whether the words of a name begin with those of another."""
    return name == start or name.startswith(f"{start}.")


def _is_asked(name: str, asked: Sequence[str]) -> bool:
    return not asked or any(_begins(name, one) for one in asked)


def _refuse_unknown(
    asked: Sequence[str], measures: Iterable[Measure], absent: dict[str, str]
) -> None:
    """Raise UserError for a name that no run has, or where no run has anything."""
    names = [one.name for one in measures]
    for name in asked:
        if any(_begins(one, name) for one in names):
            continue
        why = next((why for one, why in absent.items() if why and _related(name, one)), "")
        if why:
            raise UserError(f"no run has the result {name!r}: {why}")
        near = did_you_mean(name, [*names, *(one for one, why in absent.items() if not why)])
        raise UserError(f"no run has the result {name!r}; {near}")
    if not names:
        raise UserError(
            f"no run has any result yet: {next(iter(absent.values()), 'none is begun')}; "
            "give the sweep's command again"
        )


def _parts(family: Result, point: Point) -> tuple[Parts | None, str]:
    """Return what a run has of a family, or why it has nothing."""
    if point.run is None:
        return None, point.why
    try:
        return family.read(point.run), ""
    except UserError as error:
        said = str(error).partition("; ")[0]
        return None, said.replace(str(point.run.path), point.title)
    except KeyError as error:
        if "No variable named" not in str(error):
            raise
        return None, f"{point.title} was made by an older version, whose tables lack it"


def _measure(family: Result, part: str) -> Measure:
    name = full_name(family.name, part)
    unit = "" if family.unit == "1" else f" ({family.unit})"
    return Measure(
        name,
        family.name,
        family.stage,
        f"{family.words}{unit}",
        family.unit,
        family.within,
        family.is_yes,
        family.by_run,
    )


def _rows(
    family: Result, part: str, point: Point, parts: Parts | None, why: str
) -> list[dict[str, Any]]:
    """Return a row for each seed of a run, or one for the run; what is missing is NaN."""
    if point.run is None:
        return []
    seeds: list[Any] = [point.title] if family.by_run else list(point.run.seeds)
    if parts is None:
        values = np.full(len(seeds), np.nan)
    elif part in parts:
        values = np.asarray(parts[part], np.float64)
    else:
        is_none = family.or_none and (
            not family.of_class or _class_of(part) in map(_class_of, parts)
        )
        values = np.full(len(seeds), 0.0 if is_none else np.nan)
        why = "" if is_none else f"{point.title} has no {part}"
    name = full_name(family.name, part)
    return [
        {
            "run": point.title,
            "seed": seed,
            "result": name,
            "value": round(float(value), DECIMALS) if np.isfinite(value) else np.nan,
            "why": "" if np.isfinite(value) else why or _why(value),
        }
        for seed, value in zip(seeds, values, strict=True)
    ]


def _class_of(part: str) -> str:
    """The class of onsets that a part begins with: `contested` of `contested.drifted`."""
    return part.rpartition(".")[0]


def _why(value: float) -> str:
    return "at no point of this run" if np.isinf(value) else "not known for this seed"


def _once(values: Any, design: Design, measures: Sequence[Measure]) -> Any:
    """Return each agent once: a seed of all that a result of its stage depends on.

    Of several runs that hold it the first that knows the value is kept. Where the unit is the run,
    the same is done with all of its seeds together.
    """
    by_run = {one.name: one.by_run for one in measures}
    known = {
        one.name: {point.title: identity(point, one.stage) for point in design.points}
        for one in measures
    }
    seeds = {point.title: str(point.run.seeds) for point in design.points if point.run is not None}
    rows = list(zip(values["run"], values["seed"], values["result"], strict=True))
    told = values.assign(
        config=[known[name][run] for run, _, name in rows],
        unit=[seeds[run] if by_run[name] else str(seed) for run, seed, name in rows],
        missing=values["value"].isna(),
    )
    told = told.sort_values("missing", kind="stable")
    told = told[~told.duplicated(["config", "unit", "result"])].sort_index()
    return told.drop(columns=["config", "unit", "missing"]).reset_index(drop=True)
