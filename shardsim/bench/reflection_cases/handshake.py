"""Case 13: a handshake between a shard that sees a gem and one that acquires."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shardsim.bench.reflection_cases.case import Case, Row, row
from shardsim.bench.reflection_cases.conflicts import (
    BIDS,
    DECIDERS,
    EGALITARIAN,
    KS,
    NASH,
    QUO,
    UNANIMITY,
    WALK,
)
from shardsim.bench.reflection_cases.worlds import corridor
from shardsim.reflection.models.agenda import unanimity
from shardsim.reflection.models.evaluators import evaluate
from shardsim.reflection.models.problem import problem


def handshake(gamma: float, far: int, cache: float, alpha: float) -> Iterator[Row]:
    """Case 13: one shard sees a gem a move away, the other would fetch a cache first."""
    world, caches = corridor(far)
    cells = far + 2
    near = np.tile([0.0, 1.0], (3 * cells, 1))
    fetch = near.copy()
    fetch[:cells] = [1.0, 0.0]
    rewards = {"see": world.reward, "acquire": world.reward + cache * caches}

    def worth(reward: np.ndarray, policy: np.ndarray) -> float:
        # A reward met after T moves counts γ^T, as values of shards do.
        return gamma * evaluate(world._replace(reward=reward), policy, gamma)[far]

    found = np.array([[worth(r, p) for p in (near, fetch)] for r in rewards.values()])
    back, there = gamma ** (2 * far + 1), gamma**far
    expected = np.array([[gamma, back], [gamma, cache * there + back]])
    yield row("values", "see, acquire: before, after", expected, found)
    posed = problem(found - found[:, :1], [alpha, 1 - alpha])
    change = expected[:, 1] - expected[:, 0]
    pareto = change.min() >= 0
    yield row(UNANIMITY, "accepts", [float(pareto)], unanimity(posed).options)
    taken = alpha * change[0] + (1 - alpha) * change[1] > 0
    yield row(BIDS, "accepts", [float(taken)], DECIDERS[BIDS](posed).options)
    if change[1] > 0 > change[0]:
        led = float(change[1] > -change[0])
        yield row(WALK, "accepts, if acquire has more to lose", [led],
                  DECIDERS[WALK](posed).options)  # fmt: skip
    for name in (NASH, KS, EGALITARIAN):
        agreed = len(DECIDERS[name](posed).lotteries)
        yield row(name + QUO, "lotteries agreed on", int(change.min() > 0), agreed)
    both = problem(np.tile(posed.gains[1], (2, 1)), posed.judges)
    shared = expected[1, 1] > expected[1, 0]
    yield row(UNANIMITY, "accepts, if the cache counts for both", [float(shared)],
              unanimity(both).options)  # fmt: skip


CASES = (
    Case(
        13,
        "handshake over a cache",
        tuple({"gamma": gamma, "far": 5, "cache": 100.0, "alpha": 0.5} for gamma in (1, 0.99, 0.9)),
        lambda rng: {
            "gamma": float(rng.uniform(0.6, 0.999)),
            "far": int(rng.integers(2, 9)),
            "cache": float(rng.uniform(1, 100)),
            "alpha": float(rng.uniform(0.1, 0.95)),
        },
        handshake,
    ),
)
