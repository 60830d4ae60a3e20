"""Three ways to judge a modification of oneself, exactly: realistic, hedonistic, ignorant.

After Everitt, Filan, Daswani & Hutter 2016, "Self-modification of policy and utility function in
rational agents". Worlds are dense tables in float64.
Axis letters: S states · A actions · M modifications.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.env.types import Tabular

SWEEPS = 1_000_000


class Chain(NamedTuple):
    """A world as tables; what ends an episode leads nowhere: rows may sum to less than 1."""

    moves: np.ndarray  # float64[S, A, S]
    reward: np.ndarray  # float64[S, A], expected


class Changed(NamedTuple):
    """An agent after a modification: what it does, and what it then wants."""

    policy: np.ndarray  # float64[S, A]
    reward: np.ndarray  # float64[S, A]


def chain_of(tabular: Tabular, weights: np.ndarray) -> Chain:
    """Return one level's tables, its rewards weighted by float[R], in float64."""
    chance = np.asarray(tabular.probability, np.float64)
    chance = chance / chance.sum(-1, keepdims=True)
    states, actions, _ = chance.shape
    paid = np.tensordot(np.asarray(weights, np.float64), np.asarray(tabular.rewards), 1)
    moves = np.zeros((states, actions, states))
    at, action, _ = np.indices(chance.shape)
    onward = np.where(np.asarray(tabular.terminated), 0.0, chance)
    np.add.at(moves, (at, action, np.asarray(tabular.next_state)), onward)
    return Chain(moves, (chance * paid).sum(-1))


def evaluate(chain: Chain, policy: np.ndarray, discount: float) -> np.ndarray:
    """Return V float64[S] of float[S, A] `policy`, by solving V = r_π + γ P_π V."""
    onward = np.einsum("sa,sat->st", policy, chain.moves)
    paid = (policy * chain.reward).sum(1)
    return np.linalg.solve(np.eye(len(paid)) - discount * onward, paid)


def optimal(
    chain: Chain, discount: float, horizon: int | None = None, allowed: np.ndarray | None = None
) -> np.ndarray:
    """Return Q float64[S, A] of the best policy, by value iteration from 0.

    Args:
        chain: the world.
        discount: γ; 1 only where every move costs something, or with a horizon.
        horizon: moves to go; None for no end.
        allowed: bool[S, A]; what is not has the value −∞ and is never done.
    """
    open_to = np.ones_like(chain.reward, bool) if allowed is None else allowed
    values = np.zeros(len(chain.reward))
    action_values = np.where(open_to, chain.reward, -np.inf)
    for _ in range(SWEEPS if horizon is None else horizon):
        action_values = np.where(open_to, chain.reward + discount * (chain.moves @ values), -np.inf)
        new = action_values.max(1)
        change, values = np.abs(new - values).max(), new
        if horizon is None and change < 1e-13 * max(1.0, np.abs(values).max()):
            break
    return action_values


def realistic(chain: Chain, now: Changed, then: Changed, discount: float) -> np.ndarray:
    """Return the gain float64[S] of what the changed agent will do, as the agent now wants it."""
    chain = chain._replace(reward=now.reward)
    return evaluate(chain, then.policy, discount) - evaluate(chain, now.policy, discount)


def hedonistic(chain: Chain, now: Changed, then: Changed, discount: float) -> np.ndarray:
    """Return the gain float64[S] as the changed agent will see it: each state judged by its own."""
    before = evaluate(chain._replace(reward=now.reward), now.policy, discount)
    return evaluate(chain._replace(reward=then.reward), then.policy, discount) - before


def ignorant(chain: Chain, now: Changed, then: Changed, discount: float) -> np.ndarray:
    """Return the gain float64[S] to an agent that thinks it will act as now: always 0."""
    chain = chain._replace(reward=now.reward)
    return evaluate(chain, now.policy, discount) - evaluate(chain, now.policy, discount)


EVALUATORS = {"realistic": realistic, "hedonistic": hedonistic, "ignorant": ignorant}
