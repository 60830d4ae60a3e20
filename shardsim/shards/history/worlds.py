"""Levels as tables, and agents with memory that live in them: episodes by chance, and exactly.

Axis letters: L levels · S states · A actions · N outcomes · O concepts · M memory states ·
E episodes · T steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.types import Level
from shardsim.shards.contexts.sampling import survey


class Dynamics(NamedTuple):
    """How levels move."""

    next_state: Any  # int32[L, S, A, N]
    probability: Any  # float32[L, S, A, N]
    terminated: Any  # bool[L, S, A, N]
    start: Any  # float32[L, S]


class Worlds(NamedTuple):
    """Levels of an env, every state analysed; numpy arrays."""

    env: Env
    levels: Level  # [L]
    dynamics: Dynamics
    covariates: dict[str, np.ndarray]  # name -> float32[L, S]
    distance: np.ndarray  # float32[L, S, O], moves
    advantages: np.ndarray  # float32[L, S, A, O]
    blocked: np.ndarray  # bool[L, S, A]
    reachable: np.ndarray  # bool[L, S, O]
    decision: np.ndarray  # bool[L, S], an agent can come to decide there


class Lived(NamedTuple):
    """Episodes that an agent lived through. After an episode's end, rows mean nothing."""

    level: Any  # int32[E]
    state: Any  # int32[E, T], where it decided
    action: Any  # int32[E, T]
    deciding: Any  # bool[E, T], the episode was still on
    chance: Any  # float32[E, T, A], of each action, given all that had happened


class Mind(NamedTuple):
    """An agent with memory, one episode at a time; arrays that it reads are in `given`.

    act(given, memory, level, state) -> chance [A] that it acts by, chance [A] given the past
    alone, and memory; learn(given, memory, level, next state, action, key) -> memory.
    """

    act: Callable[..., Any]
    learn: Callable[..., Any]
    given: Any
    begin: Callable[[Any, jax.Array], Any]  # given, key -> memory


def worlds_of(env: Env, levels: Level) -> Worlds:
    """Tabulate and analyse levels [L]."""
    found, dynamics = survey(env, levels), _dynamics(env, levels)
    return Worlds(
        env=env,
        levels=levels,
        dynamics=Dynamics(*(np.asarray(one) for one in dynamics)),
        covariates={name: np.asarray(value) for name, value in found.covariates.items()},
        distance=np.asarray(found.distance),
        advantages=np.asarray(found.advantage),
        blocked=np.asarray(found.blocked),
        reachable=np.asarray(found.reachable),
        decision=np.asarray(found.decision),
    )


def together(one: Worlds, other: Worlds) -> Worlds:
    """The levels of both, those of `one` first; both of one env."""
    arrays = [part._replace(env=None) for part in (one, other)]
    found = jax.tree.map(lambda *parts: np.concatenate(parts), *arrays)
    return found._replace(env=one.env)


def started_anywhere(worlds: Worlds, part: float) -> Worlds:
    """Worlds in which this part of the episodes starts in any state where an agent can decide."""
    even = worlds.decision / np.maximum(worlds.decision.sum(1, keepdims=True), 1)
    start = (1 - part) * worlds.dynamics.start + part * even
    return worlds._replace(dynamics=worlds.dynamics._replace(start=start.astype(np.float32)))


def divergence(chance: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kullback–Leibler divergence of other chances [..., A] from these, in bits, [...]."""
    ratio = np.log2(np.maximum(chance, 1e-12)) - np.log2(np.maximum(other, 1e-12))
    return (chance * ratio).sum(-1)


@partial(jax.jit, static_argnums=0)
def _dynamics(env: Env, levels: Level) -> Dynamics:
    def one(level: Level) -> Dynamics:
        table = env.tabular(level)
        return Dynamics(table.next_state, table.probability, table.terminated, table.start)

    return jax.lax.map(one, levels)


def live(mind: Mind, dynamics: Dynamics, episodes: int, steps: int, seed: int) -> Lived:
    """Let an agent live through so many episodes in each level, of so many steps at most."""
    levels = len(dynamics.start)
    level = np.repeat(np.arange(levels, dtype=np.int32), episodes)
    keys = jax.random.split(jax.random.key(seed), len(level))
    static = mind.act, mind.learn, mind.begin, steps
    tables = Dynamics(*(jnp.asarray(one) for one in dynamics))
    found = _live(*static, mind.given, tables, jnp.asarray(level), keys)
    return Lived(level, *(np.asarray(one) for one in found))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _live(act, learn, begin, steps: int, given, dynamics: Dynamics, level, keys):
    def episode(level: jax.Array, key: jax.Array):
        start_key, mind_key, walk_key = jax.random.split(key, 3)
        state = jax.random.categorical(start_key, jnp.log(dynamics.start[level])).astype(jnp.int32)

        def step(carry, key):
            state, memory, on = carry
            act_key, move_key, mind_key = jax.random.split(key, 3)
            chance, foreseen, memory = act(given, memory, level, state)
            action = jax.random.categorical(act_key, jnp.log(chance)).astype(jnp.int32)
            odds = jnp.log(dynamics.probability[level, state, action])
            outcome = jax.random.categorical(move_key, odds)
            after = dynamics.next_state[level, state, action, outcome]
            ended = dynamics.terminated[level, state, action, outcome]
            memory = learn(given, memory, level, after, action, mind_key)
            return (after, memory, on & ~ended), (state, action, on, foreseen)

        first = (state, begin(given, mind_key), jnp.bool_(True))
        return jax.lax.scan(step, first, jax.random.split(walk_key, steps))[1]

    return jax.vmap(episode)(level, keys)


class Controller(NamedTuple):
    """A controller of finitely many memory states, as tables."""

    policy: Any  # float32[L, S, M, A]
    change: Any  # float32[L, S, M, M], on arriving in a state
    begin: Any  # float32[M]


def controlled(controller: Controller) -> Mind:
    """Return the agent that a controller is; its past tells its memory as exactly as can be."""
    given = Controller(*(jnp.asarray(one, jnp.float32) for one in controller))
    return Mind(_act, _learn, given, _begin)


def memoryless(policy: np.ndarray) -> Controller:
    """Return the agent without memory that a policy float[L, S, A] is."""
    return Controller(policy[:, :, None], np.ones((*policy.shape[:2], 1, 1)), np.ones(1))


def _begin(given: Controller, key: jax.Array):
    memory = jax.random.categorical(key, jnp.log(given.begin)).astype(jnp.int32)
    return memory, given.begin, given.begin


def _act(given: Controller, memory, level, state):
    now, belief, _ = memory
    chance = given.policy[level, state]
    return chance[now], belief @ chance, (now, belief, chance)


def _learn(given: Controller, memory, level, after, action, key):
    """Change the memory, and filter what an onlooker knows of it (the forward recursion)."""
    now, belief, chance = memory
    change = given.change[level, after]
    belief = belief * chance[:, action]
    belief = (belief / jnp.sum(belief)) @ change
    new = jax.random.categorical(key, jnp.log(change[now])).astype(jnp.int32)
    return new, belief, given.begin


@partial(jax.jit, static_argnums=2)
def _lived(controller: Controller, dynamics: Dynamics, steps: int) -> jax.Array:
    def one(policy, change, table: Dynamics) -> jax.Array:
        flow = policy[..., None] * jnp.where(table.terminated, 0.0, table.probability)[:, None]

        def forward(_, carry):
            here, total = carry  # [S, M]
            moved = jnp.moveaxis(here[..., None, None] * flow, 1, -1)  # [S, A, N, M]
            flat = moved.reshape(-1, here.shape[1])
            arrived = jnp.zeros_like(here).at[table.next_state.reshape(-1)].add(flat)
            return jnp.einsum("sm,smn->sn", arrived, change), total + here

        first = table.start[:, None] * controller.begin
        total = jax.lax.fori_loop(0, steps, forward, (first, jnp.zeros_like(first)))[1]
        visits = jnp.sum(total, 1, keepdims=True)
        share = jnp.where(visits > 0, total / jnp.maximum(visits, 1e-30), controller.begin)
        return jnp.einsum("sm,sma->sa", share, policy)

    args = (controller.policy, controller.change, dynamics)
    return jax.lax.map(lambda each: one(*each), args)


def lived_policy(controller: Controller, dynamics: Dynamics, steps: int) -> np.ndarray:
    """Return float32[L, S, A]: how the agent acts in each state, over the pasts that lead there.

    Exact: Σ_t p_t(s, m) π(a|s, m) over Σ_t p_t(s, m), by the forward message of state and memory
    together. Where an episode never leads, memory is as at its beginning.
    """
    given = Controller(*(jnp.asarray(one, jnp.float32) for one in controller))
    tables = Dynamics(*(jnp.asarray(one) for one in dynamics))
    return np.asarray(_lived(given, tables, steps))


def averaged(lived: Lived, instead: np.ndarray) -> np.ndarray:
    """Return float64[L, S, A]: how an agent acted in each state on average over its episodes.

    Where it never came, `instead` float[L, S, A].
    """
    total, visits = np.zeros(instead.shape), np.zeros(instead.shape[:2])
    at = np.broadcast_to(lived.level[:, None], lived.state.shape)[lived.deciding]
    where = at, lived.state[lived.deciding]
    np.add.at(total, where, lived.chance[lived.deciding])
    np.add.at(visits, where, 1.0)
    return np.where(visits[..., None] > 0, total / np.maximum(visits, 1)[..., None], instead)


def told(lived: Lived, average: np.ndarray) -> float:
    """Bits a decision by which the past tells more than the state: what there is to be saved."""
    here = average[lived.level[:, None], lived.state]
    return float(divergence(lived.chance, here)[lived.deciding].mean())
