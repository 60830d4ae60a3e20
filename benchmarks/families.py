"""Run every family's shipped config from training to report, and print what came out.

    python benchmarks/families.py [--out runs/families] [--until train] [--only two-goods ...]
                                  [--set train.total_steps=20000 ...]

Each config runs in a process of its own, as a user would run it. What is finished in the folder is
not done again, and a run that was stopped goes on; one that fails is named at the end, and the
others run all the same. One line a family: size of the state space, return ÷ optimum by seed, the
verdict, every shard's share of decision influence on target levels with its 90 % interval (a star:
confirmed), and the wall seconds of each stage.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.runs.run import Run
from shardsim.runs.stages import STAGES

CONFIGS = {"cheese-corner": "demo"}  # the others are named like their env
HEAD = ("env", "states", "held-out", "target", "verdict", "shares on target levels")
SLOWEST = 480.0  # seconds that a config may take, and a small world half of them
SMALL = 100  # states


def config_of(env_id: str) -> str:
    """Return the name of the experiment that trains in an env."""
    return CONFIGS.get(env_id, env_id.replace("-", "_"))


def spread(ratios: Sequence[float]) -> str:
    """Return the least and greatest of some ratios over seeds."""
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def share(shard: Mapping[str, Any]) -> str:
    """Return a shard's name and its share on target levels with its interval."""
    found = shard["share"]["target"]
    star = "*" if shard["confirmed"] else ""
    return f"{shard['name']}{star} {found['mean']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def row(run: Run) -> tuple[str, ...]:
    """Return one line of the table; what no stage has found yet is left empty."""
    found, seconds = run.summary, run.timings
    whole = sum(seconds.values())
    allowed = SLOWEST / 2 if run.env.num_states <= SMALL else SLOWEST
    return (
        run.env.name,
        str(run.env.num_states),
        spread(found["return_ratio"]["held_out"]),
        spread(found["return_ratio"]["target"]),
        found.get("verdict", ""),
        ", ".join(map(share, found.get("shards", []))),
        *(f"{seconds[stage]:.0f}" if stage in seconds else "" for stage in STAGES),
        f"{whole:.0f}{' (too slow)' if whole > allowed else ''}",
    )


def line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def command(env_id: str, asked: argparse.Namespace) -> list[str]:
    """Return the command that runs one family's config, or goes on with it."""
    until = ["--until", asked.until] if asked.until else []
    out = ["--out", str(asked.out / env_id)]
    return [sys.executable, "-m", "shardsim", "run", config_of(env_id), *asked.set, *out, *until]


def run_family(env_id: str, asked: argparse.Namespace) -> str | None:
    """Run one family and print its line; return in words what failed, if anything did."""
    print(f"{env_id} ...", file=sys.stderr)
    ended = subprocess.run(command(env_id, asked), stdout=subprocess.DEVNULL, check=False)
    if ended.returncode:
        return f"{env_id}: exit code {ended.returncode}"
    try:
        print(line(row(ss.load(asked.out / env_id))), flush=True)
    except UserError as error:
        return f"{env_id}: {error}"
    return None


def main() -> int:
    """Run what is asked for and print the table; 1 where some family failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/families"))
    parser.add_argument("--until", metavar="STAGE", choices=list(STAGES), help="the last stage")
    parser.add_argument("--only", nargs="*", choices=ss.list_envs(), default=ss.list_envs())
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="of every config")
    asked = parser.parse_args()
    head = (*HEAD, *(f"{stage} s" for stage in STAGES), "all s")
    print(line(head) + "\n|" + "---|" * len(head), flush=True)
    failed = [said for env_id in asked.only if (said := run_family(env_id, asked))]
    for said in failed:
        print(f"failed: {said}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
