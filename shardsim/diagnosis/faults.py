"""Real faults to inject, each made by replacing one component, with the truth declared beside it.

A fault of one's own is any function from components to components: `components._replace(...)`.
The seven here recur in public trackers; each docstring says where one was seen. Diagnosis never
reads this file: the truth is for scoring it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.agent import advantage as advantage_section
from shardsim.agent import environment as environment_section
from shardsim.agent import reward as reward_section
from shardsim.agent import update as update_section
from shardsim.agent.components import Components
from shardsim.agent.observation import Observation, observe
from shardsim.base.errors import UserError, did_you_mean

WRONG_DISCOUNT = 0.9


class Fault(NamedTuple):
    """One fault and its truth."""

    name: str
    inject: Callable[[Components], Components]
    world: str  # as in `Diagnosis.world`
    section: str  # as in `shardsim.agent.components.SECTIONS`


FAULTS: dict[str, Fault] = {}


def declare(world: str, section: str) -> Callable:
    """Register a function of components under its own name, with its true world and section."""

    def register(inject: Callable[[Components], Components]) -> Callable[[Components], Components]:
        name = inject.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, inject, world, section)
        return inject

    return register


def inject(name: str, components: Components) -> Components:
    """Return components with a declared fault in one of them; raises UserError for an unknown."""
    if name not in FAULTS:
        raise UserError(f"there is no fault {name!r}; {did_you_mean(name, FAULTS)}")
    return FAULTS[name].inject(components)


@declare(world="no-update", section="update")
def update_never_applied(components: Components) -> Components:
    """The optimiser's state goes on, its parameters are dropped (Craftax 7c31a1d)."""

    def apply(gradients, state, parameters, learning_rate, max_grad_norm):
        _, state = update_section.apply(gradients, state, parameters, learning_rate, max_grad_norm)
        return parameters, state

    return components._replace(update=components.update._replace(apply=apply))


@declare(world="no-update", section="update")
def clip_norm_zero(components: Components) -> Components:
    """Gradients are clipped to norm 0, so nothing moves (strands-labs/robots #2028)."""

    def apply(gradients, state, parameters, learning_rate, max_grad_norm):
        return update_section.apply(gradients, state, parameters, learning_rate, 0.0)

    return components._replace(update=components.update._replace(apply=apply))


@declare(world="wrong-code", section="reward")
def reward_sign_flipped(components: Components) -> Components:
    """What pays costs (simulate #32, a penalty with the wrong sign)."""

    def reward(weights: jax.Array, rewards: jax.Array) -> jax.Array:
        return -reward_section.reward(weights, rewards)

    return components._replace(reward=reward)


@declare(world="wrong-code", section="advantage")
def time_outs_as_terminal(components: Components) -> Components:
    """Running out of time counts as having no future (Stable-Baselines3 #633)."""

    def advantage(values, next_values, rewards, terminated, truncated, discount, gae_lambda):
        return advantage_section.advantage(
            values, next_values, rewards, terminated | truncated, truncated, discount, gae_lambda
        )

    return components._replace(advantage=advantage)


@declare(world="wrong-code", section="advantage")
def wrong_discount(components: Components) -> Components:
    """The config's discount is ignored for another (muPRL's operator on the discount)."""

    def advantage(values, next_values, rewards, terminated, truncated, discount, gae_lambda):
        return advantage_section.advantage(
            values, next_values, rewards, terminated, truncated, WRONG_DISCOUNT, gae_lambda
        )

    return components._replace(advantage=advantage)


@declare(world="wrong-code", section="observation")
def observation_transposed(components: Components) -> Components:
    """Learning sees rows and columns exchanged, acting does not (Minigrid-type axis mix-ups)."""

    def transposed(env, states):
        return jnp.swapaxes(observe(env, states), 1, 2)

    return components._replace(observation=Observation(acting=observe, learning=transposed))


@declare(world="wrong-code", section="environment")
def moves_swapped(components: Components) -> Components:
    """The env carries out each of the first two actions as the other (Gymnasium #1395)."""

    def environment(env, bank, key, states, actions):
        swapped = jnp.where(actions < 2, 1 - actions, actions)
        return environment_section.environment(env, bank, key, states, swapped)

    return components._replace(environment=environment)
