"""Agents trained by reward alone, whose antecedents are known: what paid, and in which contexts.

Nothing is taught but reward. So what should be wanted where is known from the reinforcement
history and from nothing else; whether it was learnt is measured, exactly.
Axis letters: K agents · L levels · R reward components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.checkpoint import agent_of
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.hyperparameters import Hyperparameters, hyperparameters
from shardsim.agent.learner import Carry, Learner
from shardsim.agent.policy import Agent
from shardsim.agent.spread import over_seeds, spread
from shardsim.agent.train import begin, make_learner, one_update
from shardsim.base.errors import UserError
from shardsim.bench.planted.world import Antecedent, paying_world
from shardsim.env.core import Env
from shardsim.env.episodes import Bank
from shardsim.env.levels import sample_levels
from shardsim.env.types import Level, Split

STEPS = 200_000
EVALUATED = 100  # levels of the exact evaluation


@dataclass(frozen=True)
class RewardSpec:
    """One reinforcement history: all that ever paid, each 1 where its own gate holds."""

    kind: str
    antecedents: tuple[Antecedent, ...] = ()

    @property
    def num_shards(self) -> int:
        """How many shards it should leave: concepts that paid in contexts of their own.

        Concepts that paid in the same contexts were never reinforced apart: one utility.
        """
        return len({one.cues for one in self.antecedents})


class Trained(NamedTuple):
    """Agents trained side by side in one world."""

    env: Env  # the world that paid them; batteries of it hold what they have seen
    agents: tuple[Agent, ...]  # K
    achieved: np.ndarray  # float64[K], exact discounted return on levels not trained on
    optimum: np.ndarray  # float64[K], the best there is; 0 where nothing pays


def training(steps: int, agents: int) -> TrainConfig:
    """Return how reward-level agents are trained."""
    return TrainConfig(
        seeds=agents,
        total_steps=steps,
        rollout_steps=32,
        discount=0.9,
        entropy=0.02,
        entropy_end=0.005,
        bank_levels=2048,
        network=NetworkConfig(widths=(64, 64)),
    )


def planted_rewards(
    specs: Sequence[RewardSpec],
    env: Env,
    *,
    seed: int = 0,
    steps: int = STEPS,
    split: Split = "target",
) -> Trained:
    """Train an agent on what each spec says pays, all at once in one world of an env's layouts.

    Args:
      specs: one for each agent; what they pay for differs only in the weights of their levels.
      env: whose train levels they are paid in, by the rules of `paying_world`.
      seed: of levels, weights and actions, of which each agent has its own.
      steps: of the env, for each agent.
      split: the levels that they are evaluated on.

    Raises:
      UserError: no spec, or a concept or cue that the env does not have.
    """
    if not specs:
        raise UserError("there is nothing to train; give one spec or more")
    world = paying_world(env, [one for spec in specs for one in spec.antecedents])
    weights = jnp.asarray([weights_of(spec, world) for spec in specs], jnp.float32)
    config = training(steps, len(specs))
    learner = make_learner(world, config)
    banks, carry = begin(world, config, jax.random.key(seed))
    banks = banks._replace(levels=_paid(banks.levels, weights))
    carry = carry._replace(states=carry.states.replace(level=_paid(carry.states.level, weights)))
    loop = partial(_train, learner, hyperparameters(config), count=np.int32(config.updates))
    parameters = spread(loop, banks, carry)
    levels = sample_levels(world, jax.random.key(seed + 1), EVALUATED, split)
    achieved, optimum = _returns(learner, config.discount, parameters, levels, weights)
    agents = tuple(agent_of(learner, parameters, number) for number in range(len(specs)))
    return Trained(world, agents, np.asarray(achieved, np.float64), np.asarray(optimum, np.float64))


def weights_of(spec: RewardSpec, world: Env) -> list[float]:
    """Return float[R]: 1 for the components of a paying world that a spec pays, else 0."""
    components = getattr(world, "antecedents", ())
    return [float(component in spec.antecedents) for component in components]


def _paid(levels: Level, weights: jax.Array) -> Level:
    """Put each agent's weights float32[K, R] into its levels [K, L]."""
    shape = levels.reward_weights.shape
    return levels.replace(reward_weights=jnp.broadcast_to(weights[:, None], shape))


@partial(jax.jit, static_argnums=0)
def _train(
    learner: Learner, numbers: Hyperparameters, banks: Bank, carry: Carry, count: jax.Array
) -> Any:
    """Do `count` updates of agents; return their parameters."""

    def one(bank: Bank, carry: Carry) -> Carry:
        def body(_, carry: Carry) -> Carry:
            return one_update(learner, numbers, bank, carry, count.astype(jnp.float32))[0]

        return jax.lax.fori_loop(0, count, body, carry)

    return over_seeds(one, banks, carry).parameters


@partial(jax.jit, static_argnums=0)
def _returns(
    learner: Learner, discount: Any, parameters: Any, levels: Level, weights: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return float32[K] twice: the agents' exact returns on levels [L], and the optimum."""

    def one(parameters: Any, weights: jax.Array):
        return learner.components.evaluation(
            learner.env,
            lambda seen: learner.network.run(parameters, seen).logits,
            levels.replace(reward_weights=jnp.broadcast_to(weights, levels.reward_weights.shape)),
            discount,
        )

    found = jax.vmap(one)(parameters, weights)
    return jnp.asarray(found.achieved), jnp.asarray(found.optimum)
