"""What objects do to activations, as sentences of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardsim.runs.report.formats import interval, listed
from shardsim.shards.evidence.agreement import (
    ACTION,
    ACTIVATIONS,
    BLANK,
    BLANK_SIZES,
    SIZES,
    STRONGEST,
)

CHANCE = 0.05  # adjusted mutual information below which clusters agree no better than by chance


def agreement(summary: Mapping[str, Any]) -> list[str]:
    """What raw clusters follow, and whether those of what objects do follow the shards."""
    found = summary.get("agreement") or {}
    shard, action = found.get(STRONGEST) or {}, found.get(ACTION) or {}
    if ACTIVATIONS not in shard:
        return []
    raw = _information(shard[ACTIVATIONS])
    follow = action[ACTIVATIONS]["mean"] > max(CHANCE, shard[ACTIVATIONS]["mean"])
    line = "Clusters of raw activations agree with the strongest shard by"
    if follow:
        line = "Clusters of raw activations follow the action (adjusted mutual information "
        line += f"{_information(action[ACTIVATIONS])}), not the strongest shard ({raw}"
    else:
        line += f" an adjusted mutual information of {raw} (0 is chance"
    if BLANK in shard:
        line += f"; untrained {_information(shard[BLANK])}"
    if SIZES not in shard:
        return [f"{line})."]
    blank = shard.get(BLANK_SIZES)
    beside = "" if blank is None else f"; untrained {_information(blank)}"
    least = CHANCE if blank is None else max(CHANCE, blank["high"])
    verb = "follow" if shard[SIZES]["low"] > least else "do not surely follow"
    return [
        f"{line}); clusters by how much each object changes the activations {verb} the strongest "
        f"shard ({_information(shard[SIZES])}{beside})."
    ]


def _information(found: Mapping[str, float]) -> str:
    return interval(found, "{:.2f}")


def activity(summary: Mapping[str, Any]) -> list[str]:
    """How well the size of what an object does says that its shard is active."""
    found = summary.get("activity_auc") or {}
    told = []
    for shard, one in found.items():
        beside = f"; untrained {one['untrained']:.2f}" if "untrained" in one else ""
        told.append(f"{shard} {interval(one, '{:.2f}')}{beside}")
    if not told:
        return []
    return [
        "The size of what removing its object does to a layer tells contexts where a shard is "
        f"active from others (area under the ROC curve, chance 0.5): {listed(told)}."
    ]
