"""Recurrent networks taught to do what a planted agent with memory does.

A gated recurrent unit (Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder
for statistical machine translation") sees the observation and its own last action. It learns the
chances of actions given all that has happened, which make the same episodes as the planted agent.
Its lessons are the levels in which it is asked, and most of their episodes start anywhere: what
is tested is identification, not what a network generalises to.
Axis letters: L levels · S states · D inputs · V values of an observation · E episodes · T steps ·
A actions.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from shardsim.agent.network import centred
from shardsim.env.levels import all_states
from shardsim.shards.contexts.battery import observations_of
from shardsim.shards.history.worlds import (
    Controller,
    Lived,
    Mind,
    Worlds,
    controlled,
    divergence,
    live,
    started_anywhere,
)

WIDTH = 96
BATCH = 64
UPDATES = 1000
LEARNING_RATE = 3e-3
EPISODES = 8192  # of lessons, over all levels
ANYWHERE = 0.75  # of the lessons start in any state, so that an empty memory is known there
FIRST = 24.0  # weight of an episode's first decision, the only one with an empty memory
INPUTS = 256  # principal axes of observations, at most


class Recurrent(nn.Module):
    """One step: observation, last action and memory to logits and memory."""

    num_actions: int

    def run(self, parameters: Any, memory: jax.Array, seen: jax.Array):
        """Run one step with these parameters; returns memory and logits."""
        found = self.apply(parameters, memory, seen)
        assert isinstance(found, tuple)
        return jnp.asarray(found[0]), jnp.asarray(found[1])

    @nn.compact
    def __call__(self, memory: jax.Array, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return memory float32[..., WIDTH] and logits [..., A] for inputs float32[..., D]."""
        hidden = nn.relu(nn.Dense(WIDTH, name="dense")(seen))
        memory, hidden = nn.GRUCell(WIDTH, name="gru")(memory, hidden)
        return memory, nn.Dense(self.num_actions, name="actor")(hidden)


class Taught(NamedTuple):
    """A network that has learnt."""

    network: Recurrent
    parameters: Any
    centre: np.ndarray  # float32[V], of observations
    axes: np.ndarray  # float32[V, D], what it reads of them

    def views(self, worlds: Worlds) -> jax.Array:
        """Return float32[L, S, D]: what it reads in every state."""
        return jnp.asarray((observed(worlds) - self.centre) @ self.axes)


def observed(worlds: Worlds) -> np.ndarray:
    """Return float32[L, S, V]: what an agent sees in every state, centred on itself, flat."""
    env = worlds.env
    seen = centred(observations_of(env, all_states(env, worlds.levels)))
    return np.asarray(seen, np.float32).reshape(len(worlds.blocked), env.num_states, -1)


def _sight(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [V] and whitened principal axes [V, D]: fewer inputs, on one scale, teach sooner."""
    flat = seen.reshape(-1, seen.shape[-1])
    centre = flat.mean(0)
    variance, axes = np.linalg.eigh(np.cov(flat - centre, rowvar=False))
    keep = np.argsort(variance)[::-1][:INPUTS]
    keep = keep[variance[keep] > 1e-6 * variance.max()]
    return centre, (axes[:, keep] / np.sqrt(variance[keep])).astype(np.float32)


def taught(
    controller: Controller, lessons: Worlds, steps: int, seed: int, updates: int = UPDATES
) -> Taught:
    """Teach a network the episodes of a controller.

    Args:
      controller: over the levels of the lessons.
      lessons: levels to learn in.
      steps: of an episode.
      seed: of episodes, weights and order.
      updates: of Adam, its rate falling to nothing along a cosine.
    """
    each = -(-EPISODES // len(lessons.blocked))
    dynamics = started_anywhere(lessons, ANYWHERE).dynamics
    lived = live(controlled(controller), dynamics, each, steps, seed)
    network = Recurrent(lived.chance.shape[2])
    seen = observed(lessons)
    centre, axes = _sight(seen)
    table = jnp.asarray((seen - centre) @ axes)
    init, order = jax.random.split(jax.random.key(seed))
    width = table.shape[-1] + network.num_actions
    parameters = network.init(init, jnp.zeros(WIDTH), jnp.zeros(width))
    given = Lived(*(jnp.asarray(one) for one in lived))
    parameters = _fit(network, updates, parameters, table, given, order)
    return Taught(network, parameters, centre, axes)


@partial(jax.jit, static_argnums=(0, 1))
def _fit(network: Recurrent, updates: int, parameters: Any, table, lived: Lived, key: jax.Array):
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, updates))

    def loss(parameters, rows: jax.Array) -> jax.Array:
        some = Lived(*(one[rows] for one in lived))
        logs = _logs(network, parameters, table, some)
        on = some.deciding.astype(jnp.float32).at[:, 0].mul(FIRST)
        return -jnp.sum(jnp.sum(some.chance * logs, -1) * on) / jnp.sum(on)

    def update(carry, key):
        parameters, state = carry
        rows = jax.random.randint(key, (BATCH,), 0, len(lived.level))
        slope = jax.grad(loss)(parameters, rows)
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to its integer count
            change, state = optimiser.update(slope, state)
        return (optax.apply_updates(parameters, change), state), None

    begin = (parameters, optimiser.init(parameters))
    return jax.lax.scan(update, begin, jax.random.split(key, updates))[0][0]


def _logs(network: Recurrent, parameters: Any, table: jax.Array, lived: Lived) -> jax.Array:
    """Log-probabilities [E, T, A] of a network that goes through these episodes."""
    seen = table[lived.level[:, None], lived.state]
    before = jnp.pad(jax.nn.one_hot(lived.action, network.num_actions), ((0, 0), (1, 0), (0, 0)))
    inputs = jnp.concatenate([seen, before[:, :-1]], -1)

    def step(memory, now):
        return network.run(parameters, memory, now)

    logits = jax.lax.scan(step, jnp.zeros((len(seen), WIDTH)), jnp.swapaxes(inputs, 0, 1))[1]
    return jax.nn.log_softmax(jnp.swapaxes(logits, 0, 1))


def missed(made: Taught, worlds: Worlds, lived: Lived) -> float:
    """Bits a decision by which a network misses the chances of another agent in its episodes.

    The Kullback–Leibler divergence of its chances from those of `lived`.
    """
    given = Lived(*(jnp.asarray(one) for one in lived))
    logs = np.asarray(_logs(made.network, made.parameters, made.views(worlds), given))
    return float(divergence(lived.chance, np.exp(logs))[lived.deciding].mean())


def minded(made: Taught, worlds: Worlds) -> Mind:
    """The agent that a network is in some levels."""
    act, begin = _steps_of(made.network.num_actions)
    return Mind(act, _remember, (made.parameters, made.views(worlds)), begin)


@lru_cache(maxsize=8)
def _steps_of(num_actions: int):
    """Functions of one identity for each network's form, so that episodes compile once."""
    network = Recurrent(num_actions)

    def act(given, memory, level, state):
        parameters, table = given
        hidden, before = memory
        inputs = jnp.concatenate([table[level, state], before])
        hidden, logits = network.run(parameters, hidden, inputs)
        chance = jax.nn.softmax(logits)
        return chance, chance, (hidden, before)

    def begin(given, key):
        return jnp.zeros(WIDTH), jnp.zeros(num_actions)

    return act, begin


def _remember(given, memory, level, after, action, key):
    hidden, before = memory
    return hidden, jax.nn.one_hot(action, before.shape[0])


def forgetful(made: Taught, worlds: Worlds) -> np.ndarray:
    """Return float32[L, S, A]: what the network does in each state with an empty memory."""
    table, actions = made.views(worlds), made.network.num_actions
    seen = jnp.concatenate([table, jnp.zeros((*table.shape[:2], actions))], -1)
    memory = jnp.zeros((*table.shape[:2], WIDTH))
    _, logits = made.network.run(made.parameters, memory, seen)
    return np.asarray(jax.nn.softmax(jnp.asarray(logits)))
