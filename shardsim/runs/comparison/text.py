"""A comparison in sentences and tables, for a terminal and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from shardsim.base.aggregate import CHANCE
from shardsim.base.columns import aligned
from shardsim.runs.comparison.compare import Comparison
from shardsim.runs.comparison.depends import bears_on
from shardsim.runs.comparison.design import Axis, label_of
from shardsim.runs.comparison.values import Measure
from shardsim.runs.report.formats import count, listed, minus

WIDE = 6  # values of a key, above which a table has a row for each
FINE = 0.0005  # numbers that are all below this are said as powers of ten


def headline(found: Comparison) -> str:
    """How many runs there are, what was varied, and which of them are not done."""
    points = found.design.points
    varied = [f"{axis.key} ({', '.join(map(label_of, axis.values))})" for axis in found.design.axes]
    held = [f"{key} is {value}" for key, value in found.held.items()]
    where = f" Only runs where {listed(held)}." if held else ""
    return (
        f"{_runs(len(points))} on {listed(found.design.envs)} with {_seeds_each(found)} each "
        f"differ in {listed(varied)}.{where} {_states(found)}"
    ).rstrip()


def _seeds_each(found: Comparison) -> str:
    seeds = sorted({len(one.run.seeds) for one in found.design.points if one.run is not None})
    each = " to ".join(dict.fromkeys(map(str, (seeds[0], seeds[-1]))))
    return f"{each} {'seed' if each == '1' else 'seeds'}"


def _states(found: Comparison) -> str:
    """How far the runs of a sweep are."""
    told = Counter(point.state for point in found.design.points if point.state)
    if not told:
        return ""
    if set(told) == {"done"}:
        return "All are done."
    return f"{listed([f'{number} {word}' for word, number in sorted(told.items())])}."


def failures(found: Comparison) -> list[str]:
    """A line for each run that failed or cannot be opened, with the reason."""
    return [f"{one.title}: {one.why or one.state}" for one in found.design.points if one.why]


def notes(found: Comparison) -> list[str]:
    """What to know of the groups, a sentence each."""
    told = []
    for axis in found.axes:
        if axis.along:
            told.append(
                f"{axis.key} changes together with {listed(axis.along)}, so that their effects "
                "cannot be told apart"
            )
    told += _without_effect(found)
    groups: Any = found.groups
    if len(groups) and groups["left_out"].any():
        told.append(
            "Values are compared over those settings of the other keys that all of them have a "
            "seed for; left_out in the table of groups counts the seeds that this leaves out"
        )
    for key in dict.fromkeys(groups.loc[~groups["matched"], "key"]) if len(groups) else ():
        told.append(
            f"The values of {key} share no setting of the other keys, so that a difference may as "
            "well come from those"
        )
    alone = groups[(groups["seeds"] > 0) & groups["low"].isna()]
    if (alone["seeds"] == 1).any():
        told.append("A group of one seed has no interval")
    if (alone["seeds"] > 1).any():
        told.append("A group with one seed for each setting of the other keys has no interval")
    told += [f"Not in these runs: {name} ({why})" for name, why in found.absent.items()]
    return told


def _without_effect(found: Comparison) -> list[str]:
    """Which results cannot depend on which varied key."""
    told = []
    for axis in found.design.axes:
        every = [one.family for one in found.measures if not bears_on(axis, one.stage)]
        names = list(dict.fromkeys(every))
        if names:
            told.append(
                f"{listed(names)} cannot depend on {axis.key}: runs that differ in it alone "
                "hold the same agents, which count once"
            )
    return told


def group_table(found: Comparison, axis: Axis) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a result a row, a value of the key a column; or a row for each of both."""
    rows: Any = found.groups[found.groups["key"] == axis.key]
    labels = [label_of(value) for value in axis.values]
    series = ["series"] if found.by is not None else []
    if len(axis.values) > WIDE:
        heads = ["result", *series, axis.key, "IQM or mean [interval]", "n"]
        return heads, [
            [
                str(row["result"]),
                *(str(row[name]) for name in series),
                *(label_of(row["value"]), _estimate(row), _seeds(found, row)),
            ]
            for _, row in rows.iterrows()
        ]
    told = []
    for (result, name), group in rows.groupby(["result", "series"], sort=False):
        cells = [f"{_estimate(row)}{_how_many(found, row)}" for _, row in group.iterrows()]
        told.append([str(result), *([str(name)] if series else []), *cells])
    return ["result", *([found.by.key] if found.by else []), *labels], told


def _estimate(row: Any) -> str:
    if not np.isfinite(row["estimate"]):
        return "missing"
    ends = [row["estimate"], row["low"], row["high"]]
    known = [abs(end) for end in ends if np.isfinite(end)]
    if 0 < max(known) < FINE:
        said = [minus(f"{end:.0e}") for end in ends]
    else:
        digits = 3 if max(known) < 10 else 1
        said = [minus(f"{round(end, digits) + 0.0:.{digits}f}") for end in ends]  # no −0.000
    return f"{said[0]} [{said[1]}, {said[2]}]" if np.isfinite(row["low"]) else said[0]


def _how_many(found: Comparison, row: Any) -> str:
    return f" ({_seeds(found, row)})"


def _seeds(found: Comparison, row: Any) -> str:
    """`n = 6`; `n = 2 of 6` where some are missing or left out."""
    whole = row["seeds"] + row["missing"] + row["left_out"]
    told = f"n = {row['seeds']}" + (f" of {whole}" if row["seeds"] < whole else "")
    by_run = any(one.name == row["result"] and one.by_run for one in found.measures)
    told = f"{told} run{'' if whole == 1 else 's'}" if by_run else told
    return f"{told}, no interval" if row["seeds"] and not np.isfinite(row["low"]) else told


def pair_table(found: Comparison, axis: Axis) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a pair of values and result a row."""
    heads = ["result", *([found.by.key] if found.by else []), "greater at", "than at"]
    rows = _pairs_of(found, axis)
    told = [
        [
            str(row["result"]),
            *([str(row["series"])] if found.by else []),
            *(str(row["value"]), str(row["than"]), _chance(row), _null(row)),
            *(_p(row).removeprefix("= "), f"{row['seeds']}, {row['seeds_than']}"),
        ]
        for _, row in rows.iterrows()
    ]
    return [*heads, "probability [interval]", "by chance", "p", "n"], told


def surprises(found: Comparison, axis: Axis) -> list[str]:
    """Pairs whose interval leaves out one half, in words, and how many there would be by chance."""
    rows = _pairs_of(found, axis)
    if not len(rows):
        return [f"No two values of {axis.key} have seeds to compare."]
    away = rows[(rows["low"] > CHANCE) | (rows["high"] < CHANCE)]
    expected = len(rows) * (1 - found.confidence)
    few = "has" if 1 in (len(away), len(rows)) else "have"
    told = [
        f"Of {len(rows)} pair{'' if len(rows) == 1 else 's'} compared, "
        f"{count(len(away)) if len(away) else 'none'} {few} an interval that leaves out ½; if "
        f"intervals cover as they promise, about {expected:.1f} would by chance alone."
    ]
    for _, row in away.iterrows():
        words = "greater" if row["probability"] > CHANCE else "smaller"
        apart = f" ({found.by.key} = {row['series']})" if found.by else ""
        told.append(
            f"{row['result']}{apart}: {words} at {row['value']} than at {row['than']}, "
            f"P(greater) = {_chance(row)}, by chance {_null(row)}, p {_p(row)}"
        )
    return told


def _pairs_of(found: Comparison, axis: Axis) -> Any:
    rows: Any = found.improvement
    return rows[rows["key"] == axis.key] if len(rows) else rows


def _chance(row: Any) -> str:
    return f"{row['probability']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _p(row: Any) -> str:
    return "< 0.001" if row["p_value"] < 0.001 else f"= {row['p_value']:.3f}"


def _null(row: Any) -> str:
    return f"{row['null_low']:.2f}–{row['null_high']:.2f}"


def as_text(found: Comparison) -> str:
    """Everything for a terminal."""
    lines = [headline(found), *failures(found)]
    for axis in found.axes:
        columns, rows = group_table(found, axis)
        lines += ["", f"against {axis.key}", *aligned([columns, *rows])]
        lines += ["", *surprises(found, axis)]
    lines += ["", about(found), *(f"{note}." for note in notes(found))]
    return "\n".join(lines)


def about(found: Comparison) -> str:
    """How the numbers were made."""
    groups: Any = found.groups
    strata = "; other varied keys are strata" if (groups["strata"] > 1).any() else ""
    return (
        f"Interquartile means over seeds (of yes and no: means) [{found.confidence:.0%} interval, "
        f"stratified bootstrap]{strata}. Probabilities of improvement count ties half; p comes "
        "from dealing the seeds out anew."
    )


def listing(measures: Sequence[Measure], values: Any) -> dict[str, str]:
    """Each result with its meaning, and how many seeds or runs have it."""
    told = {}
    for one in measures:
        mine = values[values["result"] == one.name]
        noun = "runs" if one.by_run else "seeds"
        told[one.name] = f"{one.words}; {int(mine['value'].notna().sum())} of {len(mine)} {noun}"
    return told


def as_data(found: Comparison) -> dict[str, Any]:
    """Everything as plain values, for JSON."""
    return {
        "varied": {axis.key: list(axis.values) for axis in found.design.axes},
        "runs": [
            {"run": one.title, "state": one.state, "why": one.why} for one in found.design.points
        ],
        "groups": found.groups.to_dict("records"),
        "improvement": found.improvement.to_dict("records"),
        "seeds": found.seeds.to_dict("records"),
        "confidence": found.confidence,
        "notes": notes(found),
    }


def _runs(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"
