"""What the memory of agents does, as sentences made from a summary's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from shardsim.runs.report.formats import count, interval, listed

FORM = "{:.3f}"


def remembered(summary: Mapping[str, Any]) -> list[str]:
    """How far an empty memory stands for the agents, and what memory saves; none without one."""
    found = summary.get("memory")
    if not found:
        return []
    gap, saved = (interval(found[name], FORM) for name in ("gap", "saved"))
    remembers, agents = sum(found["remembers"]), count(len(found["remembers"]), "agent")
    verdicts = Counter(found["lived_verdict"]).most_common()
    said = listed([f"‘{verdict}’ for {count(number)}" for verdict, number in verdicts])
    names = Counter(name for name in found["lived_names"] if name).most_common()
    pushed = "; ".join(f"{name} ({count(number)})" for name, number in names) or "none"
    lines = [
        "These agents have a memory, and all that is said of their shards is of how they act with "
        f"an empty memory, which misses what they do in their episodes by {gap} bits a decision.",
        f"Models of what happened before predict each decision {saved} bits better than models of "
        "the state alone, beyond what they gain on twins that remember nothing: more than chance "
        f"in {count(remembers)} of {agents}. Identified by how they act on average over their "
        f"pasts, the verdict is {said}; shards by agent: {pushed}.",
    ]
    if 2 * remembers > len(found["remembers"]):
        lines.append(
            "Most of them remember, so what is a shard and what is memory cannot be told apart."
        )
    lines.append(
        "There is no reflection and no diagnosis of agents with a memory: both are exact for "
        "policies of the state alone."
    )
    return lines
