"""Print which shards agents of each learner have, over finished sweeps of `train.learner`.

    python benchmarks/learners.py runs/study-learners/* [--json FILE]

The end of `make study-learners`. A run in a folder WORLD+NAME stands beside the learners of the
sweep WORLD, under the kind of its network. For each world and learner: return over the optimum on
held-out and target levels, shardness (bits per decision) beside the largest null, the verdict, each
shard's share on target levels; means over training seeds with 90 % intervals. Then, for every
concept, its share of the decision influence under each learner less that under PPO (Welch's
interval of the difference). It reads each run's results and trains nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from timing import print_table

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.base.statistics import t_interval, welch_difference
from shardsim.runs.pipeline import is_run
from shardsim.runs.run import Run
from shardsim.runs.sweep.index import open_sweep

KEY, FIRST, SPLIT = "train.learner", "ppo", "target"
HEADS = (
    *("world", "learner", "seeds", "held-out", "target", "shardness", "largest null"),
    *("verdict", "shards"),
)
APART = ("world", "concept", "learner", "share", f"less {FIRST}'s", "90 %")


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


def apart(world: str, shares: Mapping[str, np.ndarray], concepts: Sequence[str]) -> list[tuple]:
    """Return the lines of the second table, of shares float[seeds, concepts] by learner."""
    lines = []
    for at, concept in enumerate(concepts):
        for learner, own in shares.items():
            less, reach = "", ""
            if learner != FIRST and FIRST in shares and min(map(len, shares.values())) > 1:
                found = welch_difference(own[:, at], shares[FIRST][:, at])
                less, reach = f"{found.mean:+.3f}", f"[{found.low:+.3f}, {found.high:+.3f}]"
            lines.append((world, concept, learner, f"{own[:, at].mean():.3f}", less, reach))
    return lines


def main() -> int:
    """Print both tables of every sweep; 2 where one cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweeps", nargs="+", type=Path)
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    asked = parser.parse_args()
    rows, differences, kept = [], [], {}
    try:
        for world, runs in worlds_of(asked.sweeps).items():
            shares = {}
            for learner, run in runs.items():
                rows.append(row(world, learner, run.summary))
                shares[learner] = run.shards.concept_shares(SPLIT)
            concepts = next(iter(runs.values())).shards.concepts
            differences += apart(world, shares, concepts)
            kept[world] = {name: own.tolist() for name, own in shares.items()}
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print_table(f"Shards by learner, {SPLIT} levels (* confirmed)", HEADS, rows)
    print_table(f"Share of decision influence by concept, {SPLIT} levels", APART, differences)
    if asked.json:
        told = {"rows": [dict(zip(HEADS, one, strict=True)) for one in rows], "shares": kept}
        Path(asked.json).write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
