"""The figures of a comparison, drawn from its tables."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError
from shardsim.base.statistics import Interval
from shardsim.plot.sweep_improvement import Pair, sweep_improvement_figure
from shardsim.plot.sweep_results import Group, Panel, sweep_results_figure
from shardsim.runs.comparison.compare import Comparison
from shardsim.runs.comparison.depends import bears_on
from shardsim.runs.comparison.design import Axis, label_of
from shardsim.runs.comparison.values import Measure

MOST = 24  # panels of one figure, beyond which nothing could be read


def results_figure(found: Comparison, axis: Axis) -> FigureBase:
    """Every result against one key that it can depend on."""
    measures = _few(found, axis)
    values = [value if axis.is_number else label_of(value) for value in axis.values]
    panels = [_panel(found, axis, measure) for measure in measures]
    by_run = {measure.by_run for measure in measures}
    unit = {False: "seeds", True: "runs"}[by_run.pop()] if len(by_run) == 1 else "seeds or runs"
    return sweep_results_figure(panels, _title(axis), values, found.confidence, unit)


def improvement_figure(found: Comparison, axis: Axis) -> FigureBase:
    """Probabilities of improvement between the values of one key."""
    panels: dict[str, list[Pair]] = {}
    for measure in _few(found, axis):
        rows: Any = found.improvement
        here = rows[(rows["key"] == axis.key) & (rows["result"] == measure.name)]
        if len(here):
            panels[measure.name] = [_pair(row) for _, row in here.iterrows()]
    if not panels:
        raise UserError(f"no two values of {axis.key} have a seed each; finish the sweep first")
    return sweep_improvement_figure(panels, axis.key, found.confidence)


def _few(found: Comparison, axis: Axis) -> list[Measure]:
    kept = [one for one in found.measures if bears_on(axis, one.stage)]
    if len(kept) > MOST:
        raise UserError(f"{len(kept)} results do not fit into one figure; name at most {MOST}")
    return kept


def _title(axis: Axis) -> str:
    """Return the key, and under it those that always change with it: the first, and how many."""
    if not axis.along:
        return axis.key
    first, *more = axis.along
    return f"{axis.key}\n(with {first}{f' and {len(more)} more' * bool(more)})"


def _panel(found: Comparison, axis: Axis, measure: Measure) -> Panel:
    every = found.groups
    rows: Any = every[(every["key"] == axis.key) & (every["result"] == measure.name)]
    groups: dict[str, list[Group]] = {}
    for number, row in rows.iterrows():
        name = row["series"] if found.by is None else f"{found.by.key} = {row['series']}"
        seeds = found.used[int(str(number))]
        group = Group(row["estimate"], row["low"], row["high"], seeds, int(row["missing"]))
        groups.setdefault(name, []).append(group)
    return Panel(measure.name, measure.words, measure.statistic, measure.within, groups)


def _pair(row: Any) -> Pair:
    name = f"{row['value']} > {row['than']}" + (f", {row['series']}" if row["series"] else "")
    interval = Interval(row["probability"], row["low"], row["high"])
    return Pair(name, interval, (row["null_low"], row["null_high"]))
