"""Learners by name, each as the sections in which it differs from PPO."""

from __future__ import annotations

from shardsim.agent import a2c, pqn
from shardsim.agent.components import DEFAULT_COMPONENTS, Components
from shardsim.agent.config import TrainConfig

LEARNERS: dict[str, Components] = {
    "ppo": DEFAULT_COMPONENTS,
    "a2c": DEFAULT_COMPONENTS._replace(loss=a2c.loss),
    "pqn": DEFAULT_COMPONENTS._replace(
        action=pqn.action, loss=pqn.loss, network=pqn.build_q_network
    ),
}


def components_of(config: TrainConfig) -> Components:
    """Return the sections of the learner that a config names."""
    return LEARNERS[config.learner]
