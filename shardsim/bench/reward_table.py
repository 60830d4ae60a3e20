"""The tables of `bench shards --tier reward`: one row a kind of history, then one row an agent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.columns import aligned
from shardsim.bench.reward_cases import REWARD_NULLS, RewardLine
from shardsim.bench.shards import CANNOT
from shardsim.bench.shards_table import NONE, part

KIND_HEAD = (
    "paid", "cases", "return/optimum", "K right", "wanted", "gate AUC", "beyond shuffled",
    "says shards", "cannot tell", "s per fit",
)  # fmt: skip
CASE_HEAD = (
    "agent", "env", "return/optimum", "planted", "found", "verdict", "wanted", "gate AUC",
    "what paid where",
)  # fmt: skip


def table(found: Sequence[RewardLine]) -> str:
    """Return the rows of kinds, sums over kinds, and every agent by itself."""
    kinds = list(dict.fromkeys(line.kind for line in found))
    rows = [kind_row(kind, [line for line in found if line.kind == kind]) for kind in kinds]
    sums = {
        "all with several": [line for line in found if line.kind not in REWARD_NULLS],
        "all nulls": [line for line in found if line.kind in REWARD_NULLS],
    }
    rows += [kind_row(name, lines) for name, lines in sums.items() if lines]
    agents = [case_row(line) for line in found]
    return "\n".join([*aligned([KIND_HEAD, *rows]), "", *aligned([CASE_HEAD, *agents])])


def kind_row(name: str, lines: Sequence[RewardLine]) -> tuple[str, ...]:
    """Return the cells of `KIND_HEAD` for the lines of one kind, or of several."""
    learnt = [line.achieved / line.optimum for line in lines if line.optimum > 0]
    areas = [one for line in lines for one in line.contrast if np.isfinite(one)]
    return (
        name,
        str(len(lines)),
        _mean(learnt),
        part([line.planted == line.found for line in lines]),
        part([one for line in lines for one in line.wanted]),
        _mean(areas),
        part([one for line in lines for one in line.beyond]),
        part([line.false_shards for line in lines]),
        part([line.verdict == CANNOT for line in lines]),
        f"{np.mean([line.seconds for line in lines]):.1f}",
    )


def case_row(line: RewardLine) -> tuple[str, ...]:
    """Return the cells of `CASE_HEAD` for one agent."""
    return (
        f"{line.kind} {line.number}",
        line.env,
        f"{line.achieved / line.optimum:.2f}" if line.optimum > 0 else NONE,
        str(line.planted),
        str(line.found),
        line.verdict,
        " ".join("yes" if one else "no" for one in line.wanted) or NONE,
        " ".join(f"{one:.2f}" for one in line.contrast) or NONE,
        line.paid or "nothing",
    )


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" if values else NONE
