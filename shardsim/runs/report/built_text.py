"""What built each shard, as sentences made from a summary's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shardsim.runs.report.formats import interval, minus

FORM = "{:.2f}"


def built_by(summary: Mapping[str, Any]) -> list[str]:
    """A sentence a shard; none in a summary without updates."""
    rows = summary.get("built") or []
    shards = dict.fromkeys(row["shard"] for row in rows)
    return [_sentence([row for row in rows if row["shard"] == shard]) for shard in shards]


def _sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    shard = f"shard {rows[0]['shard']} ({rows[0]['name']})"
    kinds = sorted((row for row in rows if row["frequent"]), key=lambda row: row["p_value"])
    if not kinds:
        return f"What built {shard} is not known: no reward was paid in enough episodes to tell."
    found = [row for row in kinds if row["selective"]]
    if not found:
        best = kinds[0]
        return (
            f"What built {shard} is not clear: no reward strengthens it, and it alone, by more "
            f"than chance ({best['event']}: push {_push(best)}, p = {_p(best)})."
        )
    told = " and ".join(f"{row['event']} (push {_push(row)}, p = {_p(row)})" for row in found)
    return (
        f"What built {shard}: {told}. The push is what the mean update of episodes with this "
        "reward does to the shard, relative to the update of one episode (root mean square)."
    )


def _push(row: Mapping[str, Any]) -> str:
    """The push with its interval over seeds, and what is to be expected by chance."""
    said, chance = interval(row["push"], FORM), row["chance"]
    if not chance:
        return said
    low, high = (FORM.format(chance[end]) for end in ("low", "high"))
    return minus(f"{said}, by chance {low} to {high}")


def _p(row: Mapping[str, Any]) -> str:
    return f"{row['p_value']:.2g}"
