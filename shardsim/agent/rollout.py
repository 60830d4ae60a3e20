"""Section `rollout`: collects experience, and turns it into the rows that the learner reads.

Axis letters: T steps · B envs · N = T * B rows.
"""

from __future__ import annotations

from typing import NamedTuple

import jax

from shardsim.agent.advantage import Advantage
from shardsim.env.types import State


class Trajectory(NamedTuple):
    """What happened, as it happened."""

    states: State  # [T, B], where each action was chosen
    final_states: State  # [T, B], where it led, before any new episode
    actions: jax.Array  # int32[T, B], as recorded
    executed: jax.Array  # int32[T, B], as handed to the env
    log_probability: jax.Array  # float32[T, B]
    logits: jax.Array  # float32[T, B, A], as acted on
    values: jax.Array  # float32[T, B]
    rewards: jax.Array  # float32[T, B, R]
    terminated: jax.Array  # bool[T, B]
    truncated: jax.Array  # bool[T, B]
    memory: jax.Array | None = None  # float32[T, B, D] before each step, of a network with one
    next_memory: jax.Array | None = None  # float32[T, B, D] after it, as it would go on


class Batch(NamedTuple):
    """What the learner reads, one row a decision."""

    states: State  # [N]
    actions: jax.Array  # int32[N]
    log_probability: jax.Array  # float32[N]
    advantages: jax.Array  # float32[N]
    targets: jax.Array  # float32[N]
    memory: jax.Array | None = None  # float32[N, D], of a network with one


def rollout(trajectory: Trajectory, advantage: Advantage) -> Batch:
    """Flatten a trajectory and its advantages into rows, time-major."""

    def rows(leaf: jax.Array) -> jax.Array:
        return leaf.reshape(-1, *leaf.shape[2:])

    return Batch(
        states=jax.tree.map(rows, trajectory.states),
        actions=rows(trajectory.actions),
        log_probability=rows(trajectory.log_probability),
        advantages=rows(advantage.advantages),
        targets=rows(advantage.targets),
        memory=None if trajectory.memory is None else rows(trajectory.memory),
    )
