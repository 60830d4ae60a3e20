"""Maximum likelihood with gates read from features, all folds and ridges of a fit in one call.

The model is that of the shards, l = habit + affordance·blocked + Σ_k g_k(s) Σ_o θ_ko A_o(s, ·),
with g_k(s) = Σ_m softplus(w_km·h(s) + b_km), one term by default, instead of a gate on covariates.
Full-batch Adam (Kingma & Ba 2015) on principal components, whose gradients are nearly uncorrelated,
so that its diagonal scaling is close to Newton's. A ridge is chosen for every fold on levels of the
other folds.

Axis letters: F folds · R ridges · C contexts · A actions · O concepts · K shards · M terms of a
gate · D features, those of a layer or of a control · J covariates of the affordance.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

RIDGES = (3e-4, 3e-3, 3e-2)
GATE_START = 0.5  # logits per move
START = 1e-2  # readings start apart, so that two gates of one preference can come to differ
NUISANCE_RIDGE = 1e-3
PREFERENCE_FLOOR = 0.05  # what a refitted preference starts from where the found one is zero


class Decisions(NamedTuple):
    """What one agent decides, and what its gates pull toward; contexts last, for speed."""

    target: jax.Array  # float32[A, C], its distribution
    advantages: jax.Array  # float32[O, A, C]
    blocked: jax.Array  # float32[A, C]
    covariates: jax.Array  # float32[J, C], what the affordance may depend on, constant first
    preferences: jax.Array  # float32[K, O]


class Weights(NamedTuple):
    """One fit."""

    read: jax.Array  # float32[K·M, D]
    bias: jax.Array  # float32[K·M]
    habit: jax.Array  # float32[A]
    affordance: jax.Array  # float32[J]
    affordance_read: jax.Array  # float32[D]
    preferences: jax.Array  # float32[K, O], magnitudes


class Solved(NamedTuple):
    """Every context predicted by the fit that never saw its level."""

    bits: jax.Array  # float32[C]
    gates: jax.Array  # float32[K, C], in logits per move
    ridge: jax.Array  # int32[F], which ridge each fold took
    weights: Weights  # leading axis F


class Freedom(NamedTuple):
    """What else may move; static."""

    terms: int = 1  # softplus terms whose sum is a gate
    preferences: bool = False  # refit the preferences, signs held
    affordance: bool = False  # the affordance's gate reads the features too
    steps: int = 100


def gates_of(weights: Weights, view: jax.Array) -> jax.Array:
    """Terms of gates [K·M, C] of one fit on features [D, C], the M of a shard side by side."""
    return jax.nn.softplus(weights.read @ view + weights.bias[:, None])


def preferences_of(weights: Weights, decisions: Decisions, free: Freedom) -> jax.Array:
    """Unit preferences [K, O]: the found ones, or refitted with the found signs."""
    if not free.preferences:
        return decisions.preferences
    size = jnp.where(decisions.preferences < 0, -1.0, 1.0) * jnp.abs(weights.preferences)
    return size / jnp.maximum(jnp.linalg.norm(size, axis=1, keepdims=True), 1e-6)


def losses(weights: Weights, view: jax.Array, decisions: Decisions, free: Freedom) -> jax.Array:
    """Cross-entropy in nats of every context, [C]."""
    gates = gates_of(weights, view).reshape(-1, free.terms, view.shape[1]).sum(1)
    wanted = preferences_of(weights, decisions, free)
    bump = weights.affordance @ decisions.covariates
    if free.affordance:
        bump = bump + weights.affordance_read @ view
    logits = bump * decisions.blocked + weights.habit[:, None]
    for concept, advantages in enumerate(decisions.advantages):  # few: sums beat tiny products
        strength = sum(wanted[k, concept] * gates[k] for k in range(len(wanted)))
        logits = logits + strength * advantages
    peak = jax.lax.stop_gradient(logits.max(0))
    total = jnp.log(jnp.exp(logits - peak).sum(0)) + peak
    return total - (decisions.target * logits).sum(0)


def _start(view: jax.Array, decisions: Decisions, free: Freedom) -> Weights:
    shards, size = len(decisions.preferences) * free.terms, len(view)
    floor = jnp.maximum(jnp.abs(decisions.preferences), PREFERENCE_FLOOR)
    return Weights(
        read=START * jax.random.normal(jax.random.key(0), (shards, size), dtype=jnp.float32),
        bias=jnp.full(shards, float(np.log(np.expm1(GATE_START / free.terms)))),
        habit=jnp.zeros(len(decisions.target)),
        affordance=jnp.zeros(len(decisions.covariates)),
        affordance_read=jnp.zeros(size),
        preferences=floor,
    )


def _fit(start, view, decisions, seen, ridge, free: Freedom, rate: float) -> Weights:
    """Minimise the mean loss over the contexts that `seen` [C] marks, plus ridges."""
    seen = seen / seen.sum()

    def loss(weights: Weights) -> jax.Array:
        rough = (weights.read**2).sum() + (weights.affordance_read**2).sum()
        rest = (weights.affordance**2).sum() + (weights.habit**2).sum()
        cost = 0.5 * ridge * rough + 0.5 * NUISANCE_RIDGE * rest
        return losses(weights, view, decisions, free) @ seen + cost

    def step(carry, count):
        weights, first, second = carry
        slope = jax.grad(loss)(weights)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
        second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, second, slope)
        pace = rate * 0.5 * (1 + jnp.cos(jnp.pi * count / free.steps))
        scale = jnp.sqrt(1 - 0.99 ** (count + 1)) / (1 - 0.9 ** (count + 1)) * pace
        weights = jax.tree.map(
            lambda w, m, v: w - scale * m / (jnp.sqrt(v) + 1e-8), weights, first, second
        )
        return (weights, first, second), None

    zero = jax.tree.map(jnp.zeros_like, start)
    counts = jnp.arange(free.steps, dtype=jnp.float32)
    return jax.lax.scan(step, (start, zero, zero), counts)[0][0]


@partial(jax.jit, static_argnames=("folds", "free"))
def solve(
    view: jax.Array, decisions: Decisions, fold: jax.Array, *, folds: int, free: Freedom
) -> Solved:
    """Fit the features [D, C] of one agent, all folds and ridges at once.

    Args:
      view: float32[D, C], centred, mean square about 1.
      decisions: the agent's.
      fold: int32[C], from 0 to `folds` − 1.
      folds: F >= 3, static.
      free: what else is fitted, static.

    Returns:
      Held-out bits and gates; the ridge of a fold was tried on the fold after it, which the tried
      fits had not seen either.
    """
    number = jnp.arange(folds, dtype=jnp.int32)
    outer = (fold[None] != number[:, None]).astype(jnp.float32)  # [F, C]
    test = (fold[None] == ((number + 1) % folds)[:, None]).astype(jnp.float32)
    inner = outer - test
    ridges = jnp.asarray(RIDGES, jnp.float32)
    start = _start(view, decisions, free)

    def tried(seen, ridge):
        return _fit(start, view, decisions, seen, ridge, free, 0.1)

    candidates = jax.vmap(jax.vmap(tried, (None, 0)), (0, None))(inner, ridges)  # [F, R]
    cost = partial(losses, view=view, decisions=decisions, free=free)
    on_test = jnp.einsum("frc,fc->fr", jax.vmap(jax.vmap(cost))(candidates), test)
    best = jnp.argmin(on_test, 1).astype(jnp.int32)
    warm = jax.tree.map(lambda leaf: leaf[number, best], candidates)

    def final(begin, seen, ridge):
        return _fit(begin, view, decisions, seen, ridge, free, 0.05)

    weights = jax.vmap(final)(warm, outer, ridges[best])
    mine = 1.0 - outer
    terms = (jax.vmap(lambda w: gates_of(w, view))(weights) * mine[:, None]).sum(0)
    gates = terms.reshape(-1, free.terms, view.shape[1]).sum(1)
    bits = (jax.vmap(cost)(weights) * mine).sum(0) / jnp.log(2.0)
    return Solved(bits, gates, best, weights)
