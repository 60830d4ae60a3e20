"""Recurrent networks taught to do what a planted agent with memory does.

A gated recurrent unit (Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder
for statistical machine translation") sees the observation and its own last action. It learns the
chances of actions given all that has happened, which make the same episodes as the planted agent.
Axis letters: L levels · S states · D inputs · E episodes · T steps · A actions.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from shardsim.agent.network import centred
from shardsim.bench.planted.worlds import Controller, Lived, Mind, Worlds, controlled, live
from shardsim.env.levels import all_states
from shardsim.shards.contexts.battery import observations_of

WIDTH = 96
BATCH = 64
UPDATES = 1500
LEARNING_RATE = 2e-3
EPISODES = 12  # a level of lessons


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


def views(worlds: Worlds) -> jax.Array:
    """Return float32[L, S, D]: what an agent sees in every state, centred on itself, flat."""
    env = worlds.env
    seen = observations_of(env, all_states(env, worlds.levels))
    return centred(seen).reshape(len(worlds.blocked), env.num_states, -1)


def taught(
    controller: Controller, lessons: Worlds, steps: int, seed: int, updates: int = UPDATES
) -> tuple[Recurrent, Any]:
    """Teach a network the episodes of a controller.

    Args:
      controller: over the levels of the lessons.
      lessons: levels to learn in.
      steps: of an episode.
      seed: of episodes, weights and order.
      updates: of Adam, its rate falling to nothing along a cosine.
    """
    lived = live(controlled(controller), lessons.dynamics, EPISODES, steps, seed)
    network = Recurrent(lived.chance.shape[2])
    table = views(lessons)
    init, order = jax.random.split(jax.random.key(seed))
    width = table.shape[-1] + network.num_actions
    parameters = network.init(init, jnp.zeros(WIDTH), jnp.zeros(width))
    given = Lived(*(jnp.asarray(one) for one in lived))
    return network, _fit(network, updates, parameters, table, given, order)


@partial(jax.jit, static_argnums=(0, 1))
def _fit(network: Recurrent, updates: int, parameters: Any, table, lived: Lived, key: jax.Array):
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, updates))
    actions = network.num_actions

    def loss(parameters, rows: jax.Array) -> jax.Array:
        seen = table[lived.level[rows][:, None], lived.state[rows]]
        before = jnp.pad(jax.nn.one_hot(lived.action[rows], actions), ((0, 0), (1, 0), (0, 0)))
        inputs = jnp.concatenate([seen, before[:, :-1]], -1)

        def step(memory, now):
            return network.run(parameters, memory, now)

        first = jnp.zeros((len(rows), WIDTH))
        logits = jax.lax.scan(step, first, jnp.swapaxes(inputs, 0, 1))[1]
        logs = jax.nn.log_softmax(jnp.swapaxes(logits, 0, 1))
        on = lived.deciding[rows].astype(jnp.float32)
        return -jnp.sum(jnp.sum(lived.chance[rows] * logs, -1) * on) / jnp.sum(on)

    def update(carry, key):
        parameters, state = carry
        rows = jax.random.randint(key, (BATCH,), 0, len(lived.level))
        slope = jax.grad(loss)(parameters, rows)
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to its integer count
            change, state = optimiser.update(slope, state)
        return (optax.apply_updates(parameters, change), state), None

    begin = (parameters, optimiser.init(parameters))
    return jax.lax.scan(update, begin, jax.random.split(key, updates))[0][0]


def minded(network: Recurrent, parameters: Any, worlds: Worlds) -> Mind:
    """The agent that a network is in some levels."""
    act, begin = _steps_of(network.num_actions)
    return Mind(act, _remember, (parameters, views(worlds)), begin)


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


def forgetful(network: Recurrent, parameters: Any, worlds: Worlds) -> np.ndarray:
    """Return float32[L, S, A]: what the network does in each state with an empty memory."""
    table = views(worlds)
    seen = jnp.concatenate([table, jnp.zeros((*table.shape[:2], network.num_actions))], -1)
    _, logits = network.run(parameters, jnp.zeros((*table.shape[:2], WIDTH)), seen)
    return np.asarray(jax.nn.softmax(jnp.asarray(logits)))


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
