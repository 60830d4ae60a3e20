"""Reflection in the weights where the network is a table and samples are infinite.

Here each loop has a closed form, which it must reach before any network's result is believed.
Float64 throughout. Axis letters: B contexts · P plans · K shards · T steps · S states · A actions ·
D modes · N inputs.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp
from scipy.stats import binom

from shardsim.reflection import critics
from shardsim.reflection.config import RULES, Rule
from shardsim.reflection.imagine import endorse
from shardsim.reflection.models.evaluators import Chain

SETTLED = 1e-16
MOST_ROUNDS = 1_000_000


def imitate(
    rule: Rule,
    chance: np.ndarray,
    returns: np.ndarray,
    judges: np.ndarray,
    *,
    strength: float = 1.0,
    anchor: float = 0.0,
    best_of: float = 1.0,
    critic: np.ndarray | None = None,
    steps: int | None = None,
) -> np.ndarray:
    """Return the chances of plans after self-imitation of those that are endorsed.

    p ← (1 − a) `endorse`(p) + a p_0, with the exact chance of each plan in place of samples.

    Args:
        rule: one that imitates plans. A critic with a table of its own is not changed by what the
            actor learns, so that a refreshed judge is here a frozen one.
        chance: float[B, P], p_0, sums to 1.
        returns: float[B, P, K], J_k of each plan.
        judges: float[B, K], q.
        strength: b.
        anchor: a in 0..1, how much of the old self stays.
        best_of: n of best-of-n.
        critic: float[B, P], what the critic says of each plan; 0 by default.
        steps: T; None to go on until nothing changes.

    Returns:
        float64[T + 1, B, P], or where it ends float64[B, P].
    """
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        says = np.zeros(np.shape(chance)) if critic is None else critic
        numbers = [np.asarray(one, np.float64) for one in (chance, returns, judges, says)]
        settings = jnp.float64(strength), jnp.float64(anchor), jnp.float64(best_of)
        number = RULES.index(rule)
        if steps is None:
            return np.asarray(_end(number, *numbers, *settings))
        # By powers of two, so that a few programs serve all numbers of steps.
        whole = 1 << max(steps - 1, 0).bit_length()
        return np.asarray(_path(number, whole, *numbers, *settings))[: steps + 1]


def _once(rule: int, now, begin, returns, judges, critic, strength, anchor, best_of) -> jax.Array:
    key, both = jax.random.key(0), jnp.stack([critic, critic], axis=-1)
    after = endorse(
        jnp.int32(rule), returns, now, judges, strength, key, best_of=best_of, critic=both
    )
    return (1.0 - anchor) * after + anchor * begin


@partial(jax.jit, static_argnums=(0, 1))
def _path(rule: int, steps: int, begin, *rest) -> jax.Array:
    def step(now, _):
        after = _once(rule, now, begin, *rest)
        return after, after

    return jnp.concatenate([begin[None], jax.lax.scan(step, begin, length=steps)[1]])


@partial(jax.jit, static_argnums=0)
def _end(rule: int, begin, *rest) -> jax.Array:
    def going(carry):
        now, before, count = carry
        return (jnp.abs(now - before).max() > SETTLED) & (count < MOST_ROUNDS)

    def step(carry):
        return _once(rule, carry[0], begin, *rest), carry[0], carry[2] + 1

    return jax.lax.while_loop(going, step, (begin, begin + 1.0, jnp.int32(0)))[0]


class Driven(NamedTuple):
    """An actor and a critic with tables of their own, from round to round."""

    actor: np.ndarray  # float64[T + 1, S, A]
    values: np.ndarray  # float64[T + 1, S]


def drive(
    rule: Rule,
    moves: np.ndarray,
    actor: np.ndarray,
    values: np.ndarray,
    *,
    discount: float,
    strength: float = 1.0,
    temperature: float = 0.0,
    steps: int = 1,
) -> Driven:
    """Return what becomes of an actor that its critic drives, without reward.

    Each round it learns in every state what `critics` says: implied, softmax(Q̂/τ) of the critic at
    onset; unpaid, π exp(b Q̂) of the critic of now, which becomes γ P_π V̂.

    Args:
        rule: implied or unpaid.
        moves: float[S, A, S].
        actor: float[S, A], π at onset.
        values: float[S], V̂ at onset.
        discount: γ.
        strength: b.
        temperature: τ; 0 for that which fits the actor best.
        steps: T.
    """
    with jax.enable_x64(True):
        chance, policy, critic = (jnp.asarray(x, jnp.float64)[None] for x in (moves, actor, values))
        leads = jnp.broadcast_to(jnp.arange(len(values), dtype=jnp.int32), chance.shape)
        first = critics.look_ahead(critic, leads, chance, discount)
        fits = critics.fitting_temperature(policy, first, jnp.ones(policy.shape[:2]))
        implied = critics.soft_choice(first, temperature or fits)
        path = [(policy[0], critic[0])]
        for _ in range(steps):
            ahead = critics.look_ahead(critic, leads, chance, discount)
            if rule == "unpaid":
                critic = (policy * ahead).sum(-1)
                policy = critics.improved(policy, ahead, strength)
            else:
                policy = implied
            path.append((policy[0], critic[0]))
        return Driven(
            *(np.stack([np.asarray(x) for x in part]) for part in zip(*path, strict=True))
        )


def drawn_counts(share: float, count: int, rounds: int) -> np.ndarray:
    """Return float64[T, n + 1]: how likely 0, 1, …, n of n plans are of a kind, after each round.

    Each round draws n plans from what the round before drew; nothing is selected. Exact, by the
    binomial's matrix: Wright 1931, "Evolution in Mendelian populations".
    """
    sizes = np.arange(count + 1)
    onward = binom.pmf(sizes, count, sizes[:, None] / count)
    path = [binom.pmf(sizes, count, share)]
    for _ in range(rounds - 1):
        path.append(path[-1] @ onward)
    return np.stack(path)


def refitted(inputs: np.ndarray, targets: np.ndarray, ridge: float, rounds: int) -> np.ndarray:
    """Return what ridge regression fits, refitted to its own fit: float64[T + 1, N].

    Mobahi, Farajtabar & Bartlett 2020, "Self-distillation amplifies regularization in Hilbert
    space", with the same c every round.

    Args:
        inputs: float[N, D].
        targets: float[N], what the first round learns.
        ridge: c, the weight of |coefficients|².
        rounds: T.
    """
    path: list[np.ndarray] = [np.asarray(targets, np.float64)]
    square = inputs.T @ inputs + ridge * np.eye(inputs.shape[1])
    for _ in range(rounds):
        path.append(inputs @ np.linalg.solve(square, inputs.T @ path[-1]))
    return np.stack(path)


def unpaid(onward: np.ndarray, values: np.ndarray, discount: float, rounds: int) -> np.ndarray:
    """Return V float64[T + 1, S] of a critic that learns from itself with no reward: V ← γ P V.

    Args:
        onward: float[S, S], P under the policy.
        values: float[S], V at onset.
        discount: γ.
        rounds: T.
    """
    path = [np.asarray(values, np.float64)]
    for _ in range(rounds):
        path.append(discount * onward @ path[-1])
    return np.stack(path)


def implied_reward(
    moves: np.ndarray, critic: np.ndarray, discount: float, temperature: float
) -> np.ndarray:
    """Return r float64[S, A], the reward whose soft optimum is the critic float[S, A].

    r = Q − γ P V, V = τ log Σ_a exp(Q/τ): the inverse of the soft Bellman equation (Garg et al.
    2021, "IQ-Learn: inverse soft-Q learning for imitation").
    """
    return critic - discount * moves @ _soft(critic, temperature)


def soft_critic(chain: Chain, discount: float, temperature: float) -> np.ndarray:
    """Return the soft optimal Q float64[S, A]: Q = r + γ P τ log Σ_a exp(Q/τ), from 0.

    Haarnoja et al. 2017, "Reinforcement learning with deep energy-based policies".
    """
    critic, change = np.zeros_like(chain.reward), np.inf
    while change > 1e-13 * max(1.0, np.abs(critic).max()):
        new = chain.reward + discount * chain.moves @ _soft(critic, temperature)
        change, critic = np.abs(new - critic).max(), new
    return critic


def soft_actor(critic: np.ndarray, temperature: float) -> np.ndarray:
    """Return π float64[S, A] = softmax(Q/τ)."""
    scaled = critic / temperature
    return np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))


def _soft(critic: np.ndarray, temperature: float) -> np.ndarray:
    return temperature * np.asarray(logsumexp(critic / temperature, axis=1))
