"""The tables of `bench shards`: one row a kind, then one row a method over the same cases, then
for networks one row a gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.aggregate import wilson
from shardsim.base.columns import aligned
from shardsim.bench.planted.rules import NULL_KINDS, SHARD_KINDS
from shardsim.bench.shards import CANNOT, OWN, Line, reported_gap

BEYOND = "beyond-rank"
NONE = "–"
KIND_HEAD = (
    "planted", "cases", "K right", "ARI", "cosine", "share error", "covered", "false shards",
    "cannot tell", "s per fit",
)  # fmt: skip
OWN_HEAD = ("own ARI", "where clear", "own share error", "own covered")
CURVE_HEAD = (
    "gap at most", "cases", "not taught", "gap", "K right", "ARI", "cosine", "share error",
    "covered", *OWN_HEAD, "false shards", "cannot tell",
)  # fmt: skip
METHOD_HEAD = (
    "method", "cases", "K right", "ARI", "cosine", "share error", "false shards", "s per fit",
)  # fmt: skip


def table(found: Sequence[Line]) -> str:
    """Return the rows of kinds, sums over kinds, and the methods side by side.

    Of networks the rows of kinds and methods are those at the reported gap; below them stands a row
    a gap, with what the networks themselves do as another truth.
    """
    asked = sorted({line.asked for line in found}, reverse=True)
    shown = [one for one in found if one.asked == reported_gap(asked) and one.taught]
    own = [line for line in shown if line.method == OWN]
    kinds = list(dict.fromkeys(line.kind for line in own))
    shards = [line for line in own if scored(line)]
    nulls = [line for line in own if line.kind in NULL_KINDS]
    rows = [kind_row(kind, [line for line in own if line.kind == kind]) for kind in kinds]
    sums = {"all K <= rank": shards, "all nulls": nulls}
    rows += [kind_row(name, lines) for name, lines in sums.items() if lines]
    methods = list(dict.fromkeys(line.method for line in shown))
    beside = [method_row(name, [li for li in shown if li.method == name]) for name in methods]
    text = [*aligned([KIND_HEAD, *rows]), "", *aligned([METHOD_HEAD, *beside])]
    return "\n".join([*text, *_by_gap(found, asked)] if max(asked) > 0 else text)


def _by_gap(found: Sequence[Line], asked: Sequence[float]) -> list[str]:
    """The curve over gaps, and the networks that stand in none of its rows."""
    every = [[line for line in found if line.asked == gap and line.method == OWN] for gap in asked]
    rows = [curve_row(gap, lines) for gap, lines in zip(asked, every, strict=True)]
    missing = [
        f"not taught to {line.asked:g} bits: {line.kind} {line.number} in {line.env}, which stayed "
        f"{line.gap:.4f} from its rule"
        for lines in every
        for line in lines
        if not line.taught
    ]
    return ["", *aligned([CURVE_HEAD, *rows]), *([""] if missing else []), *missing]


def curve_row(gap: float, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the cells of `CURVE_HEAD` for all networks of one gap; those not taught are counted
    and not scored."""
    taught = [line for line in lines if line.taught]
    real = [line for line in taught if scored(line)]
    nulls = [line for line in taught if line.kind in NULL_KINDS]
    return (
        f"{gap:g}",
        str(len(taught)),
        str(len(lines) - len(taught)),
        f"{np.mean([line.gap for line in taught]):.4f}" if taught else NONE,
        part([line.planted == line.found for line in real]),
        *_scores(real),
        part([one for line in real for one in line.covered]),
        _mean(real, "own_rand", 2),
        _mean(real, "own_rand_clear", 2),
        _mean(real, "own_share_error", 3),
        part([one for line in real for one in line.own_covered]),
        part([line.false_shards for line in nulls]),
        part([line.verdict == CANNOT for line in taught]),
    )


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
    return _mean(lines, "rand", 2), _mean(lines, "cosine", 3), _mean(lines, "share_error", 3)


def _mean(lines: Sequence[Line], field: str, digits: int) -> str:
    """The mean of a field over the lines that have it."""
    values = [v for line in lines if np.isfinite(v := getattr(line, field))]
    return f"{np.mean(values):.{digits}f}" if values else NONE


def part(hits: Sequence[bool]) -> str:
    """A proportion with its 90 % interval."""
    if not hits:
        return NONE
    low, high = wilson(sum(hits), len(hits))
    return f"{np.mean(hits):.2f} [{low:.2f}, {high:.2f}]"
