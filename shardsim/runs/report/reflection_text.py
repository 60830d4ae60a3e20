"""What reflection does to each shard's value, a sentence for each onset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shardsim.runs.report.formats import interval, listed, percent

SOME = 0.05  # of an onset's contexts
PLACES = {"onset": "at the onset", "target": "on target levels"}
OUTCOMES = {
    "constant": "leaves the value of every shard unchanged within the tolerance",
    "drifted": "changes the value of at least one shard by more than the tolerance",
    "undefined": "was not tried: there is no shard, or no context of that kind",
    "undecided": "may or may not change the values of the shards: these seeds do not decide",
}


class Changes(NamedTuple):
    """What becomes of the shards' values, in words."""

    kept: list[str]  # whose value
    changed: list[str]  # what happens
    undecided: list[str]  # whose value, and its change with the interval


def constancy(summary: Mapping[str, Any]) -> list[str]:
    """One sentence for each onset: whose value stays, whose changes, and by how much."""
    names = [str(shard.get("name", n)) for n, shard in enumerate(summary.get("shards") or [], 1)]
    lines = []
    for onset, verdict in (summary.get("constancy") or {}).items():
        found = (summary.get("reflection") or {}).get(onset) or {}
        changes = found.get("value_change") or []
        if len(changes) == len(names) and changes:
            line = _sentence(where(onset), _sorted(names, changes), found["tolerance"])
            lines.append(
                line + _single(found) + _before(found) + _power(str(verdict), found, changes)
            )
        else:
            said = OUTCOMES.get(str(verdict), "has no verdict")
            lines.append(f"Reflecting {where(onset)} {said} ({verdict}).")
    return lines


def _single(found: Mapping[str, Any]) -> str:
    """How many single reflections go far, beside the sham: means can hide it."""
    models = found.get("models") or {}
    parts = [(models.get(name) or {}).get("beyond") for name in (found.get("model", ""), "sham")]
    if not parts[0]:
        return ""
    beside = f" (under the sham {percent(parts[1]['mean'])})" if parts[1] else ""
    return (
        f" These are means: {percent(parts[0]['mean'])} of single reflections change some value by "
        f"more than that{beside}{_distance(models[found['model']])}."
    )


def _distance(told: Mapping[str, Any]) -> str:
    """How far single reflections go whichever way, where that is further than the tolerance."""
    far = told.get("distance") or {}
    if far.get("verdict") != "drifted" or "mean" not in far:
        return ""
    by = interval(far, "{:.2f}")
    alone = ", which the means do not show" if told.get("verdict") != "drifted" else ""
    return (
        f"; whichever way, they go by {by} of the range beyond the sham (root mean square): "
        f"drifted by distance{alone}"
    )


def _before(found: Mapping[str, Any]) -> str:
    """What is reached first there before reflection, and whether that could become surer."""
    first = found.get("first")
    if not first:
        return ""
    chances = [f"{name} {said['mean']:.2f}" for name, said in first.items()]
    closed = found.get("saturated", 0.0)
    some = f"; {percent(closed)} of these contexts are saturated" if closed > SOME else ""
    return f" Reached first before: {', '.join(chances)}{some}."


def _power(verdict: str, found: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> str:
    """What could have been found, and how much would decide what is undecided."""
    told = (found.get("models") or {}).get(found.get("model", ""), {})
    least = [one.get("detectable") for change in changes for one in change.values()]
    known = [value for value in least if value is not None and math.isfinite(value)]
    if not known or verdict != "undecided":
        return ""
    ways = [
        f"{told[key]} {noun}"
        for key, noun in (("seeds_needed", "seeds"), ("onsets_needed", "onsets of its class"))
        if told.get(key)
    ]
    would = f"; {' or '.join(ways)} would decide it, if the means are true" if ways else ""
    return f" A change of {max(known):.2f} would have been found with probability 0.8{would}."


def where(onset: str) -> str:
    """Where reflection starts, in words."""
    if onset == "contested":
        return "in contested contexts"
    return f"near the {onset[5:]}" if onset.startswith("near-") else f"from the onset {onset}"


def _sentence(where: str, found: Changes, tolerance: float) -> str:
    """What is decided first, then what is not, with the measured changes."""
    if not found.kept and not found.changed:
        return (
            f"It is undecided whether reflecting {where} changes values by more than the tolerance "
            f"({tolerance:g}): {listed(found.undecided)}."
        )
    values = f"value{'s' if len(found.kept) > 1 else ''}"
    stays = [f"leaves {listed(found.kept)} {values} unchanged"] if found.kept else []
    line = f"Reflecting {where} {listed([*stays, *found.changed])} (tolerance {tolerance:g})"
    rest = f"; it is undecided whether other values change by more: {listed(found.undecided)}"
    return f"{line}{rest if found.undecided else ''}."


def _sorted(names: Sequence[str], changes: Sequence[Mapping[str, Any]]) -> Changes:
    """Each shard's change, in the place where it is largest, by what the tests say of it."""
    found = Changes([], [], [])
    for name, change in zip(names, changes, strict=True):
        by_verdict = {
            verdict: {place: one for place, one in change.items() if one["verdict"] == verdict}
            for verdict in ("drifted", "undecided")
        }
        if drifted := by_verdict["drifted"]:
            place, mean = _largest(drifted)
            verb = "lowers" if mean < 0 else "raises"
            part = f"{verb} the {name} shard's value by {abs(mean):.2f} of its range"
            found.changed.append(f"{part} {PLACES[place]}")
        elif undecided := by_verdict["undecided"]:
            place, _ = _largest(undecided)
            by = interval(undecided[place], "{:+.3f}")
            found.undecided.append(f"{name} shard {by} of its range {PLACES[place]}")
        else:
            found.kept.append(f"the {name} shard's")
    return found


def _largest(changes: Mapping[str, Mapping[str, Any]]) -> tuple[str, float]:
    """The place with the largest mean change, and that change."""
    place = max(changes, key=lambda one: abs(changes[one]["mean"]))
    return place, changes[place]["mean"]
