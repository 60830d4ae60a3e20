"""What a checkpoint holds, for all seeds at once, and its shape without training anything.

Axis letter: K seeds, the leading axis of every array.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shardsim.agent.components import Components
from shardsim.agent.config import TrainConfig
from shardsim.agent.hyperparameters import Hyperparameters, hyperparameters
from shardsim.agent.learner import Carry, Learner, Record
from shardsim.agent.policy import Agent
from shardsim.agent.train import Chunk, begin_one, make_learner, one_update, seed_keys
from shardsim.env.core import Env
from shardsim.env.episodes import Bank
from shardsim.env.levels import take


class Checkpoint(NamedTuple):
    """Parameters and optimiser state, with those of one minibatch before: a consecutive pair."""

    parameters: Any  # [K]
    optimiser: Any  # [K]
    previous_parameters: Any  # [K]; the same as `parameters` before the first update
    previous_optimiser: Any  # [K]


def of_chunk(chunk: Chunk) -> Checkpoint:
    """Return what is kept of a chunk."""
    carry = chunk.carry
    if chunk.last is None:
        return Checkpoint(carry.parameters, carry.optimiser, carry.parameters, carry.optimiser)
    before = chunk.last
    return Checkpoint(
        carry.parameters, carry.optimiser, before.parameters_before, before.optimiser_before
    )


def checkpoint_template(
    env: Env, config: TrainConfig, components: Components | None = None
) -> Checkpoint:
    """Return the shapes and dtypes of a checkpoint, for reading one back."""
    carry = carry_template(env, config, components)
    return Checkpoint(carry.parameters, carry.optimiser, carry.parameters, carry.optimiser)


def carry_template(env: Env, config: TrainConfig, components: Components | None = None) -> Carry:
    """Return the shapes and dtypes of a training carry [K]."""
    return _begun(make_learner(env, config, components), config)[1]


def _begun(learner: Learner, config: TrainConfig) -> tuple[Bank, Carry]:
    def every(numbers: Hyperparameters, keys: jax.Array) -> tuple[Bank, Carry]:
        return jax.vmap(partial(begin_one, learner, numbers))(keys)

    return jax.eval_shape(every, hyperparameters(config), seed_keys(config, jax.random.key(0)))


def record_template(env: Env, config: TrainConfig, components: Components | None = None) -> Record:
    """Return the shapes and dtypes of an update's record [K]."""
    learner = make_learner(env, config, components)

    def every(numbers: Hyperparameters, bank: Bank, carry: Carry) -> Any:
        once = partial(one_update, learner, numbers, updates=jnp.float32(1.0))
        return jax.vmap(once)(bank, carry)

    return jax.eval_shape(every, hyperparameters(config), *_begun(learner, config))[1]


def agent_of(learner: Learner, parameters: Any, seed: int) -> Agent:
    """Return one seed's agent from parameters [K]; `seed` counts from 0 along that axis."""
    return Agent(learner.env, learner.network, take(parameters, seed))
