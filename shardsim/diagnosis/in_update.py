"""Tier T: what a kept update says about its gradients and steps, recomputed on its minibatches.

Each function takes one seed's record and returns pairs by name; vmap gives all seeds. Axis
letters: N rows of the batch · P parameters · K rows of a minibatch.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import (
    Learner,
    MinibatchStep,
    Record,
    inputs_of,
    minibatch_gradient,
)
from shardsim.agent.loss import Coefficients
from shardsim.agent.update import MOMENT_DECAY
from shardsim.diagnosis.evidence import Measurement, Pair
from shardsim.diagnosis.in_rollout import FLOATS

# Differences of parameters and moments lose digits: float32 keeps 1e-7 of the sum, and a step is
# down to 1e-4 of it. Healthy runs stay below 1e-4.
STEPS = 0.02

MEASUREMENTS = (
    Measurement("direction of the first gradient", "loss", "cosine", STEPS),
    Measurement("direction of the last gradient", "loss", "cosine", STEPS),
    Measurement("size of the first gradient", "update", "norm", STEPS),
    Measurement("size of the last gradient", "update", "norm", STEPS),
    Measurement("step taken is the optimiser's", "update", "norm", STEPS),
    Measurement("second moment follows the gradient", "update", "norm", STEPS),
    Measurement("updates counted by the optimiser", "update", "count", 0.0),
    Measurement("learning rate in force", "update", "1", FLOATS),
)
# What the reward adds to the first gradient, relative to the exact amount: decides no section.
REWARD_PART = Measurement("reward's part of the first gradient", "", "of the exact part", jnp.inf)


def in_update(
    learner: Learner, config: TrainConfig, record: Record, update: jax.Array
) -> dict[str, Pair]:
    """Return the pairs of the sections loss and update.

    `update` float32[] is the number of the update, counted from 1.
    """
    return {
        **gradients(learner, config, record),
        **steps(record),
        "learning rate in force": learning_rate(config, record, update),
    }


def recovered_gradient(before: Any, after: Any) -> jax.Array:
    """Return float32[P]: the gradient that took Adam's first moment from one value to the next."""
    decay = MOMENT_DECAY[0]
    old, new = ravel_pytree(before[1].mu)[0], ravel_pytree(after[1].mu)[0]
    return (new - decay * old) / (1.0 - decay)


def adam_step(optimiser: Any) -> jax.Array:
    """Return float32[P]: the step that an optimiser's state asks for, at learning rate 1."""
    state = optimiser[1]
    count = state.count.astype(jnp.float32)
    first, second = MOMENT_DECAY
    mean = ravel_pytree(state.mu)[0] / (1.0 - first**count)
    square = ravel_pytree(state.nu)[0] / (1.0 - second**count)
    return mean / (jnp.sqrt(square) + 1e-5)


def gradients(learner: Learner, config: TrainConfig, record: Record) -> dict[str, Pair]:
    """Compare gradients recovered from Adam with those recomputed on the same minibatches."""
    zero, one = jnp.float32(0.0), jnp.float32(1.0)
    value, entropy = jnp.float32(config.value_coefficient), record.entropy
    wanted = ((value, entropy), (zero, zero), (one, zero), (zero, one), (value, entropy))
    minibatches = [record.first] * 4 + [record.last]
    inputs = inputs_of(learner, record.batch)

    def gradient(case: tuple[Any, jax.Array, jax.Array, jax.Array]) -> jax.Array:
        parameters, rows, value, entropy = case
        force = Coefficients(jnp.float32(config.clip), value, entropy)
        made = minibatch_gradient(learner, parameters, record.batch, inputs, rows, force)
        return ravel_pytree(made[0])[0]

    cases = [
        (step.parameters_before, step.rows, value, entropy)
        for step, (value, entropy) in zip(minibatches, wanted, strict=True)
    ]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *cases)
    first, policy, with_value, with_entropy, last = jax.lax.map(gradient, stacked)
    return {
        **_gradient_pairs(config, "first", record.first, first),
        **_gradient_pairs(config, "last", record.last, last),
        REWARD_PART.name: reward_part(
            config,
            recovered_gradient(record.first.optimiser_before, record.first.optimiser_after),
            first,
            jnp.stack([policy, with_value - policy, with_entropy - policy], axis=1),
        ),
    }


def _gradient_pairs(
    config: TrainConfig, name: str, step: MinibatchStep, exact: jax.Array
) -> dict[str, Pair]:
    """Compare direction and size of the gradient of one minibatch with float32[P] `exact`."""
    measured = recovered_gradient(step.optimiser_before, step.optimiser_after)
    size, wanted = jnp.linalg.norm(measured), jnp.linalg.norm(exact)
    clipped = jnp.minimum(wanted, config.max_grad_norm)
    cosine = jnp.dot(measured, exact) / jnp.maximum(size * wanted, 1e-30)
    # A gradient that is small beside its own average is recovered with few digits.
    average = jnp.linalg.norm(ravel_pytree(step.optimiser_before[1].mu)[0])
    digits = jnp.maximum(1.0, average / jnp.maximum(clipped, 1e-30))
    unit = measured / jnp.maximum(size, 1e-30) - exact / jnp.maximum(wanted, 1e-30)
    apart = jnp.linalg.norm(unit) / digits
    return {
        f"direction of the {name} gradient": Pair(
            cosine, jnp.ones_like(cosine), jnp.where(size > 0, apart, 0.0)
        ),
        f"size of the {name} gradient": Pair(
            size, clipped, jnp.abs(size - clipped) / jnp.maximum(clipped, 1e-30) / digits
        ),
    }


def reward_part(
    config: TrainConfig, measured: jax.Array, whole: jax.Array, parts: jax.Array
) -> Pair:
    """Return how much of the policy term is in a gradient, 1 if as much as the loss says.

    The recovered gradient float32[P] `measured` is regressed on the policy, value and entropy terms
    float32[P, 3]; the gap is the share of it that the three leave unexplained. 0 where the policy
    term itself is zero. `whole` float32[P] is the gradient before clipping.
    """
    norms = jnp.maximum(jnp.linalg.norm(parts, axis=0), 1e-12)
    solved = jnp.linalg.lstsq(parts / norms, measured)[0]
    left = jnp.linalg.norm(measured - parts / norms @ solved)
    scale = jnp.minimum(1.0, config.max_grad_norm / jnp.maximum(jnp.linalg.norm(whole), 1e-12))
    size = jnp.linalg.norm(measured)
    unexplained = jnp.where(size > 0, left / jnp.maximum(size, 1e-30), 0.0)
    amount = jnp.where(norms[0] > 1e-9, solved[0] / norms[0] / scale, 0.0)
    return Pair(amount, jnp.ones_like(amount), unexplained)


def steps(record: Record) -> dict[str, Pair]:
    """Compare the last step with the one that the optimiser's own state asks for."""
    step = record.last
    before, after = step.optimiser_before[1], step.optimiser_after[1]
    decay = MOMENT_DECAY[1]
    gradient = recovered_gradient(step.optimiser_before, step.optimiser_after)
    old, new = ravel_pytree(before.nu)[0], ravel_pytree(after.nu)[0]
    moment = decay * old + (1.0 - decay) * jnp.square(gradient)
    count = jnp.float32(1.0) + before.count.astype(jnp.float32)
    counted = after.count.astype(jnp.float32)
    return {
        "step taken is the optimiser's": step_taken(
            step.parameters_before,
            step.parameters_after,
            step.optimiser_after,
            record.learning_rate,
        ),
        "second moment follows the gradient": _norms(new, moment),
        "updates counted by the optimiser": Pair(counted, count, jnp.abs(counted - count)),
    }


def step_taken(parameters_before, parameters_after, optimiser_after, rate) -> Pair:
    """Compare a change of parameters with the optimiser's step at a learning rate float32[]."""
    moved = ravel_pytree(parameters_after)[0] - ravel_pytree(parameters_before)[0]
    return _norms(moved, -rate * adam_step(optimiser_after))


def _norms(measured: jax.Array, exact: jax.Array) -> Pair:
    """Return the two norms, and the norm of the difference relative to the exact one."""
    size, apart = jnp.linalg.norm(exact), jnp.linalg.norm(measured - exact)
    return Pair(jnp.linalg.norm(measured), size, apart / jnp.maximum(size, 1e-12))


def learning_rate(config: TrainConfig, record: Record, update: jax.Array) -> Pair:
    """Compare the learning rate in force with the config's schedule."""
    exact = scheduled_rate(config, update)
    return Pair(
        record.learning_rate, exact, jnp.abs(record.learning_rate - exact) / config.learning_rate
    )


def scheduled_rate(config: TrainConfig, update: jax.Array) -> jax.Array:
    """Return float32[]: the learning rate of an update, counted from 1."""
    progress = (update - 1.0) / config.updates
    return config.learning_rate * (1.0 - (1.0 - config.learning_rate_end) * progress)
