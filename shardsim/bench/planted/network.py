"""A network taught to do what a planted agent does, then opaque: an `Agent` like any other.

Axis letters: C contexts · B batch · A actions.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from shardsim.agent.config import NetworkConfig
from shardsim.agent.network import Network, build_network
from shardsim.agent.policy import Agent
from shardsim.bench.planted.policy import logits_on
from shardsim.bench.planted.rules import PlantedSpec
from shardsim.shards.contexts.battery import Battery

BATCH = 256
WIDTHS = (256, 128)
LEARNING_RATE = 2e-3


def planted_network(
    spec: PlantedSpec, lessons: Battery, *, steps: int = 4000, seed: int = 0
) -> Agent:
    """Train a network to imitate a planted agent's action distribution.

    Args:
      spec: the planted agent.
      lessons: contexts to learn from; fewer than 50,000 leave a network far from the rule on
        levels that it has not seen.
      steps: of Adam, each on `BATCH` contexts, its rate falling to nothing along a cosine.
      seed: of the weights and the order of the contexts.

    Returns:
      The agent; nothing of the spec is left in it but what it learnt.
    """
    network = build_network(NetworkConfig(widths=WIDTHS), lessons.env)
    target = jax.nn.softmax(jnp.asarray(logits_on(spec, lessons), jnp.float32))
    seen = jnp.asarray(lessons.observations)
    init, order = jax.random.split(jax.random.key(seed))
    parameters = network.init(init, seen[:1])
    return Agent(lessons.env, network, _taught(network, steps, parameters, order, seen, target))


@partial(jax.jit, static_argnums=(0, 1))
def _taught(
    network: Network,
    steps: int,
    parameters: Any,
    key: jax.Array,
    seen: jax.Array,
    target: jax.Array,
) -> Any:
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))

    def loss(parameters: Any, rows: jax.Array) -> jax.Array:
        logits = network.run(parameters, seen[rows]).logits
        return -jnp.mean(jnp.sum(target[rows] * jax.nn.log_softmax(logits), axis=1))

    def step(carry: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], None]:
        parameters, state = carry
        rows = jax.random.randint(key, (BATCH,), 0, len(seen))
        slope = jax.grad(loss)(parameters, rows)
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to its integer count
            update, state = optimiser.update(slope, state)
        return (optax.apply_updates(parameters, update), state), None

    begin = (parameters, optimiser.init(parameters))
    return jax.lax.scan(step, begin, jax.random.split(key, steps))[0][0]


def imitation_gap(agent: Agent, spec: PlantedSpec, battery: Battery) -> float:
    """Return the mean bits per decision by which an agent misses the planted distribution."""
    truth = jax.nn.log_softmax(jnp.asarray(logits_on(spec, battery), jnp.float32))
    own = jax.nn.log_softmax(agent.policy(battery.observations))
    miss = jnp.sum(jnp.exp(truth) * (truth - own), axis=1)
    return float(np.mean(np.asarray(miss)) / np.log(2))
