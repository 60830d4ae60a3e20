"""Reinforcement events: episodes up to their first payment, and the update each asks for.

An event is an episode from its start to the first move on which a reward component pays (the
generic `step` and `bump` pay on every move, and count for none), to its end, or to `length`
decisions. Its update is the gradient of Σ_t A_t log π(a_t | s_t) with generalised advantages, as
the run's own learner would take it, less their mean over all decisions (Pope & Turner 2022, "The
shard theory of human values": shards are made by reinforcement events; Drori 2025,
"Operationalizing the definition of a shard": one vector an event).

Axis letters: S agents (seeds) · E events · T decisions · R reward components · O concepts ·
K measures · P parameters · M dimensions of the sketch.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from shardsim.agent.action import log_probability
from shardsim.agent.advantage import advantage
from shardsim.agent.hyperparameters import beside_discount
from shardsim.agent.network import Network
from shardsim.env.core import Env
from shardsim.env.rewards import BUMP, STEP
from shardsim.env.types import State

AT_ONCE = 16  # events of each agent whose whole gradients are held together


class Horizon(NamedTuple):
    """How an episode is followed and credited."""

    discount: Any  # float, or float32[] in a program
    gae_lambda: Any
    length: int  # decisions, T


class Events(NamedTuple):
    """Episodes of every agent up to their first payment."""

    states: State  # [S, T, E], where each action was chosen
    actions: jax.Array  # int32[S, T, E]
    advantages: jax.Array  # float32[S, T, E], mean 0 over decisions; 0 after the event
    lasts: jax.Array  # bool[S, T, E], decisions of the event
    paid: jax.Array  # int32[S, E], the component that paid; R where none did
    reached: jax.Array  # bool[S, E, O], concepts that the paying move reached


class Updates(NamedTuple):
    """The update that each event asks for, as far as it is kept."""

    sketch: jax.Array  # float32[S, E, M], whose inner products are near those of the updates
    response: jax.Array  # float32[S, E, K], change of each measure along the update, a unit step


class Sketch(NamedTuple):
    """A sparse random projection: each parameter goes to one of M sums, with a random sign.

    It keeps inner products up to 1 / √M (Charikar, Chen & Farach-Colton 2002, "Finding frequent
    items in data streams"; Kane & Nelson 2014, "Sparser Johnson-Lindenstrauss transforms").
    """

    order: jax.Array  # int32[M, ⌈P / M⌉], P where there is no parameter left
    sign: jax.Array  # float32[M, ⌈P / M⌉]

    def __call__(self, vector: jax.Array) -> jax.Array:
        """Return float32[M] of float32[P]."""
        padded = jnp.append(vector, jnp.zeros(1, vector.dtype))
        return jnp.sum(padded[self.order] * self.sign, axis=1)


def make_sketch(parameters: int, size: int, seed: int) -> Sketch:
    """Draw the projection of vectors float[parameters] to `size` dimensions."""
    rng = np.random.default_rng(seed)
    shape = (size, -(-parameters // size))
    order = np.minimum(rng.permutation(shape[0] * shape[1]), parameters).astype(np.int32)
    sign = rng.choice(np.array([-1.0, 1.0], np.float32), shape)
    return Sketch(jnp.asarray(order.reshape(shape)), jnp.asarray(sign))


def payments(env: Env) -> np.ndarray:
    """Return bool[R]: the components that can make an event."""
    return np.array([name not in (STEP, BUMP) for name in env.reward_names])


def roll_out(
    env: Env, network: Network, horizon: Horizon, parameters: Any, starts: State, key: jax.Array
) -> Events:
    """Let every agent act from the same starts [E], by its own policy.

    Args:
      env: the world.
      network: of all agents.
      horizon: discount, lambda and length.
      parameters: pytree [S].
      starts: states [E].
      key: PRNG key.
    """
    keys = jax.random.split(key, jax.tree.leaves(parameters)[0].shape[0])
    discount = np.float32(horizon.discount)
    gae_lambda = beside_discount(horizon.gae_lambda, horizon.discount)
    how = (horizon.length, discount, gae_lambda)
    return _follow_all(env, network, *how, parameters, starts, keys)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _follow_all(
    env: Env, network: Network, length: int, discount, gae_lambda, parameters, starts: State, keys
) -> Events:
    one = partial(_follow, env, network, Horizon(discount, gae_lambda, length))
    return jax.vmap(one, (0, None, 0))(parameters, starts, keys)


def _follow(env: Env, network: Network, horizon: Horizon, parameters, starts: State, key) -> Events:
    counts = jnp.asarray(payments(env), jnp.float32)

    def step(carry, key):
        states, alive = carry
        act, draw = jax.random.split(key)
        output = network.run(parameters, jax.vmap(env.observe)(states))
        actions = jax.random.categorical(act, output.logits).astype(jnp.int32)
        uniform = jax.random.uniform(draw, actions.shape, dtype=jnp.float32)
        moved = jax.vmap(env.step_with_uniform)(uniform, states, actions)
        amount = jnp.abs(moved.rewards * states.level.reward_weights) * counts
        pays = jnp.any(amount > 0, axis=1)
        ends = moved.terminated | moved.truncated | pays
        reached = jax.vmap(env.reaches)(states, moved.state) & (pays & alive)[:, None]
        kind = jnp.where(pays & alive, jnp.argmax(amount, axis=1), amount.shape[1])
        told = (states, actions, output.value, moved, ends, alive, kind.astype(jnp.int32), reached)
        return (moved.state, alive & ~ends), told

    alive = jnp.ones(starts.steps.shape, bool)
    keys = jax.random.split(key, horizon.length)
    (final, _), told = jax.lax.scan(step, (starts, alive), keys)
    states, actions, values, moved, ends, lasts, kinds, reached = told
    last = network.run(parameters, jax.vmap(env.observe)(final)).value
    onward = jnp.concatenate([values[1:], last[None]])
    rewards, over = moved.reward, moved.terminated
    credit = advantage(
        values, onward, rewards, over, ends, horizon.discount, horizon.gae_lambda
    ).advantages
    mean = jnp.sum(credit, where=lasts) / jnp.sum(lasts, dtype=credit.dtype)
    return Events(
        states=states,
        actions=actions,
        advantages=jnp.where(lasts, credit - mean, 0.0),
        lasts=lasts,
        paid=jnp.min(kinds, axis=0),
        reached=jnp.any(reached, axis=0),
    )


@partial(jax.jit, static_argnums=(0, 1))
def updates(
    env: Env,
    network: Network,
    parameters: Any,
    events: Events,
    sketch: Sketch,
    measures: jax.Array,
) -> Updates:
    """Return the update of each event, projected, and what it does to measures.

    Args:
      env: the world.
      network: of all agents.
      parameters: pytree [S] where gradients are taken; not always those that acted.
      events: of `roll_out`.
      sketch: of as many dimensions as the network has parameters.
      measures: float32[S, K, P], gradients of K scalars.
    """

    def one(own, measure, event):
        flat = ravel_pytree(jax.grad(partial(_weighed, env, network))(own, *event))[0]
        return Updates(sketch(flat), measure @ flat)

    def agent(own, measure, states, actions, advantages):
        across = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), (states, actions, advantages))
        return jax.lax.map(partial(one, own, measure), across, batch_size=AT_ONCE)

    each = (events.states, events.actions, events.advantages)
    return jax.vmap(agent)(parameters, measures, *each)


@partial(jax.jit, static_argnums=0)
def measure_gradients(
    network: Network, parameters: Any, observations: jax.Array, measures: jax.Array
) -> jax.Array:
    """Return float32[S, K, P]: gradients of Σ measure · centred logits.

    Args:
      network: of all agents.
      parameters: pytree [S].
      observations: float32[C, H, W, planes].
      measures: float32[S, K, C, A].
    """

    def scalar(own, measure):
        logits = network.run(own, observations).logits
        return jnp.sum(measure * (logits - jnp.mean(logits, axis=-1, keepdims=True)))

    def agent(own, every):
        return jax.lax.map(lambda measure: ravel_pytree(jax.grad(scalar)(own, measure))[0], every)

    return jax.vmap(agent)(parameters, measures)


def _weighed(env: Env, network: Network, parameters, states, actions, weights) -> jax.Array:
    """Σ weight · log π(action | state) over rows."""
    logits = network.run(parameters, jax.vmap(env.observe)(states)).logits
    return jnp.sum(weights * log_probability(logits, actions))
