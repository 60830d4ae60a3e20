"""The baseline of one reward: maximum-causal-entropy inverse reinforcement learning.

Ziebart, Bagnell & Dey 2010, "Modeling interaction via the principle of maximum causal entropy":
what reaching each concept pays, and the discount, by maximum likelihood of the agent's decisions
in the exact worlds, beside a habit and an affordance.
Axes: C contexts, L levels, S states, A actions, O concepts, J reward terms.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from shardsim.bench.scores import Shards
from shardsim.shards.contexts.tabular_model import (
    Tables,
    TabularModel,
    plan_length,
    soft_action_values,
)
from shardsim.shards.fit.data import DecisionData, log_softmax
from shardsim.shards.influence import shares

FIT_LEVELS = 48
FIT_STATES = 10_000  # of all levels of the fit together
STEPS = 40
FIRST = 2.0  # of each concept's reward, in units of the temperature
FIRST_DISCOUNT = 2.2  # the logit of .9


def one_reward(data: DecisionData, seed: int) -> Shards:
    """Return the one 'shard' that a single planned reward is, its preference what concepts pay.

    Args:
      data: decisions with their tabular model.
      seed: of the levels that the reward is fitted to.
    """
    assert data.tabular_model is not None and data.home is not None
    env, tables = data.tabular_model.env, _reaching(data.tabular_model)
    concepts, actions = data.advantages.shape[2], data.logits.shape[1]
    most = max(4, min(FIT_LEVELS, FIT_STATES // env.num_states))
    chosen = np.sort(np.random.default_rng(seed).permutation(data.tabular_model.count)[:most])
    rows = np.flatnonzero(np.isin(data.home[:, 0], chosen))
    tabular = data.tabular_model
    place = (np.searchsorted(chosen, data.home[rows, 0]), tabular.rows(data.home[rows]))
    given = (
        jax.tree.map(lambda leaf: leaf[chosen], tables),
        *(jnp.asarray(x, jnp.int32) for x in place),
        jnp.asarray(np.exp(log_softmax(data.logits[rows])), jnp.float32),
        jnp.asarray(data.blocked[rows], jnp.float32),
    )
    horizon = plan_length(env)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _loss(jnp.asarray(theta, jnp.float32), given, horizon)
        return float(value), np.asarray(slope, np.float64)

    start = np.r_[np.full(concepts, FIRST), FIRST_DISCOUNT, -1.0, np.zeros(actions)]
    bounds = [(-30.0, 30.0)] * concepts + [(-1.5, 5.0)] + [(None, None)] * (1 + actions)
    options = {"maxiter": STEPS}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return _shards(found.x, data, tables, horizon)


def _reaching(tabular: TabularModel) -> Tables:
    """Return the tables [L] with reaching each concept as the only reward terms."""
    own, concepts = len(tabular.env.reward_names), len(tabular.env.concepts)
    return tabular.tables._replace(pay=tabular.tables.pay[..., own : own + concepts])


@partial(jax.jit, static_argnums=2)
def _loss(theta: jax.Array, given: tuple, horizon: int):
    tables, level, state, target, blocked = given
    concepts = tables.pay.shape[-1]

    def loss(theta: jax.Array) -> jax.Array:
        values = _values(tables, theta, horizon)[level, state]
        rest = theta[concepts + 1] * blocked + theta[concepts + 2 :]
        miss = -jnp.sum(target * jax.nn.log_softmax(values + rest), axis=1)
        return jnp.mean(miss) + 1e-5 * jnp.sum(theta[:concepts] ** 2)

    return jax.value_and_grad(loss)(theta)


def _values(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    """Return Q float32[L, S, A]."""
    concepts = tables.pay.shape[-1]
    discount = jax.nn.sigmoid(theta[concepts])
    return jax.vmap(lambda one: soft_action_values(one, theta[:concepts], discount, horizon))(
        tables
    )


@partial(jax.jit, static_argnums=2)
def _everywhere(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    concepts = tables.pay.shape[-1]
    discount = jax.nn.sigmoid(theta[concepts])

    def one(level: Tables) -> jax.Array:
        return soft_action_values(level, theta[:concepts], discount, horizon)

    return jax.lax.map(one, tables, batch_size=16)


def _shards(theta: np.ndarray, data: DecisionData, tables: Tables, horizon: int) -> Shards:
    assert data.home is not None and data.tabular_model is not None
    concepts = data.advantages.shape[2]
    every = _everywhere(tables, jnp.asarray(theta, jnp.float32), horizon)
    at = data.home[:, 0], data.tabular_model.rows(data.home)
    values = np.asarray(every, np.float64)[at]
    parts = shares.Parts(
        shards=values[..., None],
        habit=theta[concepts + 2 :],
        affordance=theta[concepts + 1] * data.blocked,
        logits=data.logits,
    )
    strength = shares.strengths(parts)
    norm = max(float(np.linalg.norm(theta[:concepts])), 1e-12)
    return Shards(
        strength=strength[:, :1],
        preferences=theta[None, :concepts] / norm,
        shares=shares.shares_of(strength, data.weight)[:1],
    )
