"""The rival that plans: the soft-optimal policy of one reward, exact in every level.

One reward, a weighted sum of terms (`tabular_model.term_names`: what the env pays, reaching each
concept, and reaching it by drive or item), planned with drives and items in its state; its weights
(in units of the temperature) and its discount are fitted by maximum likelihood, and its logits are
multiplied by a gain g(x) >= 0 on the same gate atoms, beside the same habit and affordance.
Axes: C contexts, A actions, J reward terms, V levels of the fit, N linear coefficients.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from shardsim.shards.contexts.tabular_model import (
    Tables,
    TabularModel,
    plan_length,
    soft_action_values,
    term_names,
)
from shardsim.shards.fit import likelihood
from shardsim.shards.fit.linear_models import Common, nuisance, part
from shardsim.shards.fit.rivals.planner import gain_model

FIT_LEVELS = 96
FIT_ENTRIES = 1_500_000  # states × actions × reward terms of all levels of the fit together
ROUNDS = 2
STEPS = 40  # of the search for the reward
TOLERANCE = 1e-6  # of the loss, relative: about what float32 can tell
RIDGE = 1e-3
BOUND = 30.0  # of a weight, in units of the temperature
DISCOUNT = (-1.5, 5.0)  # logits: .18 to .993
FIRST_DISCOUNT = 2.2  # .9
LEAST_GAIN = 0.3  # of a start: a gain of zero would leave the reward nothing to improve


class Plan(NamedTuple):
    """Weights of the reward and the discount's logit; coefficients of gain and nuisances."""

    theta: np.ndarray  # [J + 1]
    linear: np.ndarray  # [N]


class Sample(NamedTuple):
    """The contexts that the reward is fitted to, in a few levels."""

    rows: np.ndarray  # int64[M], of the contexts
    tables: Tables  # [V]
    level: jax.Array  # int32[M], of V
    state: jax.Array  # int32[M]
    horizon: int


def cross_fit(shared: Common, values: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Return held-out logits [C, A]; folds start from the fit to all contexts.

    Args:
        shared: target, folds and common terms; its data must hold its tabular model.
        values: atom values [C, J'] of the gain, constant first.
        weights: [O], one utility's, signed, to start from.
        seed: of the sample of levels.
    """
    tabular, home = shared.data.tabular_model, shared.data.home
    assert tabular is not None and home is not None
    sample = _sample(tabular, home, seed)
    whole = _fit(shared, values, weights, tabular, sample)
    logits = np.zeros_like(shared.target)
    for fold in range(shared.fold.max() + 1):
        seen, unseen = shared.fold != fold, shared.fold == fold
        theta = _fit_reward(shared, values, whole, sample, seen[sample.rows], STEPS // 2)
        planned = _planned(tabular, home, theta, sample.horizon)
        few = part(shared, np.flatnonzero(seen))
        model = gain_model(few, values[seen], planned[seen])
        linear = likelihood.fit(model, few.target, whole.linear, 4)
        rest = gain_model(part(shared, np.flatnonzero(unseen)), values[unseen], planned[unseen])
        logits[unseen] = rest.design @ linear
    return logits


def fit(shared: Common, values: np.ndarray, weights: np.ndarray, seed: int) -> Plan:
    """Return the fit to all contexts; see `cross_fit`."""
    tabular, home = shared.data.tabular_model, shared.data.home
    assert tabular is not None and home is not None
    return _fit(shared, values, weights, tabular, _sample(tabular, home, seed))


def predict(shared: Common, values: np.ndarray, plan: Plan) -> np.ndarray:
    """Return logits [C, A] of a fitted plan in any contexts that hold their tabular model."""
    tabular, home = shared.data.tabular_model, shared.data.home
    assert tabular is not None and home is not None
    planned = _planned(tabular, home, plan.theta, plan_length(tabular.env))
    return gain_model(shared, values, planned).design @ plan.linear


def _sample(tabular: TabularModel, home: np.ndarray, seed: int) -> Sample:
    env = tabular.env
    states = tabular.tables.pay.shape[1]
    entries = states * env.num_actions * (env.num_outcomes + len(term_names(env)))
    count = min(FIT_LEVELS, tabular.count, max(4, FIT_ENTRIES // entries))
    chosen = np.sort(np.random.default_rng(seed).permutation(tabular.count)[:count])
    rows = np.flatnonzero(np.isin(home[:, 0], chosen))
    level = np.searchsorted(chosen, home[rows, 0])
    return Sample(
        rows=rows,
        tables=jax.tree.map(lambda leaf: leaf[chosen], tabular.tables),
        level=jnp.asarray(level, jnp.int32),
        state=jnp.asarray(tabular.rows(home[rows]), jnp.int32),
        horizon=plan_length(env),
    )


def _fit(shared: Common, values, weights, tabular: TabularModel, sample: Sample) -> Plan:
    """Fit to all contexts: the best of a few rewards first, then gain and reward in turn."""
    assert shared.data.home is not None
    few = part(shared, sample.rows)
    count = nuisance(few).design.shape[2]
    linear = np.r_[np.zeros(count), 1.0, np.zeros(values.shape[1] - 1)]
    every = np.ones(len(sample.rows), bool)
    tried = []
    for theta in _starts(tabular, weights):
        plan = Plan(theta, linear)
        for _ in range(ROUNDS):
            model = gain_model(few, values[sample.rows], _planned_here(sample, plan.theta))
            found = likelihood.fit(model, few.target, plan.linear, 4)
            found[count] = max(found[count], LEAST_GAIN)
            plan = Plan(plan.theta, found)
            plan = Plan(_fit_reward(shared, values, plan, sample, every, STEPS), found)
        tried.append((_loss_here(shared, values, plan, sample), len(tried), plan))
    plan = min(tried)[2]
    for _ in range(ROUNDS):
        planned = _planned(tabular, shared.data.home, plan.theta, sample.horizon)
        model = gain_model(shared, values, planned)
        plan = Plan(plan.theta, likelihood.fit(model, shared.target, plan.linear, 6))
        plan = Plan(_fit_reward(shared, values, plan, sample, every, STEPS), plan.linear)
    return plan


def _starts(tabular: TabularModel, weights: np.ndarray) -> list[np.ndarray]:
    """Rewards to start from: one utility's, the env's own, and all concepts alike."""
    env = tabular.env
    own, concepts, terms = len(env.reward_names), len(env.concepts), len(term_names(env))
    utility = weights / max(np.abs(weights).max(), 1e-9)
    paid = np.asarray(tabular.levels.reward_weights[0], np.float64)
    found = []
    for first, second in ((0.0 * paid, 4.0 * utility), (6.0 * np.sign(paid), 0.0 * utility)):
        theta = np.zeros(terms + 1)
        theta[:own], theta[own : own + concepts] = first, second
        found.append(theta)
    found.append(np.r_[np.zeros(own), np.full(terms - own, 2.0), 0.0])
    for theta in found:
        theta[-1] = FIRST_DISCOUNT
    return found


def _split(linear: np.ndarray, values: np.ndarray, shared: Common):
    """Return the gain [M] and the other terms [M, A] that coefficients make of some contexts."""
    count = values.shape[1]
    return values @ linear[-count:], nuisance(shared).design @ linear[:-count]


def _fit_reward(shared, values, plan: Plan, sample: Sample, seen: np.ndarray, steps: int):
    """Return θ [J + 1] of least cross-entropy over the sample's contexts bool[M] `seen`."""
    few = part(shared, sample.rows)
    gain, base = _split(plan.linear, values[sample.rows], few)
    given = tuple(jnp.asarray(x, jnp.float32) for x in (gain, base, few.target, seen))

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _loss_and_slope(
            jnp.asarray(theta, jnp.float32), sample[1:4], given, sample.horizon
        )
        return float(value), np.asarray(slope, np.float64)

    bounds = [(-BOUND, BOUND)] * (len(plan.theta) - 1) + [DISCOUNT]
    options = {"maxiter": steps, "ftol": TOLERANCE}
    found = minimize(loss, plan.theta, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return found.x


@partial(jax.jit, static_argnums=3)
def _loss_and_slope(theta: jax.Array, place: tuple, given: tuple, horizon: int):
    tables, level, state = place
    gain, base, target, seen = given

    def loss(theta: jax.Array) -> jax.Array:
        values = _many(tables, theta, horizon)[level, state]
        logs = jax.nn.log_softmax(base + gain[:, None] * _centred(values))
        miss = -jnp.sum(target * logs, axis=1)
        return jnp.sum(miss * seen) / jnp.sum(seen) + RIDGE * 0.5 * jnp.sum(theta[:-1] ** 2) / 100

    return jax.value_and_grad(loss)(theta)


def _many(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    """Return Q float32[V, S, A]."""
    discount = jax.nn.sigmoid(theta[-1])
    return jax.vmap(lambda one: soft_action_values(one, theta[:-1], discount, horizon))(tables)


def _centred(values: jax.Array) -> jax.Array:
    return values - jnp.mean(values, axis=-1, keepdims=True)


def _loss_here(shared: Common, values: np.ndarray, plan: Plan, sample: Sample) -> float:
    few = part(shared, sample.rows)
    model = gain_model(few, values[sample.rows], _planned_here(sample, plan.theta))
    return likelihood.loss(model, few.target, plan.linear)


@partial(jax.jit, static_argnums=2)
def _values_here(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    return _many(tables, theta, horizon)


def _planned_here(sample: Sample, theta: np.ndarray) -> np.ndarray:
    """Return centred Q [M, A] of the sample's contexts."""
    every = _values_here(sample.tables, jnp.asarray(theta, jnp.float32), sample.horizon)
    return np.asarray(_centred(every[sample.level, sample.state]), np.float64)


def _planned(
    tabular: TabularModel, home: np.ndarray, theta: np.ndarray, horizon: int
) -> np.ndarray:
    """Return centred Q [C, A] of all contexts."""
    every = _values_everywhere(tabular.tables, jnp.asarray(theta, jnp.float32), horizon)
    return np.asarray(_centred(every[home[:, 0], tabular.rows(home)]), np.float64)


@partial(jax.jit, static_argnums=2)
def _values_everywhere(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    discount = jax.nn.sigmoid(theta[-1])
    return jax.lax.map(
        lambda one: soft_action_values(one, theta[:-1], discount, horizon), tables, batch_size=16
    )
