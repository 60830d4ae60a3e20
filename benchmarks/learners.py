"""Print which shards agents of each learner have, over finished sweeps of `train.learner`.

    python benchmarks/learners.py runs/study-learners/* [--json FILE]

The end of `make study-learners`. A run in a folder WORLD+NAME stands beside the learners of the
sweep WORLD, under the kind of its network. For each world and learner: return over the optimum on
held-out and target levels, shardness (bits per decision) beside the largest null, the verdict, and
each shard's share on target levels; means over training seeds with 90 % intervals. Then what
`shardsim compare` says of the learners of each sweep: returns, shardness and each concept's share
of the decision influence, with probabilities of improvement. It reads results and trains nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from timing import print_table

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.base.statistics import t_interval
from shardsim.runs.comparison.text import as_data, as_text
from shardsim.runs.io import json_text
from shardsim.runs.pipeline import is_run
from shardsim.runs.run import Run
from shardsim.runs.sweep.index import open_sweep

KEY, SPLIT = "train.learner", "target"
COMPARED = ("return.held-out", "return.target", "shardness", "concept.target")
HEADS = (
    *("world", "learner", "seeds", "held-out", "target", "shardness", "largest null"),
    *("verdict", "shards"),
)


def runs_of(folder: Path) -> dict[str, Run]:
    """Return learner -> run of one sweep, its points in their order; of a run its network's kind.

    Raises UserError where the folder is no run or sweep of learners, or is not identified.
    """
    if is_run(folder):
        run = _identified(folder)
        return {run.config.train.network.kind: run}
    sweep = open_sweep(folder)
    if sweep.keys != [KEY]:
        raise UserError(f"{folder} varies {', '.join(sweep.keys)}; give a sweep of {KEY} alone")
    found = {}
    for entry in sweep.entries:
        found[str(entry.settings[KEY])] = _identified(sweep.path / entry.name)
    return found


def _identified(folder: Path) -> Run:
    run = ss.load(folder)
    if not run.store.finished("identify"):
        raise UserError(f"{run.path} is not identified; finish it first")
    return run


def worlds_of(folders: Sequence[Path]) -> dict[str, dict[str, Run]]:
    """Return world -> learner or kind of network -> run, folders WORLD+NAME with those of WORLD."""
    found: dict[str, dict[str, Run]] = {}
    for folder in folders:
        found.setdefault(folder.name.partition("+")[0], {}).update(runs_of(folder))
    return found


def row(world: str, learner: str, summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one learner's line of the first table."""
    returns = summary["return_ratio"]
    return (
        world,
        learner,
        str(len(summary["seeds"])),
        *(_mean(returns[split]) for split in ("held_out", "target")),
        _interval(summary["shardness"]),
        f"{summary['shardness_test']['threshold']:.3f}",
        str(summary["verdict"]),
        "; ".join(_shard(one) for one in summary["shards"]) or "none",
    )


def _shard(one: Mapping[str, Any]) -> str:
    confirmed = "*" if one["confirmed"] else ""
    return f"{one['name']}{confirmed} {_interval(one['share'][SPLIT], 2)}"


def _mean(values: Sequence[float | None]) -> str:
    if any(value is None for value in values):
        return "none"
    known = np.array(values, np.float64)
    if len(known) == 1:
        return f"{known[0]:.3f}"
    found = t_interval(known)
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _interval(found: Mapping[str, float], digits: int = 3) -> str:
    return f"{found['mean']:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def main() -> int:
    """Print the table of all sweeps and the comparison of each; 2 where one cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweeps", nargs="+", type=Path)
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    asked = parser.parse_args()
    rows, compared = [], {}
    try:
        for world, runs in worlds_of(asked.sweeps).items():
            rows += [row(world, learner, run.summary) for learner, run in runs.items()]
        for folder in asked.sweeps:
            if not is_run(folder):
                compared[folder.name] = ss.compare(folder, COMPARED, against=KEY)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print_table(f"Shards by learner, {SPLIT} levels (* confirmed)", HEADS, rows)
    for world, found in compared.items():
        print(f"\n{world}: learners compared\n\n{as_text(found)}")
    if asked.json:
        told = {
            "rows": [dict(zip(HEADS, one, strict=True)) for one in rows],
            "compared": {world: as_data(found) for world, found in compared.items()},
        }
        Path(asked.json).write_text(json_text(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
