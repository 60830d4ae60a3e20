"""The bounded-rational self-modifier: small tolerated losses, seen from later, are large.

Axis letter: T steps.
"""

from __future__ import annotations

import numpy as np

from shardsim.base.errors import UserError


def own_time_loss(given_up: np.ndarray, discount: float) -> np.ndarray:
    """Return L float64[T + 1]: what is lost from each step on, in the units of that step.

    Args:
        given_up: float[T + 1], reward given up at each step; the last is given up for ever after.
        discount: γ, for each step.
    """
    loss = np.empty(len(given_up))
    later = given_up[-1] / (1.0 - discount)
    loss[-1] = later
    for step in range(len(given_up) - 2, -1, -1):
        later = given_up[step] + discount * later
        loss[step] = later
    return loss


def worst_tolerated(tolerance: float, discount: float, steps: int) -> np.ndarray:
    """Return the reward float64[T + 1] in 0..1 that the worst proposer talks the agent out of.

    The agent accepts a change of its later self whose loss, as it judges now, is at most ε in all.
    The proposer is greedy: the farthest rewards cost least now, so it takes those first. Then
    L_t ≤ min(ε γ^−t, 1/(1 − γ)), since γ L_{t+1} ≤ L_t. Of four imperfections only an imperfect
    choice grows so: Tetek, Sklenka & Gavenciak 2021, "Performance of bounded-rational agents with
    the ability to self-modify".

    Args:
        tolerance: ε > 0, in discounted reward of now.
        discount: γ.
        steps: T; what comes later counts with step T.

    Raises:
        UserError: a discount not inside 0..1, or a tolerance below 0.
    """
    if not (0 < discount < 1 and tolerance >= 0):
        raise UserError(
            f"the discount must lie between 0 and 1 and the tolerance be 0 or more, not {discount} "
            f"and {tolerance}"
        )
    price = discount ** np.arange(steps + 1)
    price[-1] /= 1.0 - discount
    taken, left = np.zeros(steps + 1), tolerance
    for step in range(steps, -1, -1):
        taken[step] = min(1.0, left / price[step])
        left -= taken[step] * price[step]
    return taken
