"""How good the forecast of reflection was: a sentence, and rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shardsim.base.statistics import Interval
from shardsim.reflection.forecast.foresee import CLOSED, FITTED
from shardsim.reflection.forecast.table import SELECTS
from shardsim.runs.report.formats import number, percent, spread

TITLE = (
    "Forecast of reflection, made before any weight moved: change of P(goal first), over agents "
    "and onsets"
)
COLUMNS = (
    "rule",
    "foreseen by",
    "sign right",
    "rank correlation",
    "in the 90 % interval",
    "mean error",
)


def foreseen(summary: Mapping[str, Any]) -> list[str]:
    """One sentence: how often the direction was right, the order, and the error beside nulls."""
    scored = summary.get("forecast") or {}
    said = []
    for rule in SELECTS:
        found = (scored.get("models") or {}).get(rule)
        if not found:
            continue
        closed, still = found["forecasts"][CLOSED], found["nulls"]["no change"]
        rank = closed["rank"]["mean"]
        right = (
            f"the direction was right in {percent(closed['sign_right'])} of {found['moved']} "
            if found["moved"]
            else "no case moved by more than the margin; "
        )
        moved = f"cases that moved by more than {scored['margin']:g}, " if found["moved"] else ""
        said.append(
            f"for {rule} {right}{moved}rank correlation {number(rank, 2)}, "
            f"mean error {number(closed['error'])} ({number(still)} if nothing changed)"
        )
    if not said:
        return []
    goal = scored["goal"]
    return [
        f"Before any weight moved, the closed form foresaw how often the {goal} is reached first "
        f"after reflection: {'; '.join(said)}."
    ]


def table(summary: Mapping[str, Any]) -> tuple[str, tuple[str, ...], list[list[str]]]:
    """Return title, columns and a row for each rule and forecast of a run, and for each null."""
    return TITLE, COLUMNS, _of_rules((summary.get("forecast") or {}).get("models") or {})


def _of_rules(models: Mapping[str, Any]) -> list[list[str]]:
    return [row for rule, found in models.items() for row in _rows(rule, found)]


def _rows(rule: str, found: Mapping[str, Any]) -> list[list[str]]:
    order = sorted(found["forecasts"], key=lambda name: (name not in (CLOSED, FITTED), name))
    made = [[rule, name, *_cells(found["forecasts"][name])] for name in order]
    nulls = [
        [rule, f"null: {name}", "–", "–", "–", number(error)]
        for name, error in found["nulls"].items()
    ]
    return made + nulls


def _cells(one: Mapping[str, Any]) -> list[str]:
    rank = [np.nan if one["rank"][end] is None else one["rank"][end] for end in Interval._fields]
    return [
        number(one["sign_right"], 2),
        spread(*rank) if np.isfinite(rank).all() else number(rank[0], 2),
        number(one["coverage"], 2),
        number(one["error"]),
    ]


def as_text(models: Mapping[str, Any], margin: float) -> str:
    """Return the table as aligned text, with what it counts."""
    lines = [list(COLUMNS), *_of_rules(models)]
    widths = [max(len(row[place]) for row in lines) for place in range(len(COLUMNS))]
    table = [
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in lines
    ]
    counts = [_counts(rule, found, margin) for rule, found in models.items()]
    return "\n".join([*table, "", *counts])


def _counts(rule: str, found: Mapping[str, Any], margin: float) -> str:
    said = f"{rule}: {found['cases']} cases of {found['agents']} agents, {found['moved']} moved"
    best = f"; best rate {found['rate']:.3g}" if found["rate"] is not None else ""
    return f"{said} by more than {margin:g}{best}"
