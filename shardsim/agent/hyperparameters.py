"""Numbers of training that programs take as arguments: other values compile nothing anew."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.config import TrainConfig

Number = jax.Array | np.ndarray  # float32[]


class Hyperparameters(NamedTuple):
    """The settings of `TrainConfig` that change no shape, as programs need them."""

    learning_rate: Number
    learning_rate_fall: Number  # over all training, as a fraction
    entropy: Number  # bonus at the start, nats
    entropy_rise: Number  # over all training, nats; below 0 where it falls
    discount: Number
    gae_lambda: Number
    clip: Number
    value_coefficient: Number
    max_grad_norm: Number
    exploration: Number  # chance of a random move at the start
    exploration_rise: Number  # until it stays; below 0 where it falls
    exploration_until: Number  # part of training


class InForce(NamedTuple):
    """What the schedules say at one moment of training, float32[] each."""

    learning_rate: jax.Array
    entropy: jax.Array  # bonus, nats
    exploration: jax.Array  # chance of a random move


def hyperparameters(config: TrainConfig) -> Hyperparameters:
    """Return the numbers of a config, on the host.

    Differences are taken before rounding, so that agents are, to the byte, what they were when
    these numbers were constants of the program.
    """
    numbers = (
        config.learning_rate,
        1.0 - config.learning_rate_end,
        config.entropy,
        config.entropy_end - config.entropy,
        config.discount,
        beside_discount(config.gae_lambda, config.discount),
        config.clip,
        config.value_coefficient,
        config.max_grad_norm,
        config.exploration,
        config.exploration_end - config.exploration,
        config.exploration_until,
    )
    return Hyperparameters(*(np.asarray(number, np.float32) for number in numbers))


def beside_discount(gae_lambda: float, discount: float) -> np.float32:
    """Return λ, by a last digit off where only then γλ in float32 is the float32 nearest to γλ."""
    nearest, wanted = np.float32(gae_lambda), np.float32(gae_lambda * discount)
    tried = (nearest, *(np.nextafter(nearest, np.float32(end)) for end in (0.0, 1.0)))
    return next((one for one in tried if np.float32(discount) * one == wanted), nearest)


def in_force(numbers: Hyperparameters, progress: jax.Array) -> InForce:
    """Return what holds at `progress` float32[], which runs from 0 to 1 over training.

    The learning rate and the entropy bonus go straight from start to end; exploration does so up
    to `exploration_until`, and then stays.
    """
    explored = jnp.clip(progress / jnp.maximum(numbers.exploration_until, 1e-9), 0.0, 1.0)
    found = (
        numbers.learning_rate * (1.0 - numbers.learning_rate_fall * progress),
        numbers.entropy + numbers.entropy_rise * progress,
        numbers.exploration + numbers.exploration_rise * explored,
    )
    return InForce(*(jnp.asarray(number) for number in found))
