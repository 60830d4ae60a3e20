"""PPO as one plain JAX loop, in the manner of PureJaxRL: a peer without a library.

Environment, rollout, advantages and minibatches are scans inside one jitted program; actor and
critic have hidden layers of their own; values are clipped. Nothing is recorded on the way.
Source of the structure: Lu, Kuba, Letcher, Metz, Schroeder de Witt and Foerster, 2022,
"Discovered Policy Optimisation" (its released code, PureJaxRL). Axis letters: T steps · B envs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.linen.initializers import constant, orthogonal

from shardsim.agent.config import TrainConfig


class ActorCritic(nn.Module):
    """Two towers of dense layers over a flat observation."""

    num_actions: int
    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return logits [B, A] and values [B] of observations [B, D]."""
        heads = []
        for size, gain in ((self.num_actions, 0.01), (1, 1.0)):
            hidden = seen
            for width in self.widths:
                dense = nn.Dense(width, kernel_init=orthogonal(2**0.5), bias_init=constant(0.0))
                hidden = nn.relu(dense(hidden))
            heads.append(nn.Dense(size, kernel_init=orthogonal(gain))(hidden))
        return heads[0], heads[1][:, 0]


class Step(NamedTuple):
    """What happened in one step of every env, [B] each."""

    seen: jax.Array
    action: jax.Array
    log_probability: jax.Array
    value: jax.Array
    reward: jax.Array
    ended: jax.Array


def log_probability(logits: jax.Array, action: jax.Array) -> jax.Array:
    """Return the log probability float32[B] of actions int32[B]."""
    return jnp.take_along_axis(jax.nn.log_softmax(logits), action[:, None], axis=1)[:, 0]


def advantages(steps: Step, last: jax.Array, config: TrainConfig) -> jax.Array:
    """Return generalised advantages float32[T, B]; `last` are the values after the rollout."""

    def back(carry: tuple[jax.Array, jax.Array], step: Step):
        advantage, after = carry
        goes_on = 1.0 - step.ended
        delta = step.reward + config.discount * after * goes_on - step.value
        advantage = delta + config.discount * config.gae_lambda * goes_on * advantage
        return (advantage, step.value), advantage

    start = (jnp.zeros_like(last), last)
    return jax.lax.scan(back, start, steps, reverse=True)[1]


def loss(network: ActorCritic, config: TrainConfig, parameters: Any, batch: Any) -> jax.Array:
    """Return PPO's loss on one minibatch of (step, advantage, target)."""
    step, advantage, target = batch
    logits, value = network.apply(parameters, step.seen)
    ratio = jnp.exp(log_probability(logits, step.action) - step.log_probability)
    scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    clipped = jnp.clip(ratio, 1 - config.clip, 1 + config.clip)
    actor = -jnp.minimum(ratio * scaled, clipped * scaled).mean()
    near = step.value + jnp.clip(value - step.value, -config.clip, config.clip)
    critic = 0.5 * jnp.maximum((value - target) ** 2, (near - target) ** 2).mean()
    log = jax.nn.log_softmax(logits)
    entropy = -(jnp.exp(log) * log).sum(axis=1).mean()
    return actor + config.value_coefficient * critic - config.entropy * entropy


def trainer(world: Any, actions: int, config: TrainConfig) -> tuple[Any, Any]:
    """Return begin(key) -> begun and train(begun) -> parameters, both of one seed.

    `world` has gymnax's reset and step.
    """
    network = ActorCritic(actions, config.network.widths)
    per_update = config.epochs * config.minibatches
    rate = optax.linear_schedule(
        config.learning_rate,
        config.learning_rate * config.learning_rate_end,
        config.updates * per_update,
    )
    optimiser = optax.chain(optax.clip_by_global_norm(config.max_grad_norm), optax.adam(rate))
    reset = jax.vmap(world.reset, in_axes=(0, None))
    step = jax.vmap(world.step, in_axes=(0, 0, 0, None))
    rows, params = config.num_envs * config.rollout_steps, world.default_params

    def act(carry: Any, key: jax.Array):
        parameters, state, seen = carry
        action_key, step_key = jax.random.split(key)
        logits, value = network.apply(parameters, seen)
        action = jax.random.categorical(action_key, logits)
        keys = jax.random.split(step_key, config.num_envs)
        after, state, reward, ended, _ = step(keys, state, action, params)
        now = Step(seen, action, log_probability(logits, action), value, reward, ended)
        return (parameters, state, after), now

    def minibatch(carry: Any, batch: Any):
        parameters, moments = carry
        gradient = jax.grad(lambda p: loss(network, config, p, batch))(parameters)
        change, moments = optimiser.update(gradient, moments, parameters)
        return (optax.apply_updates(parameters, change), moments), None

    def update(carry: Any, key: jax.Array):
        parameters, moments, state, seen = carry
        roll_key, shuffle_key = jax.random.split(key)
        keys = jax.random.split(roll_key, config.rollout_steps)
        (_, state, seen), steps = jax.lax.scan(act, (parameters, state, seen), keys)
        found = advantages(steps, network.apply(parameters, seen)[1], config)
        flat = jax.tree.map(
            lambda leaf: leaf.reshape(rows, *leaf.shape[2:]), (steps, found, found + steps.value)
        )

        def epoch(carry: Any, key: jax.Array):
            order = jax.random.permutation(key, rows)
            parts = jax.tree.map(
                lambda leaf: leaf[order].reshape(config.minibatches, -1, *leaf.shape[1:]), flat
            )
            return jax.lax.scan(minibatch, carry, parts)

        epochs = jax.random.split(shuffle_key, config.epochs)
        (parameters, moments), _ = jax.lax.scan(epoch, (parameters, moments), epochs)
        return (parameters, moments, state, seen), None

    def begin(key: jax.Array) -> Any:
        first_key, reset_key, run_key = jax.random.split(key, 3)
        seen, state = reset(jax.random.split(reset_key, config.num_envs), params)
        parameters = network.init(first_key, seen)
        return (parameters, optimiser.init(parameters), state, seen), run_key

    def train(begun: Any) -> Any:
        carry, run_key = begun
        keys = jax.random.split(run_key, config.updates)
        return jax.lax.scan(update, carry, keys)[0][0]

    return begin, train
