"""A planted agent as a policy in any env: exact logits in every state, edited ones included.

Axis letters: B states · V unique levels · L levels of one chunk · S states of a level · A actions ·
O concepts · J reward terms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.bench.planted.rules import PlantedSpec, planted_logits
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, State
from shardsim.shards.contexts import sampling
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.policies import StatePolicy
from shardsim.shards.contexts.tabular_model import (
    plan_length,
    soft_action_values,
    tabulate,
    term_names,
)

CHUNKS = (8, 64)  # levels analysed in one call: two shapes in all, so that little is compiled
CHUNK_STATES = 200_000  # states of one call's levels together


class Described(NamedTuple):
    """States as a battery describes its contexts."""

    covariates: dict[str, np.ndarray]  # name -> float32[B]
    advantages: np.ndarray  # float32[B, A, O]
    blocked: np.ndarray  # bool[B, A]


class PlantedPolicy(StatePolicy):
    """A planted agent; `identify` takes it like any policy, and asks it on edited states."""

    def __init__(self, spec: PlantedSpec, env: Env | None = None) -> None:
        """Hold a spec; `env` is needed for observations alone."""
        self.spec = spec
        self.env = env

    def on_states(self, env: Env, states: State) -> jax.Array:
        """Return logits float32[B, A] in batched states [B].

        Raises:
          UserError: an env whose concepts, actions or drives are not those of the spec.
        """
        _check(self.spec, env)
        seen = describe(env, states)
        planned = planned_values(self.spec, env, states) if self.spec.reward else None
        logits = planted_logits(self.spec, *seen, planned)
        return jnp.asarray(logits, jnp.float32)


def planted_policy(spec: PlantedSpec, env: Env | None = None) -> PlantedPolicy:
    """Make a policy of a planted agent.

    Args:
      spec: written by hand, or drawn by `sample_spec`.
      env: the world whose observations are decoded when the policy is called on them.
    """
    return PlantedPolicy(spec, env)


def logits_on(spec: PlantedSpec, battery: Battery) -> np.ndarray:
    """Return float64[C, A]: a planted agent's logits over a battery, whose levels are analysed."""
    _check(spec, battery.env)
    planned = planned_values(spec, battery.env, battery.states) if spec.reward else None
    return planted_logits(spec, battery.covariates, battery.advantages, battery.blocked, planned)


def _check(spec: PlantedSpec, env: Env) -> None:
    if tuple(spec.concepts) != tuple(env.concept_names):
        raise UserError(
            f"this agent was planted on {', '.join(spec.concepts)}; "
            f"{env.name} has {', '.join(env.concept_names)}"
        )
    if len(spec.habit) != env.num_actions:
        raise UserError(
            f"this agent has habits for {len(spec.habit)} actions; {env.name} has {env.num_actions}"
        )


def describe(env: Env, states: State) -> Described:
    """Analyse the levels of batched states [B], each level once, and look every state up."""

    def read(levels: Level, which: np.ndarray, number: np.ndarray) -> dict[str, Any]:
        found = sampling.survey(env, levels)
        named = {f"covariate {name}": value for name, value in found.covariates.items()}
        every = {"advantages": found.advantage, "blocked": found.blocked, **named}
        return {name: np.asarray(value)[which, number] for name, value in every.items()}

    found = _by_level(env, states, read)
    prefix = "covariate "
    return Described(
        {n.removeprefix(prefix): v for n, v in found.items() if n.startswith(prefix)},
        found["advantages"],
        found["blocked"],
    )


def planned_values(spec: PlantedSpec, env: Env, states: State) -> np.ndarray:
    """Return float32[B, A]: soft-optimal values of the spec's reward, centred over actions."""
    weights = _weights(spec, env)
    horizon = plan_length(env)

    def read(levels: Level, which: np.ndarray, number: np.ndarray) -> dict[str, Any]:
        every = _plan(env, levels, jnp.asarray(weights), jnp.float32(spec.discount), horizon)
        return {"values": np.asarray(every)[which, number]}

    values = _by_level(env, states, read)["values"]
    return values - values.mean(1, keepdims=True)


def _weights(spec: PlantedSpec, env: Env) -> np.ndarray:
    """Return float32[J] from the spec's named weights."""
    names = term_names(env)
    weights = np.zeros(len(names), np.float32)
    for name, weight in spec.reward:
        if name not in names:
            raise UserError(f"{env.name} has no reward term {name!r}; {did_you_mean(name, names)}")
        weights[names.index(name)] += weight
    return weights


@partial(jax.jit, static_argnums=(0, 4))
def _plan(env: Env, levels: Level, weights: jax.Array, discount: jax.Array, horizon: int):
    """Return float32[L, S, A], one level after the other."""

    def one(level: Level) -> jax.Array:
        return soft_action_values(tabulate(env, level), weights, discount, horizon)

    return jax.lax.map(one, levels)


Read = Callable[[Level, np.ndarray, np.ndarray], dict[str, Any]]


def _by_level(env: Env, states: State, read: Read) -> dict[str, np.ndarray]:
    """Read states level by level: `read(levels [L], which int[n] of L, state number int[n])`.

    Levels come in chunks of two sizes, the last one filled up with copies.
    """
    first, level = unique_levels(states.level)
    number = np.asarray(_numbers(env, states))
    most = max(1, min(CHUNKS[-1], CHUNK_STATES // env.num_states))
    size = min(most, CHUNKS[0] if len(first) <= CHUNKS[0] else CHUNKS[-1])
    found: dict[str, np.ndarray] = {}
    for begin in range(0, len(first), size):
        chosen = first[begin : begin + size]
        padded = np.r_[chosen, np.repeat(chosen[-1:], size - len(chosen))]
        rows = np.flatnonzero((level >= begin) & (level < begin + size))
        part = read(take(states.level, padded), level[rows] - begin, number[rows])
        for name, value in part.items():
            whole = found.setdefault(name, np.zeros((len(number), *value.shape[1:]), value.dtype))
            whole[rows] = value
    return found


@partial(jax.jit, static_argnums=0)
def _numbers(env: Env, states: State) -> jax.Array:
    return jax.vmap(env.index_of)(states)


def unique_levels(levels: Level) -> tuple[np.ndarray, np.ndarray]:
    """Return int64[V], where each different level first stands, and int64[B], which one each is.

    Args:
      levels: batched [B]; equal where every field is equal to the byte.
    """
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(levels)]
    flat = [np.ascontiguousarray(x.reshape(len(x), -1)).view(np.uint8) for x in leaves if x.size]
    rows = np.ascontiguousarray(np.concatenate(flat, 1))
    keys = rows.view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return first, which.reshape(-1)
