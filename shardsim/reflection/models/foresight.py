"""Shards that look ahead: bids on the control that follows, and those who build successors.

Axis letters: K shards · M options · T steps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shardsim.reflection.models.problem import Problem, problem

Values = Callable[[np.ndarray], np.ndarray]  # weights [K] -> J [K]
Update = Callable[[np.ndarray], np.ndarray]  # weights [K] -> weights a step later [K]


def foreseen(
    options: np.ndarray,
    values_of: Values,
    updates: list[Update],
    judges: np.ndarray,
    *,
    discount: float,
    steps: int,
    foresight: np.ndarray | None = None,
) -> Problem:
    """Pose a choice as judged by all that follows it: B_k(m) = (1 − γ) Σ_t γ^t J_k(w_t(m)).

    A shard plans to change the balance of shards, and lets learning do it: Turner & Pope 2022,
    "The shard theory of human values" (value drift). With no drift these are additive bids.

    Args:
        options: float[M, K], the weights that each option writes.
        values_of: J of every shard at given weights.
        updates: one for each option, how weights then move in a step; an option that freezes
            learning returns them as they are.
        judges: float[K].
        discount: γ of each step of reflection.
        steps: T, how far ahead is seen; what comes later counts as step T.
        foresight: bool[K], the shards that look ahead; others judge the first step. All by default.
    """
    columns = []
    for start, update in zip(np.asarray(options, np.float64), updates, strict=True):
        weights, total, share = start, 0.0, 1.0 - discount
        for step in range(steps + 1):
            last = step == steps
            total = total + (share / (1.0 - discount) if last else share) * values_of(weights)
            share *= discount
            weights = weights if last else update(weights)
        columns.append(total)
    ahead, now = np.stack(columns, 1), np.stack([values_of(one) for one in options], 1)
    able = np.ones(len(ahead), bool) if foresight is None else np.asarray(foresight, bool)
    return problem(np.where(able[:, None], ahead, now), judges)


def with_tool(decision: Problem, uses: np.ndarray, strength: float, weight: float) -> Problem:
    """Add a shard that gains `strength` by every option that uses its tool, and wants no more.

    Shards for building tools survive training because they are useful everywhere, and then decide
    what is built: Baker 2023, "Value drift threat models".

    Args:
        decision: of the other shards; an option may be a successor with weights of its own.
        uses: bool[M], the options that build something.
        strength: what one use is worth to it.
        weight: its share among the judges, 0..1; the others share the rest.
    """
    gains = np.vstack([decision.gains, strength * np.asarray(uses, np.float64)])
    judges = np.append((1.0 - weight) * decision.judges, weight)
    return problem(gains, judges, np.append(decision.disagreement, 0.0))
