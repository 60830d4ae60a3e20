"""The training pipeline as a NamedTuple of components, one a section.

This is the seam for faults, oracles and other algorithms: replace one component with
`components._replace(...)`. Nothing in the training loop asks which components it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from shardsim.agent.action import Action, action
from shardsim.agent.advantage import Advantage, advantage
from shardsim.agent.environment import EnvironmentStep, environment
from shardsim.agent.evaluation import Estimate, Evaluation, evaluation
from shardsim.agent.loss import loss
from shardsim.agent.network import Network, build_network
from shardsim.agent.observation import Observation, observation
from shardsim.agent.reward import reward
from shardsim.agent.rollout import Batch, rollout
from shardsim.agent.update import Update, update


class Components(NamedTuple):
    """One pure function (or a pair of them) a section, in the order of the data."""

    environment: Callable[..., EnvironmentStep] = environment
    observation: Observation = observation
    action: Callable[..., Action] = action
    rollout: Callable[..., Batch] = rollout
    reward: Callable[..., jax.Array] = reward
    advantage: Callable[..., Advantage] = advantage
    loss: Callable[..., tuple] = loss
    update: Update = update
    network: Callable[..., Network] = build_network
    evaluation: Callable[..., Evaluation | Estimate] = evaluation


SECTIONS: tuple[str, ...] = Components._fields
DEFAULT_COMPONENTS = Components()
