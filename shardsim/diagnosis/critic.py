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

HORIZONS = 2.0 ** (np.arange(-14, 7) / 4)  # tried, relative to the config's 1 / (1 - discount)


def tried_discounts(discount: float, max_steps: int) -> np.ndarray:
    """Return float32[G]: discounts whose horizons are spread around the config's."""
    horizon = horizon_of(discount, max_steps)
    return (1.0 - 1.0 / np.maximum(1.0, horizon * HORIZONS)).astype(np.float32)


def horizon_of(discount: Any, max_steps: int) -> Any:
    """Return 1 / (1 - discount) in steps; a discount of 1 counts as ten episodes long."""
    return 1.0 / (1.0 - np.minimum(discount, 1.0 - 0.1 / max_steps))


class Moments(NamedTuple):
    """Σ over visited states of features times the parts of the critic's error."""

    own: jax.Array  # float32[G, D], from the critic's own values
    reward: jax.Array  # float32[G, D], from the reward, at scale 1
    covariance: jax.Array  # float32[D, D], of the features
    visits: jax.Array  # float32[], decisions


class Taught(NamedTuple):
    """What the critic agrees with best."""

    plain_discount: jax.Array  # float32[], the best one for the reward as it is
    scaled_discount: jax.Array  # float32[], the best one where the reward may have any scale
    reward_scale: jax.Array  # float32[], the best one at the config's discount
    head_gradient: jax.Array  # float32[], norm of the expected gradient on the critic's head


def taught(learner: Learner, config: TrainConfig, parameters: Any, levels: Level) -> Taught:
    """Fit discount and reward scale to one seed's critic, over levels [L]."""
    grid = tried_discounts(config.discount, learner.env.max_steps)
    tried = jnp.append(jnp.asarray(grid), jnp.float32(config.discount))
    sums = jax.lax.map(lambda level: moments(learner, config, parameters, level, tried), levels)
    total = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), sums)
    total = jax.tree.map(lambda leaf: leaf / total.visits, total)
    white = whitener(total.covariance)
    own, reward = total.own @ white, total.reward @ white
    along = -jnp.sum(own * reward, axis=1)
    sizes = jnp.linalg.norm(own, axis=1) * jnp.linalg.norm(reward, axis=1)
    scale = along[-1] / jnp.maximum(jnp.sum(jnp.square(reward[-1])), 1e-12)
    gradient = jnp.linalg.norm(total.own[-1] + total.reward[-1])
    return Taught(
        plain_discount=tried[jnp.argmin(jnp.linalg.norm(own + reward, axis=1))],
        scaled_discount=tried[jnp.argmax(jnp.abs(along) / jnp.maximum(sizes, 1e-12))],
        reward_scale=scale,
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
