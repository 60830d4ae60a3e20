"""What reflection does to each shard's value, a sentence for each onset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shardsim.runs.report.formats import interval, listed

PLACES = {"onset": "from the onset", "target": "on target levels"}
OUTCOMES = {
    "constant": "leaves the value of every shard unchanged within the tolerance",
    "drifted": "changes the value of at least one shard by more than the tolerance",
    "undefined": "was not tried: there is no shard, or no context of that kind",
    "undecided": "may or may not change the values of the shards: these seeds do not decide",
}


def constancy(summary: Mapping[str, Any]) -> list[str]:
    """One sentence for each onset: whose value stays, whose changes, and by how much."""
    names = [str(shard.get("name", n)) for n, shard in enumerate(summary.get("shards") or [], 1)]
    lines = []
    for onset, verdict in (summary.get("constancy") or {}).items():
        found = (summary.get("reflection") or {}).get(onset) or {}
        changes = found.get("value_change") or []
        if len(changes) == len(names) and changes:
            said = _changes(names, changes)
            rest = f"tolerance {found['tolerance']:g}; verdict: {verdict}"
        else:
            said, rest = OUTCOMES.get(str(verdict), "has no verdict"), verdict
        lines.append(f"Reflecting {_where(onset)} {said} ({rest}).")
    return lines


def _where(onset: str) -> str:
    """Where reflection starts, in words."""
    if onset == "contested":
        return "in contested contexts"
    return f"near the {onset[5:]}" if onset.startswith("near-") else f"from the onset {onset}"


def _changes(names: Sequence[str], changes: Sequence[Mapping[str, Any]]) -> str:
    """What becomes of each shard's value: kept first, then changed, then undecided."""
    kept, changed, unsure = [], [], []
    for name, change in zip(names, changes, strict=True):
        by_verdict = {
            verdict: {place: one for place, one in change.items() if one["verdict"] == verdict}
            for verdict in ("drifted", "undecided")
        }
        if drifted := by_verdict["drifted"]:
            place, mean = _largest(drifted)
            verb = "lowers" if mean < 0 else "raises"
            part = f"{verb} the {name} shard's value by {abs(mean):.2f} of its range"
            changed.append(f"{part} {PLACES[place]}")
        elif undecided := by_verdict["undecided"]:
            place, _ = _largest(undecided)
            by = interval(undecided[place], "{:+.2f}")
            unsure.append(f"{name} shard {by} {PLACES[place]}")
        else:
            kept.append(f"the {name} shard's")
    stays = [f"leaves {listed(kept)} value{'s' * (len(kept) > 1)} unchanged"] if kept else []
    effect = "has an uncertain effect on values, in fractions of their range:"
    return listed([*stays, *changed, *([f"{effect} {listed(unsure)}"] if unsure else [])])


def _largest(changes: Mapping[str, Mapping[str, Any]]) -> tuple[str, float]:
    """The place with the largest mean change, and that change."""
    place = max(changes, key=lambda one: abs(changes[one]["mean"]))
    return place, changes[place]["mean"]
