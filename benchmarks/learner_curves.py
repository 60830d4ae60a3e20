"""Return against steps: our learners beside those of rejax and Stable-Baselines3, in one world.

    python benchmarks/learner_curves.py [--steps 200000] [--seeds 4] [--only a2c] [--json FILE]

cheese-corner as `make demo` trains in it. Each learner has the same hidden layers, batch, discount,
λ, rates and schedules as its peer. What is measured is the same for all: the exact discounted
return of the policy on held-out levels, over the optimum, at eight moments; means over training
seeds with 90 % intervals (Student's). The policy of values is softmax(Q / temperature) on both
sides. Peers are used as their libraries are: rejax's PQN takes a time-out for an end, has no
dueling heads and clips each gradient by itself; Stable-Baselines3's A2C has a critic of its own
beside the actor. Peers that are absent say so.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import learner_peers
import numpy as np
from timing import close, machine, print_table

import shardsim as ss
from shardsim.agent.config import TrainConfig
from shardsim.agent.evaluation import reached
from shardsim.agent.hyperparameters import hyperparameters
from shardsim.agent.policy import capture
from shardsim.agent.spread import spread
from shardsim.agent.train import advance, begin, make_learner
from shardsim.base.statistics import SHARE, t_interval
from shardsim.env.core import Env

MOMENTS = 8
SHOWN = (1, 3, 7)  # of the moments: a quarter, half, all
SPLIT = "held-out"


class Learner(NamedTuple):
    """One kind of learner, and who else has it."""

    name: str
    peer: str
    curve: Callable[..., np.ndarray]  # (env, config, exam) -> float[seeds, MOMENTS]


PEERS = (
    Learner("ppo", "rejax", partial(learner_peers.rejax, "PPO")),
    Learner("a2c", "stable-baselines3", learner_peers.stable_baselines_a2c),
    Learner("pqn", "rejax", partial(learner_peers.rejax, "PQN")),
)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200_000, help="of each seed")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", default="", help="learners whose name contains this")
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    parser.add_argument("--json", metavar="FILE", help="write every curve")
    return parser.parse_args()


def config_of(name: str, asked: argparse.Namespace) -> TrainConfig:
    """Return the settings of a learner and its peer, without what only one of them can do.

    Peers have no schedule of the entropy bonus, and those of rejax none of the learning rate.
    """
    steady = {} if name == "pqn" else {"entropy_end": 0.01}
    given = {"learner": name, "learning_rate_end": 1.0, "seeds": asked.seeds, **steady}
    more = {"total_steps": asked.steps, "first_seed": asked.first_seed, "evaluation_levels": 100}
    return TrainConfig.model_validate(given | more)


def stretch(config: TrainConfig) -> int:
    """Return the updates between two moments."""
    return max(1, config.updates // MOMENTS)


def ours(env: Env, config: TrainConfig, exam: learner_peers.Exam) -> np.ndarray:
    """Train here; return the exact return over the optimum, float[seeds, MOMENTS]."""
    learner, numbers = make_learner(env, config), hyperparameters(config)
    banks, carry = begin(env, config, jax.random.key(0))
    count, updates = np.int32(stretch(config)), np.float32(stretch(config) * MOMENTS)
    found = []
    for _ in range(MOMENTS):
        loop = partial(advance, learner, numbers, count=count, updates=updates)
        carry = spread(loop, banks, carry)[0]
        logits = capture(learner.network, carry.parameters, exam.observations).logits
        found.append([exam.mark(own) for own in logits])
    return np.array(found).T


def exam_of(env: Env, config: TrainConfig) -> learner_peers.Exam:
    """Return the levels that every policy is evaluated on, and how."""
    from shardsim.agent.evaluation import evaluation
    from shardsim.env.levels import all_states, evaluated_levels
    from shardsim.shards.contexts.battery import observations_of

    levels = evaluated_levels(env, config.evaluation_levels, SPLIT)
    seen = np.asarray(observations_of(env, all_states(env, levels)), np.float32)

    @jax.jit
    def exact(logits: jax.Array):
        return evaluation(env, lambda _: logits, levels, config.discount)

    def mark(logits: np.ndarray) -> float:
        return float(reached(*(np.asarray(part) for part in exact(jnp.asarray(logits)))))

    return learner_peers.Exam(
        seen.reshape(-1, *env.observation_shape), mark, stretch(config), MOMENTS
    )


def main() -> None:
    """Train everything, and print a table of the curves."""
    asked = options()
    begun, about = time.perf_counter(), machine()
    env = ss.make("cheese-corner")
    rows, curves = [], []
    for learner in PEERS:
        if asked.only not in learner.name:
            continue
        config = config_of(learner.name, asked)
        exam = exam_of(env, config)
        sides = {"shardsim": ours} | ({} if asked.ours else {learner.peer: learner.curve})
        for who, curve in sides.items():
            since = time.perf_counter()
            try:
                found = curve(env, config, exam)
            except ImportError:
                print(f"{who}: not installed", flush=True)
                continue
            seconds = time.perf_counter() - since
            every = exam.stretch * config.num_envs * config.rollout_steps
            curves.append(
                {"learner": learner.name, "by": who, "every": every, "of": found.tolist()}
            )
            told = t_interval(found, axis=0, within=SHARE)
            cells = [
                f"{told.mean[at]:.3f} [{told.low[at]:.3f}, {told.high[at]:.3f}]" for at in SHOWN
            ]
            rows.append([learner.name, who, *cells, f"{seconds:.0f}"])
            print(rows[-1], flush=True)
    heads = [f"after {(at + 1) * asked.steps // MOMENTS:,}" for at in SHOWN]
    title = f"Return over the optimum, {SPLIT} levels, {asked.seeds} seeds"
    print_table(title, ["learner", "by", *heads, "seconds"], rows)
    close(about, begun, asked.json, curves=curves)


if __name__ == "__main__":
    main()
