"""Steps of training a second: our PPO beside rejax, a plain JAX loop and Stable-Baselines3.

    python benchmarks/train.py [--repeats 3] [--steps 200000] [--seeds 1 4] [--json FILE]

cheese-corner as `make demo` trains in it, seen from the agent; hidden layers, batch, epochs,
minibatches and coefficients are the same. The peers are used as their libraries are: all have a
critic of its own beside the actor, where ours share their hidden layers. Peers begin episodes from
the same kind of bank. The plain JAX loop is `plain_ppo.py`. Nothing else may run on the machine;
peers that are absent say so.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import train_peers
from timing import Case, close, machine, measure, measured, print_table, rate, ratio

import shardsim as ss
from shardsim.agent.config import TrainConfig
from shardsim.agent.hyperparameters import hyperparameters
from shardsim.agent.spread import spread
from shardsim.agent.train import advance, begin, make_learner, train
from shardsim.base.compiled import keep_nothing
from shardsim.env.core import Env

OURS = "shardsim"
AIMS = {"rejax": 1.5, "plain JAX loop": 1.5, "stable-baselines3": 20.0}  # times as fast, one seed


class Trainer(NamedTuple):
    """Something that trains: how long until its first steps, and a run of it."""

    name: str
    begin: Callable[[Env, TrainConfig], Callable[[int], None]]  # -> run(repeat), compiled
    batched: bool = True  # else seeds follow one another, and are timed with one


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200_000, help="of each seed, in one run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--only", default="", help="trainers whose name contains this")
    parser.add_argument("--json", metavar="FILE", help="write every measurement")
    return parser.parse_args()


def ours(env: Env, config: TrainConfig) -> Callable[[int], None]:
    """Train here: all that `train` does up to the first update, then its loop alone is timed."""
    going = train(config, jax.random.key(0), env=env)
    next(going), next(going)
    banks, carry = begin(env, config, jax.random.key(0))
    learner = make_learner(env, config)
    updates = config.updates
    numbers = hyperparameters(config)
    loop = partial(advance, learner, numbers, count=np.int32(updates), updates=np.float32(updates))
    return lambda repeat: jax.block_until_ready(spread(loop, banks, carry)[0])


TRAINERS = (
    Trainer(OURS, ours),
    Trainer("rejax", train_peers.rejax),
    Trainer("plain JAX loop", train_peers.plain),
    Trainer("stable-baselines3", train_peers.stable_baselines, batched=False),
)


def cases(asked: argparse.Namespace, env: Env) -> list[Case]:
    """Prepare every trainer that is installed for every number of seeds."""
    found = []
    for seeds in asked.seeds:
        config = TrainConfig(seeds=seeds, total_steps=asked.steps, checkpoints=2)
        for trainer in TRAINERS:
            if asked.only not in trainer.name or (seeds > 1 and not trainer.batched):
                continue
            jax.clear_caches()
            begun = time.perf_counter()
            try:
                run = trainer.begin(env, config)
            except ImportError:
                print(f"{trainer.name}: not installed", flush=True)
                continue
            waited = time.perf_counter() - begun
            steps = config.updates * config.num_envs * config.rollout_steps * seeds
            labels = {"seeds": seeds, "waited": round(waited, 1)}
            found.append(Case(trainer.name, steps, run, labels))
    return found


def main() -> None:
    """Time everything in turn, and print a table with ratios."""
    asked = options()
    keep_nothing()
    begun, about = time.perf_counter(), machine()
    env = ss.make("cheese-corner")
    jax.block_until_ready(jnp.zeros(1))
    found = cases(asked, env)
    measure(found, asked.repeats)
    rows = [
        [case.name, f"{case.labels['seeds']}", f"{case.labels['waited']}", rate(case), *against]
        for case in found
        for against in [_against(case, found)]
    ]
    heads = ["trainer", "seeds", "to the first update, s", "steps a second", "ours ÷ it", "aim"]
    print_table("Training", heads, rows)
    for line in _growth(found):
        print(line)
    close(about, begun, asked.json, cases=measured(found))


def _against(case: Case, found: list[Case]) -> tuple[str, str]:
    same = [each for each in found if each.labels["seeds"] == case.labels["seeds"]]
    mine = next((each for each in same if each.name == OURS), None)
    if mine is None or case is mine:
        return "", ""
    aim = AIMS[case.name] if case.labels["seeds"] == 1 else None
    return ratio(mine, case), f"{aim:g}" if aim else ""


def _growth(found: list[Case]) -> list[str]:
    """How many times as long several seeds take as one."""
    lines = []
    for case in found:
        one = next((x for x in found if x.name == case.name and x.labels["seeds"] == 1), None)
        if one is None or one is case:
            continue
        times = case.labels["seeds"] * one.median / case.median
        lines.append(f"{case.name}: {case.labels['seeds']} seeds in {times:.2f} × the time of one")
    return lines


if __name__ == "__main__":
    main()
