"""The first screen of the report: five questions about a run, each with a short answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import xarray as xr

from shardsim.base.errors import UserError
from shardsim.runs import events
from shardsim.runs.report.formats import listed, percent
from shardsim.runs.report.reflection_text import where
from shardsim.runs.report.text import CATEGORIES, returns_of
from shardsim.shards.tracking.events import FIRST, NULL

NOT_KNOWN = "Not in this run"
WORST_FIRST = ("drifted", "undecided", "constant", "undefined")  # verdicts of constancy


class Answer(NamedTuple):
    """One question, its answer in a word or two, and what stands behind it."""

    question: str
    answer: str
    detail: str = ""


def glance(summary: Mapping[str, Any], track: xr.Dataset | None) -> list[Answer]:
    """Answer the questions in the order of the pipeline, from what a run has."""
    return [
        Answer("Did the agents learn?", *_learned(summary)),
        Answer("Which shards, and how sure?", *_found(summary)),
        Answer("When did they form?", *_formed(track)),
        Answer("Do values last under reflection?", *_lasting(summary)),
        Answer("Is the agent healthy?", *_health(summary)),
    ]


def _learned(summary: Mapping[str, Any]) -> tuple[str, str]:
    returns = returns_of(summary)
    known = {
        split: [value for value in values if value is not None]
        for split, values in returns.shares.items()
    }
    means = {split: sum(values) / len(values) for split, values in known.items() if values}
    if "held_out" not in means:
        return NOT_KNOWN, ""
    of = "of the optimum" if returns.ratio else "of the range from worst to best"
    target = f"; {percent(means['target'])} on target levels" if "target" in means else ""
    return percent(means["held_out"]), f"{of} on held-out levels{target}"


def _found(summary: Mapping[str, Any]) -> tuple[str, str]:
    verdict = summary.get("verdict")
    if verdict is None:
        return NOT_KNOWN, ""
    shards = summary.get("shards") or []
    names = [
        f"{shard.get('name', number)} {share['mean']:.2f} [{share['low']:.2f}, {share['high']:.2f}]"
        for number, shard in enumerate(shards, start=1)
        if (share := (shard.get("share") or {}).get("target"))
    ]
    sure = sum(bool(shard.get("confirmed")) for shard in shards)
    if not names:
        return verdict.capitalize(), ""
    behind = f"{sure} of {len(shards)} supported by all kinds of evidence"
    return verdict.capitalize(), f"share on target levels: {', '.join(names)}; {behind}"


def _formed(track: xr.Dataset | None) -> tuple[str, str]:
    """When each shard first exceeded its null, in the median seed."""
    if track is None:
        return NOT_KNOWN, ""
    try:
        rows = events.over_all(track, None, [NULL])
    except UserError as error:
        return "Not known", str(error)
    names = events.names_of(track)
    first = {one.shard: one for one in rows if one.kind == FIRST}
    came = {names[number]: one for number, one in first.items() if math.isfinite(one.median[1])}
    if not first:
        return "No shard", ""
    said = [
        f"{name} by {one.median[1]:,.0f} (seen in {one.happened} of {len(one.times)} seeds)"
        for name, one in came.items()
    ]
    never = [names[number] for number in first if names[number] not in came]
    if never:
        said.append(f"not in most seeds: {listed(never)}")
    detail = f"env steps by which a share exceeds that of untrained networks: {'; '.join(said)}"
    return f"{len(came)} of {len(first)} formed", detail


def _lasting(summary: Mapping[str, Any]) -> tuple[str, str]:
    verdicts = summary.get("constancy") or {}
    if not verdicts:
        return NOT_KNOWN, ""
    by: dict[str, list[str]] = {}
    for onset, verdict in verdicts.items():
        by.setdefault(str(verdict), []).append(where(onset))
    told = sorted(by, key=WORST_FIRST.index)
    detail = "; ".join(f"{verdict}: reflecting {listed(by[verdict])}" for verdict in told)
    return f"{told[0].capitalize()} from {len(by[told[0]])} of {len(verdicts)} onsets", detail


def _health(summary: Mapping[str, Any]) -> tuple[str, str]:
    found = summary.get("diagnosis") or {}
    category = found.get("world")
    if category is None:
        return NOT_KNOWN, ""
    if category == "healthy":
        return "Yes", CATEGORIES[category]
    if category == "representation":
        goal = found.get("representation") or "none of the concepts"
        return f"Wrong goal: {goal}", "near-optimal on levels as in training, not on target levels"
    if category == "wrong-code":
        return "Wrong code", f"section {found.get('section')}"
    return category.capitalize(), CATEGORIES.get(category, "")
