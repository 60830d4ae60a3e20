"""What the critic was taught, from the condition that its weights settle on.

Where training has come to rest, the critic's error against its λ-returns is orthogonal to the
features of its head under the states visited (the moment condition of TD(λ); Tsitsiklis & Van Roy
1997, "An analysis of temporal-difference learning with function approximation"). Solved for the
discount and for the scale of the reward, it tells which ones were really used.
Axis letters: L levels · S states · A actions · D features · G discounts tried.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import Learner
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.types import Level

DISCOUNTS = np.array(
    [0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 1.0], np.float32
)


class Moments(NamedTuple):
    """Σ over visited states of features times the parts of the critic's error."""

    own: jax.Array  # float32[G, D], from the critic's own values
    reward: jax.Array  # float32[G, D], from the reward, at scale 1
    covariance: jax.Array  # float32[D, D], of the features
    visits: jax.Array  # float32[], decisions


class Taught(NamedTuple):
    """What the critic agrees with best."""

    discount: jax.Array  # float32[], the best of `DISCOUNTS` at reward scale 1
    discount_left: jax.Array  # float32[], whitened moment that it leaves, in reward
    reward_scale: jax.Array  # float32[], the best at the config's discount
    scale_left: jax.Array  # float32[], whitened moment that it leaves, in reward
    head_gradient: jax.Array  # float32[], norm of the expected gradient on the critic's head


def taught(learner: Learner, config: TrainConfig, parameters: Any, levels: Level) -> Taught:
    """Fit discount and reward scale to one seed's critic, over levels [L]."""
    tried = jnp.append(jnp.asarray(DISCOUNTS), jnp.float32(config.discount))
    sums = jax.lax.map(lambda level: moments(learner, config, parameters, level, tried), levels)
    total = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), sums)
    total = jax.tree.map(lambda leaf: leaf / total.visits, total)
    white = whitener(total.covariance)
    own, reward = total.own @ white, total.reward @ white
    left = jnp.linalg.norm(own + reward, axis=1)
    best = jnp.argmin(left)
    scale = -jnp.dot(own[-1], reward[-1]) / jnp.maximum(jnp.sum(jnp.square(reward[-1])), 1e-12)
    gradient = jnp.linalg.norm(total.own[-1] + total.reward[-1])
    return Taught(
        discount=tried[best],
        discount_left=left[best],
        reward_scale=scale,
        scale_left=jnp.linalg.norm(own[-1] + scale * reward[-1]),
        head_gradient=2.0 * config.value_coefficient * gradient,
    )


def whitener(covariance: jax.Array) -> jax.Array:
    """Return float32[D, D]: what makes features uncorrelated; directions without any are left."""
    values, vectors = jnp.linalg.eigh(covariance)
    kept = values > 1e-4 * values[-1]
    return vectors * jnp.where(kept, 1.0 / jnp.sqrt(jnp.maximum(values, 1e-12)), 0.0)


def moments(
    learner: Learner, config: TrainConfig, parameters: Any, level: Level, tried: jax.Array
) -> Moments:
    """Return the moments of one level for discounts float32[G]."""
    env: Env = learner.env
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    seen = jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)
    output = learner.network.run(parameters, seen)
    policy, values = jax.nn.softmax(output.logits), output.value
    hidden = output.activations[learner.network.layers[-1]]
    features = jnp.concatenate([hidden, jnp.ones_like(hidden[:, :1])], axis=1)
    tabular = env.tabular(level)
    visits = planning.visitation(tabular, policy, tabular.start, env.max_steps)
    chance = policy[:, :, None] * tabular.probability

    def onward(values: jax.Array) -> jax.Array:  # [S, G], the expectation one step later
        later = jnp.where(tabular.terminated[..., None], 0.0, values[tabular.next_state])
        return jnp.einsum("san,sang->sg", chance, later)

    gain = jnp.sum(chance * planning.reward_table(tabular, level.reward_weights), axis=(1, 2))
    count = tried.shape[0]
    tiled = jnp.broadcast_to(values[:, None], (env.num_states, count))
    surprise = jnp.stack(
        [tried * onward(tiled) - tiled, jnp.broadcast_to(gain[:, None], tiled.shape)]
    )

    def accumulate(_, sums: jax.Array) -> jax.Array:
        return surprise + config.gae_lambda * tried * jax.vmap(onward)(sums)

    sums = jax.lax.fori_loop(0, config.rollout_steps, accumulate, jnp.zeros_like(surprise))
    weighted = visits[:, None] * features
    own, reward = jnp.einsum("psg,sd->pgd", sums, weighted)
    return Moments(own, reward, weighted.T @ features, jnp.sum(visits))
