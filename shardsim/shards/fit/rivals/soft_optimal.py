"""The rival that plans: the soft-optimal policy of one reward, exact in every level.

One reward, a weighted sum of terms (`tabular_model.term_names`: what the env pays, reaching each
concept, and reaching it by drive or item), planned with drives and items in its state; its weights
(in units of the temperature) and its discount are fitted by maximum likelihood, to a sample of
levels where there are many: once for all folds, which favours this rival by a little.
Axes: C contexts, A actions, S states, J reward terms, V levels; θ = (weights [J], logit of γ).
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.levels import take
from shardsim.shards.contexts.tabular_model import (
    Tables,
    TabularModel,
    soft_action_values,
)
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.rivals.gained import Rival, Utility

MOST_LEVELS = 64  # that θ is fitted to
MOST_PLANNED = 60_000_000  # levels × states × actions × terms × steps ahead, likewise
LEAST_LEVELS = 12  # however large the world
BATCH = 64  # levels that are planned in one call, so that one program serves any number
BOUND = 30.0  # of a weight, in units of the temperature
DISCOUNT = (-1.5, 5.0)  # logits: .18 to .993
FIRST_DISCOUNT = 2.2  # .9


def most_levels(shared: Common) -> int:
    """Return in how many levels θ is fitted: fewer where hundreds of states are reached."""
    plans = _tabular(shared).plans
    one = int(np.prod(plans.tables.pay.shape[1:])) * plans.horizon
    return min(MOST_LEVELS, max(LEAST_LEVELS, MOST_PLANNED // one))


def _tabular(shared: Common) -> TabularModel:
    assert shared.data.tabular_model is not None
    return shared.data.tabular_model


def _rule(shared: Common) -> Utility:
    tabular, home = _tabular(shared), shared.data.home
    assert home is not None
    levels, level = np.unique(home[:, 0], return_inverse=True)
    horizon, batches = tabular.plans.horizon, _batches(tabular.tables, levels)
    rows = tabular.rows(home)

    def planned(plan, theta: np.ndarray) -> np.ndarray:
        """Q, or its slopes, in every context, centred over actions."""
        begun = [plan(tables, jnp.asarray(theta, jnp.float32), horizon) for tables in batches]
        every = np.concatenate([np.asarray(one) for one in begun])
        here = every[level, rows]
        return here - here.mean(1, keepdims=True)

    def value_and_slopes(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both = planned(_plan_with_slopes, theta)
        return both[:, :, 0], both[:, :, 1:]

    return Utility(shared.data.blocked, partial(planned, _plan), value_and_slopes)


def _batches(tables: Tables, levels: np.ndarray) -> list[Tables]:
    """Tables [BATCH] of some levels, the last level repeated to fill up."""
    full = -(-len(levels) // BATCH) * BATCH
    numbers = np.pad(levels, (0, full - len(levels)), mode="edge").reshape(-1, BATCH)
    return [jax.tree.map(jnp.asarray, take(tables, some)) for some in numbers]


@partial(jax.jit, static_argnums=2)
def _plan(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    """Return Q float32[V, S, A]."""
    discount = jax.nn.sigmoid(theta[-1])
    return jax.vmap(lambda one: soft_action_values(one, theta[:-1], discount, horizon))(tables)


@partial(jax.jit, static_argnums=2)
def _plan_with_slopes(tables: Tables, theta: jax.Array, horizon: int) -> jax.Array:
    """Return float32[V, S, A, 1 + J + 1]: Q, and its slopes in θ."""

    def both(theta: jax.Array) -> tuple[jax.Array, jax.Array]:
        values = _plan(tables, theta, horizon)
        return values, values

    slopes, values = jax.jacfwd(both, has_aux=True)(theta)
    return jnp.concatenate([values[..., None], slopes], axis=-1)


def _starts(shared: Common, weights: np.ndarray, _: np.random.Generator) -> list[np.ndarray]:
    """Rewards to start from: one utility's, the env's own, and all concepts alike."""
    plans = _tabular(shared).plans
    paid, concepts, terms = plans.paid, plans.concepts, plans.tables.pay.shape[-1]
    own = len(paid)
    utility = weights / max(np.abs(weights).max(), 1e-9)
    found = []
    for first, second in ((0.0 * paid, 4.0 * utility), (6.0 * np.sign(paid), 0.0 * utility)):
        theta = np.zeros(terms + 1)
        theta[:own], theta[own : own + concepts] = first, second
        found.append(theta)
    found.append(np.r_[np.zeros(own), np.full(terms - own, 2.0), 0.0])
    for theta in found:
        theta[-1] = FIRST_DISCOUNT
    return found


def _bounds(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    terms = _tabular(shared).tables.pay.shape[-1]
    return np.r_[np.full(terms, -BOUND), DISCOUNT[0]], np.r_[np.full(terms, BOUND), DISCOUNT[1]]


RIVAL = Rival(_rule, _starts, _bounds, ridge=1e-5, most_levels=most_levels)
