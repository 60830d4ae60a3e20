"""Joint maximum likelihood of rivals whose logits bend in their parameters.

Every fit sees all contexts under a mask, so that folds and agents share one compiled function.
Axes: C contexts, A actions, J atoms, O concepts, T parameters of the rival itself, P all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from shardsim.shards.fit.linear_models import (
    AFFORDANCE_ATOMS,
    AFFORDANCE_RIDGE,
    GATE_RIDGE,
    HABIT_RIDGE,
    Common,
)

GAIN_ATOMS = 40
GAIN_PENALTY = 1e-3
OWN_RIDGE = 1e-4
FIRST_STEPS = 30  # of each start, with a constant gain
STEPS = 80
FOLD_STEPS = 40

Bounds = Sequence[tuple[float | None, float | None]]
Rule = Callable[[jax.Array, jax.Array, jax.Array, tuple[jax.Array, ...]], jax.Array]


class Context(NamedTuple):
    """What the rival reads, float32."""

    target: jax.Array  # [C, A]
    atoms: jax.Array  # [C, GAIN_ATOMS], zero where there are fewer
    afford: jax.Array  # [C, AFFORDANCE_ATOMS], zero where there are fewer
    blocked: jax.Array  # [C, A]
    own: tuple[jax.Array, ...]  # the rival's own, each with the axis C first


class Rival(NamedTuple):
    """A rival as `fit` takes it."""

    rule: Rule  # (θ [T], gain [C], habit with affordance [C, A], own) -> log-probabilities [C, A]
    own: tuple[np.ndarray, ...]  # arrays that the rule reads, axis C first
    starts: list[np.ndarray]  # θ [T] to start from
    bounds: Bounds  # T, of θ


def fit(shared: Common, values: np.ndarray, rival: Rival) -> np.ndarray:
    """Return parameters [P] fitted to all contexts; atom values [C, J] of the gain, constant first.

    Each start is tried with a constant gain; the best goes on to a free one.
    """
    context = _context(shared, values, rival.own)
    actions = shared.target.shape[1]
    rest = np.zeros(GAIN_ATOMS + actions + AFFORDANCE_ATOMS)
    rest[0] = 1.0
    bounds, every = _bounds(rival.bounds, actions, 1), np.ones(len(shared.target))
    tried = [
        _descend(rival.rule, context, every, np.r_[theta, rest], bounds, FIRST_STEPS)
        for theta in rival.starts
    ]
    best = min(tried, key=lambda found: found[0])[1]
    bounds = _bounds(rival.bounds, actions, values.shape[1])
    return _descend(rival.rule, context, every, best, bounds, STEPS)[1]


def cross_fit(shared: Common, values: np.ndarray, rival: Rival) -> np.ndarray:
    """Return held-out log-probabilities [C, A], folds started from the fit to all contexts."""
    whole, context = fit(shared, values, rival), _context(shared, values, rival.own)
    bounds = _bounds(rival.bounds, shared.target.shape[1], values.shape[1])
    logs = np.zeros_like(shared.target)
    for fold in range(shared.fold.max() + 1):
        unseen = shared.fold == fold
        found = _descend(rival.rule, context, 1.0 - unseen, whole, bounds, FOLD_STEPS)[1]
        logs[unseen] = _log_chance(rival.rule, found, context)[unseen]
    return logs


def predict(shared: Common, values: np.ndarray, rival: Rival, parameters: np.ndarray) -> np.ndarray:
    """Return log-probabilities [C', A] in any contexts, which `rival` was made for."""
    return _log_chance(rival.rule, parameters, _context(shared, values, rival.own))


def _context(shared: Common, values: np.ndarray, own: tuple[np.ndarray, ...]) -> Context:
    return Context(
        target=_single(shared.target),
        atoms=_padded(values, GAIN_ATOMS),
        afford=_padded(shared.affordance, AFFORDANCE_ATOMS),
        blocked=_single(shared.data.blocked),
        own=tuple(_single(one) for one in own),
    )


def _single(array: np.ndarray) -> jax.Array:
    return jnp.asarray(array, jnp.float32)


def _padded(columns: np.ndarray, width: int) -> jax.Array:
    """Columns [C, width], zeros added: one shape, whatever trees were found."""
    return _single(np.pad(columns, ((0, 0), (0, width - columns.shape[1]))))


def _bounds(own: Bounds, actions: int, atoms: int) -> Bounds:
    """Gain >= 0, and 0 beyond so many atoms; habit and affordance free."""
    gain = [(0.0, None if atom < atoms else 0.0) for atom in range(GAIN_ATOMS)]
    return [*own, *gain, *([(None, None)] * (actions + AFFORDANCE_ATOMS))]


def _descend(
    rule: Rule,
    context: Context,
    seen: np.ndarray,
    start: np.ndarray,
    bounds: Bounds,
    steps: int,
) -> tuple[float, np.ndarray]:
    """Loss and parameters [P] after L-BFGS-B (Byrd et al. 1995)."""
    mask = jnp.asarray(seen / seen.sum(), jnp.float32)

    def loss(now: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _loss_and_slope(rule, jnp.asarray(now, jnp.float32), context, mask)
        return float(value), np.asarray(slope, np.float64)

    options = {"maxiter": steps}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return float(found.fun), found.x


@partial(jax.jit, static_argnums=0)
def _loss_and_slope(rule: Rule, now: jax.Array, context: Context, mask: jax.Array):
    def loss(now: jax.Array) -> jax.Array:
        miss = -jnp.sum(context.target * _predict(rule, now, context), axis=1)
        return jnp.sum(miss * mask) + _penalty(now, context.target.shape[1])

    return jax.value_and_grad(loss)(now)


def _log_chance(rule: Rule, parameters: np.ndarray, context: Context) -> np.ndarray:
    found = _predict(rule, jnp.asarray(parameters, jnp.float32), context)
    return np.asarray(found, np.float64)


@partial(jax.jit, static_argnums=0)
def _predict(rule: Rule, now: jax.Array, context: Context) -> jax.Array:
    theta, gain, habit, afford = _split(now, context.target.shape[1])
    base = habit + (context.afford @ afford)[:, None] * context.blocked
    return rule(theta, context.atoms @ gain, base, context.own)


def _split(now: jax.Array, actions: int) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    theta, rest = now[: -(GAIN_ATOMS + actions + AFFORDANCE_ATOMS)], GAIN_ATOMS + actions
    after = now[len(theta) :]
    return theta, after[:GAIN_ATOMS], after[GAIN_ATOMS:rest], after[rest:]


def _penalty(now: jax.Array, actions: int) -> jax.Array:
    """The penalties of the other rivals; a constant gain is free."""
    theta, gain, habit, afford = _split(now, actions)
    ridge = OWN_RIDGE * jnp.sum(theta**2) + GATE_RIDGE * jnp.sum(gain**2)
    ridge += HABIT_RIDGE * jnp.sum(habit**2) + AFFORDANCE_RIDGE * jnp.sum(afford**2)
    return 0.5 * ridge + GAIN_PENALTY * jnp.sum(gain[1:])
