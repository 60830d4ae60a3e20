"""Run every family's shipped config from training to report, and print what came out.

    python benchmarks/families.py [--out runs/families] [--until train] [--only two-goods ...]

What is finished in the folder is not done again. One line a family: size of the state space, return
÷ optimum by seed on held-out and target levels, shards and verdict, wall seconds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shardsim as ss
from shardsim.runs.run import Run

CONFIGS = {"cheese-corner": "demo"}  # the others are named like their env
HEAD = ("env", "states", "held-out", "target", "shards", "verdict", "train s", "all s")


def config_of(env_id: str) -> str:
    """Return the name of the experiment that trains in an env."""
    return CONFIGS.get(env_id, env_id.replace("-", "_"))


def spread(ratios: list[float]) -> str:
    """Return the least and greatest of some ratios over seeds."""
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def row(run: Run) -> tuple[str, ...]:
    """Return one line of the table."""
    found, seconds = run.summary, run.timings
    return (
        run.env.name,
        str(run.env.num_states),
        spread(found["return_ratio"]["held_out"]),
        spread(found["return_ratio"]["target"]),
        str(found.get("num_shards", "")),
        found.get("verdict", ""),
        f"{seconds['train']:.0f}",
        f"{sum(seconds.values()):.0f}",
    )


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/families"))
    parser.add_argument("--until", metavar="STAGE", help="the last stage to do [report]")
    parser.add_argument("--only", nargs="*", default=ss.list_envs(), metavar="ID")
    asked = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for env_id in asked.only:
        print(f"{env_id} ...", file=sys.stderr)
        done = ss.run(config_of(env_id), out=asked.out / env_id, until=asked.until)
        print("| " + " | ".join(row(done)) + " |", flush=True)


if __name__ == "__main__":
    main()
