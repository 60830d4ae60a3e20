"""What objects do to activations, as sentences of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardsim.runs.report.formats import interval, listed, minus
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
    raw, blank = shard[ACTIVATIONS], shard.get(BLANK)
    said = _beside(raw, blank)
    if action[ACTIVATIONS]["mean"] > max(CHANCE, raw["mean"]):
        known = _information(action[ACTIVATIONS])
        line = (
            f"Clusters of raw activations follow the action (adjusted mutual information {known})"
        )
        if raw["mean"] < CHANCE:
            line += f", not the strongest shard ({said})"
        elif blank is not None and raw["mean"] <= blank["high"]:
            line += f", and the strongest shard no more than in an untrained network ({said})"
        else:
            line += f", and less the strongest shard ({said})"
    else:
        line = "Clusters of raw activations agree with the strongest shard by an adjusted mutual "
        line += f"information of {said}"
    if SIZES not in shard:
        return [f"{line}."]
    size, blank = shard[SIZES], shard.get(BLANK_SIZES)
    sure = size["low"] > max(CHANCE, blank["high"] if blank else CHANCE)
    verb = "follow" if sure else "do not surely follow"
    return [
        f"{line}; clusters by how much each object changes the activations {verb} the strongest "
        f"shard ({_beside(size, blank)})."
    ]


def _beside(found: Mapping[str, float], untrained: Mapping[str, float] | None) -> str:
    """A figure with its interval, and the mean in untrained networks."""
    if untrained is None:
        return _information(found)
    return f"{_information(found)}; untrained {minus(format(untrained['mean'], '.2f'))}"


def _information(found: Mapping[str, float]) -> str:
    return interval(found, "{:.2f}")


def activity(summary: Mapping[str, Any]) -> list[str]:
    """How well the size of what an object does says that its shard is active."""
    found = summary.get("activity_auc") or {}
    told = []
    for shard, one in found.items():
        beside = f", untrained {one['untrained']:.2f}" if "untrained" in one else ""
        told.append(f"{shard} {interval(one, '{:.2f}')}{beside}")
    if not told:
        return []
    return [
        "The size of what removing its object does to a layer tells contexts where a shard is "
        f"active from others (area under the ROC curve, chance 0.5): {listed(told)}."
    ]
