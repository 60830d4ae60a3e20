"""The tables of `bench shards`: one row a kind, then one row a method over the same cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.columns import aligned
from shardsim.bench.planted.rules import NULL_KINDS, SHARD_KINDS
from shardsim.bench.scores import wilson
from shardsim.bench.shards import CANNOT, OWN, Line

BEYOND = "beyond-rank"
NONE = "–"
KIND_HEAD = (
    "planted", "cases", "K right", "ARI", "cosine", "share error", "covered", "false shards",
    "cannot tell", "s per fit",
)  # fmt: skip
METHOD_HEAD = (
    "method", "cases", "K right", "ARI", "cosine", "share error", "false shards", "s per fit",
)  # fmt: skip


def table(found: Sequence[Line]) -> str:
    """Return the rows of kinds, sums over kinds, and the methods side by side."""
    own = [line for line in found if line.method == OWN]
    kinds = list(dict.fromkeys(line.kind for line in own))
    shards = [line for line in own if scored(line)]
    nulls = [line for line in own if line.kind in NULL_KINDS]
    rows = [kind_row(kind, [line for line in own if line.kind == kind]) for kind in kinds]
    sums = {"all K <= rank": shards, "all nulls": nulls}
    rows += [kind_row(name, lines) for name, lines in sums.items() if lines]
    methods = list(dict.fromkeys(line.method for line in found))
    beside = [method_row(name, [li for li in found if li.method == name]) for name in methods]
    text = [*aligned([KIND_HEAD, *rows]), "", *aligned([METHOD_HEAD, *beside])]
    gap = [line.gap for line in own]
    if max(gap) > 0:
        text += ["", f"networks miss their rules by {np.mean(gap):.4f} bits per decision"]
    return "\n".join(text)


def scored(line: Line) -> bool:
    """Whether there are shards to be recovered, no more than can be told apart."""
    return line.kind in SHARD_KINDS and line.kind != BEYOND


def kind_row(name: str, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the cells of `KIND_HEAD` for the lines of one kind, or of several."""
    real = [line for line in lines if scored(line)]
    nulls = [line for line in lines if line.kind in NULL_KINDS]
    inside = [one for line in real for one in line.covered]
    return (
        name,
        str(len(lines)),
        part([line.planted == line.found for line in real]),
        *_scores(real),
        part(inside),
        part([line.false_shards for line in nulls]),
        part([line.verdict == CANNOT for line in lines]),
        f"{np.mean([line.seconds for line in lines]):.1f}",
    )


def method_row(name: str, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the cells of `METHOD_HEAD` over all lines of one method."""
    real = [line for line in lines if scored(line)]
    nulls = [line for line in lines if line.kind in NULL_KINDS]
    return (
        name,
        str(len(lines)),
        part([line.planted == line.found for line in real]),
        *_scores(real),
        part([line.false_shards for line in nulls]),
        f"{np.mean([line.seconds for line in lines]):.1f}",
    )


def _scores(lines: Sequence[Line]) -> tuple[str, str, str]:
    """Mean Rand index, cosine and share error."""
    found = []
    for field, digits in (("rand", 2), ("cosine", 3), ("share_error", 3)):
        values = [v for line in lines if np.isfinite(v := getattr(line, field))]
        found.append(f"{np.mean(values):.{digits}f}" if values else NONE)
    return found[0], found[1], found[2]


def part(hits: Sequence[bool]) -> str:
    """A proportion with its 90 % interval."""
    if not hits:
        return NONE
    low, high = wilson(sum(hits), len(hits))
    return f"{np.mean(hits):.2f} [{low:.2f}, {high:.2f}]"
