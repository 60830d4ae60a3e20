"""Picoeconomics: what a hyperbolic discounter wants, now and of a row of choices at once.

Axis letters: M options · N choices of a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from shardsim.reflection.models.problem import Problem, problem


def hyperbolic(amount: np.ndarray, delay: np.ndarray, rate: float) -> np.ndarray:
    """Return the present value amount / (1 + k · delay), of float arrays.

    Mazur 1987, "An adjusting procedure for studying delayed reinforcement".
    """
    return np.asarray(amount, np.float64) / (1.0 + rate * np.asarray(delay, np.float64))


def exponential(amount: np.ndarray, delay: np.ndarray, rate: float) -> np.ndarray:
    """Return the present value amount · exp(−k · delay), of float arrays."""
    return np.asarray(amount, np.float64) * np.exp(-rate * np.asarray(delay, np.float64))


def bundled(
    amounts: ArrayLike,
    delays: ArrayLike,
    rate: float,
    *,
    count: int = 1,
    interval: float = 0.0,
    value=hyperbolic,
) -> Problem:
    """Pose one choice as standing for a row of N that come, all decided the same way.

    An agent that takes its choice now as a sign of its later ones decides about the row: Ainslie
    2012, "Pure hyperbolic discount curves predict 'eyes open' self-control". One judge: the agent.

    Args:
        amounts: float[M], of each option.
        delays: float[M], from now to the first of each.
        rate: k, for each unit of delay.
        count: N, the choices that this one stands for.
        interval: between them.
        value: of amounts at delays: `hyperbolic` or `exponential`.
    """
    later = np.asarray(delays, np.float64)[:, None] + interval * np.arange(count)
    return problem(value(np.asarray(amounts)[:, None], later, rate).sum(1)[None])
