"""What objects do by intervention and what the residual is: sentences and rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardsim.runs.report.formats import interval, listed, minus, percent

FORM = "{:.2f}"
WORTH = 0.05  # of the residual's variance, below which a remedy is not worth naming
KNOWN_BY = {  # the test in which maze and frame part, and what its two cells mean
    "mark stays in the frame": "its mark left in place",
    "mark moves with the maze": "its mark flipped too",
}
TITLE = "Shares by intervention, beside fitted shares (target levels, mean over seeds [interval])"
COLUMNS = ("part", "by intervention", "untrained networks", "fitted", "correlation of gates")


def by_objects(summary: Mapping[str, Any]) -> list[str]:
    """Sentences on objects, the residual and places; none where no object was removed."""
    found = summary.get("objects")
    if not found:
        return []
    return [*_explained(found), _residual(found["residual"]), *_places(found["places"])]


def rows(summary: Mapping[str, Any]) -> list[list[str]]:
    """Cells of the table of intervention shares."""
    found = summary.get("objects") or {}
    gates = found.get("gates") or {}
    return [
        [
            part,
            interval(row, FORM),
            _or_dash(row.get("untrained")),
            _or_dash(row.get("fitted")),
            _or_dash((gates.get(part) or {}).get("correlation")),
        ]
        for part, row in (found.get("shares") or {}).items()
    ]


def _or_dash(entry: Mapping[str, Any] | None) -> str:
    return "–" if entry is None else interval(entry, FORM)


def _explained(found: Mapping[str, Any]) -> list[str]:
    fitted = found["explained"]
    if fitted is None:
        return ["Removing all objects does not change the agents' decisions."]
    if fitted["mean"] <= 0:
        return [
            "What objects add to the agents' decisions, measured by removing them, the fitted "
            "shards explain no better than the agents' behaviour without objects does."
        ]
    read, freely = (found[f"explained_{how}"]["mean"] for how in ("by_covariates", "freely"))
    return [
        f"Of what objects add to the agents' decisions, measured by removing them, the fitted "
        f"shards explain {percent(fitted['mean'])} (90\N{NO-BREAK SPACE}% interval over seeds "
        f"{minus(percent(fitted['low']))} to {percent(fitted['high'])}); pulls along the shortest "
        f"ways explain {percent(read)} with strengths read from covariates (held-out levels) and "
        f"{percent(freely)} with the best strength in every context."
    ]


def _residual(found: Mapping[str, Any]) -> str:
    """What of the residual depends on objects, and what would reduce it."""
    helps = {
        name: row["mean"]
        for name, row in found["reduced"].items()
        if row is not None and row["mean"] > WORTH
    }
    best = sorted(helps, key=lambda name: -helps[name])
    told = listed([f"{name} ({percent(helps[name])})" for name in best])
    remedy = f"Added terms that would reduce it: {told}." if best else "No term tried reduces it."
    base = found["base"] or {"mean": None}
    return (
        f"Of the residual, {percent(base['mean'])} is there without any object too: how the "
        f"agents walk, not what they pursue. {remedy}"
    )


def _places(found: Mapping[str, Any]) -> list[str]:
    return [_place(name, row) for name, row in found.items()]


def _place(name: str, row: Mapping[str, Any]) -> str:
    pull = row["pull"]
    if any(cell is None for test in pull.values() for cell in test.values()):
        return f"No context has a way to the {name} and to its mirror image, so it was not tested."
    parts = [
        f"{interval(pull[test]['maze'], FORM)} with the maze and "
        f"{interval(pull[test]['frame'], FORM)} with the frame ({words})"
        for test, words in KNOWN_BY.items()
    ]
    shift = (
        " No maze can be shifted in the frame: each fills it."
        if not row["shiftable"]
        else f" Where the maze can be shifted by a cell the pull is {_or_dash(row['shifted'])}."
    )
    return (
        f"Without objects the pull toward the {name} is {interval(pull['unmoved']['maze'], FORM)} "
        f"logits per move; in the maze flipped east-west it goes {listed(parts)}.{shift}"
    )
