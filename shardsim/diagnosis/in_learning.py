"""Tier T: what a kept update says about rewards, advantages and the network, recomputed.

Each function takes one seed's record and returns pairs by name; vmap gives all seeds. Axis
letters: T steps · B envs · N = T * B rows.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from shardsim.agent.action import log_probability
from shardsim.agent.advantage import Advantage, advantage
from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import Learner, Record, values_of
from shardsim.agent.reward import reward
from shardsim.diagnosis.evidence import Measurement, Pair, worst
from shardsim.diagnosis.in_rollout import FLOATS, rows_of
from shardsim.env.levels import take

MEASUREMENTS = (
    Measurement("reward is the weighed sum of its components", "reward", "reward", FLOATS),
    Measurement("advantage from the raw rollout", "advantage", "reward", FLOATS),
    Measurement("value target from the raw rollout", "advantage", "reward", FLOATS),
    Measurement("logits from the parameters that acted", "network", "nats", FLOATS),
    Measurement("values from the parameters that acted", "network", "reward", FLOATS),
    Measurement("values of the states that moves led to", "network", "reward", FLOATS),
    Measurement("ratio in the first minibatch", "network", "1", FLOATS),
)


def in_learning(learner: Learner, config: TrainConfig, record: Record) -> dict[str, Pair]:
    """Return the pairs of the sections reward, advantage and network."""
    return {**rewards_and_advantages(config, record), **network(learner, record)}


def rewards_and_advantages(config: TrainConfig, record: Record) -> dict[str, Pair]:
    """Recompute rewards from components, and advantages from what the record says of rewards."""
    happened = record.trajectory
    exact = reward(happened.states.level.reward_weights, happened.rewards)
    again = recomputed(record, config.discount, config.gae_lambda)
    scale = 1.0 + jnp.max(jnp.abs(again.targets))
    return {
        "reward is the weighed sum of its components": worst(
            record.rewards, exact, 1.0 + jnp.max(jnp.abs(exact))
        ),
        "advantage from the raw rollout": worst(
            record.advantage.advantages, again.advantages, scale
        ),
        "value target from the raw rollout": worst(record.advantage.targets, again.targets, scale),
    }


def recomputed(record: Record, discount: Any, gae_lambda: Any) -> Advantage:
    """Return the advantages that the record's own values and rewards give."""
    happened = record.trajectory
    return advantage(
        happened.values,
        record.next_values,
        record.rewards,
        happened.terminated,
        happened.truncated,
        discount,
        gae_lambda,
    )


def network(learner: Learner, record: Record) -> dict[str, Pair]:
    """Recompute what the network said with the parameters that acted."""
    parameters, happened = record.first.parameters_before, record.trajectory
    flat = rows_of(happened)
    logits = learner.network.run(parameters, record.acted).logits
    kept = flat.logits[: logits.shape[0]]
    values = values_of(learner, parameters, happened.states)
    onward = values_of(learner, parameters, happened.final_states)
    next_values = jnp.where(happened.terminated, onward, record.next_values)  # else nothing follows
    part = take(record.batch, record.first.rows)
    seen = learner.components.observation.learning(learner.env, part.states)
    now = log_probability(learner.network.run(parameters, seen).logits, part.actions)
    ratio = jnp.exp(now - part.log_probability)
    return {
        "logits from the parameters that acted": worst(
            kept, logits, 1.0 + jnp.max(jnp.abs(logits))
        ),
        "values from the parameters that acted": worst(
            happened.values, values, 1.0 + jnp.max(jnp.abs(values))
        ),
        "values of the states that moves led to": worst(
            next_values, onward, 1.0 + jnp.max(jnp.abs(onward))
        ),
        "ratio in the first minibatch": worst(ratio, jnp.ones_like(ratio)),
    }
