"""Agents [S] that are identified together: networks of one architecture, or one opaque policy.

Axis letters: S agents (seeds) · C contexts · A actions · D units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.network import Network
from shardsim.agent.policy import Agent, capture
from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.types import State
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.policies import StatePolicy, respond


class Answers(NamedTuple):
    """What agents say over a battery."""

    logits: np.ndarray  # float[S, C, A]
    layers: dict[str, np.ndarray]  # name -> float[S, C, D]; empty for behaviour alone


class Patchable(NamedTuple):
    """Networks whose activations can be changed while they run."""

    network: Network
    parameters: Any  # pytree [S]


class Networks(NamedTuple):
    """Networks of one architecture, before and after training."""

    env: Env
    network: Network
    parameters: Any  # pytree [S]
    fresh: Any = None  # pytree [S], before training

    @property
    def patchable(self) -> Patchable:
        """The networks themselves."""
        return Patchable(self.network, self.parameters)

    @property
    def untrained(self) -> Networks | None:
        """The same networks before training."""
        if self.fresh is None:
            return None
        return Networks(self.env, self.network, self.fresh)

    @property
    def sees_mirrored(self) -> bool:
        """Networks see observations alone."""
        return True

    def respond(self, states: State | None, observations: np.ndarray) -> Answers:
        """Ask all networks in one call."""
        output = capture(self.network, self.parameters, observations)
        layers = {name: np.asarray(values) for name, values in output.activations.items()}
        return Answers(np.asarray(output.logits), layers)


class Opaque(NamedTuple):
    """One policy that can only be asked."""

    env: Env
    policy: Callable[..., Any]

    @property
    def patchable(self) -> None:
        """Nothing can be changed inside it."""
        return None

    @property
    def untrained(self) -> None:
        """There is nothing to train."""
        return None

    @property
    def sees_mirrored(self) -> bool:
        """A rule over states knows no mirrored observation."""
        return not (isinstance(self.policy, StatePolicy) and self.policy.env is None)

    def respond(self, states: State | None, observations: np.ndarray) -> Answers:
        """Ask the policy, in batches."""
        found = respond(self.policy, self.env, states, observations)
        layers = {name: values[None] for name, values in found.activations.items()}
        return Answers(found.logits[None], layers)


Agents = Networks | Opaque


def agents_of(policy: Callable[..., Any], battery: Battery, seed: int) -> Agents:
    """Return one policy as the only one of its agents; a network with itself before training."""
    if not isinstance(policy, Agent):
        return Opaque(battery.env, policy)
    own, asked = policy.env, battery.env
    same = own.observation_shape == asked.observation_shape
    if not same or own.action_names != asked.action_names or own.concepts != asked.concepts:
        raise UserError(
            f"the agent sees {own.name} as {own.observation_shape}, and the battery is of "
            f"{asked.name} as {asked.observation_shape}; draw one of the agent's own env"
        )
    fresh = policy.network.init(jax.random.key(seed), jnp.asarray(battery.observations[:1]))
    trained, blank = (jax.tree.map(lambda leaf: leaf[None], p) for p in (policy.parameters, fresh))
    return Networks(battery.env, policy.network, trained, blank)
