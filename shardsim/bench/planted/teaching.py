"""A network taught by a planted rule until it misses the rule by no more than is asked.

Axis letters: B lessons · C contexts · A actions · H, W, P rows, columns, planes of an observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from shardsim.agent.config import NetworkConfig
from shardsim.agent.network import Network, build_network, centred
from shardsim.agent.policy import Agent
from shardsim.env.core import Env

BATCH = 256
WIDTHS = (256, 128)
LEARNING_RATE = 2e-3
MEMORY = 0.99  # of the running mean of parameters, a step
CHUNK = 50  # steps between two looks at the gap
MOST_STEPS = 12_000


class Lessons(NamedTuple):
    """What is taught."""

    observations: np.ndarray  # float32[B, H, W, P]
    logits: np.ndarray  # float[B, A]


class Rung(NamedTuple):
    """The first network that missed its rule by no more than `asked`, bits per decision."""

    asked: float
    gap: float  # what it misses; above `asked` where teaching ended before
    agent: Agent
    steps: int

    @property
    def reached(self) -> bool:
        """Whether the network came as near to its rule as was asked."""
        return self.gap <= self.asked


class _Learner(NamedTuple):
    parameters: Any
    mean: Any  # running mean of the parameters: what is measured and kept
    state: Any  # of Adam
    step: jax.Array  # int32[]


class _Given(NamedTuple):
    """Observations as the first layer takes them, and the rule's distribution."""

    seen: jax.Array  # float32[B, ...]
    target: jax.Array  # float32[B, A]


def taught(
    env: Env,
    lessons: Lessons,
    exam: Lessons,
    gaps: Sequence[float],
    *,
    seed: int = 0,
    most_steps: int = MOST_STEPS,
) -> list[Rung]:
    """Teach one network and keep it as it passes each of several gaps.

    The gap is the mean Kullback–Leibler divergence of the network from the rule on the exam, in
    bits per decision. It is that of the running mean of the parameters (Polyak & Juditsky 1992,
    "Acceleration of stochastic approximation by averaging"), which falls as if the rate did, so
    that no schedule has to know how long teaching will take.

    Args:
      env: the world that the observations are of.
      lessons: what is learnt from.
      exam: where the gap is measured.
      gaps: bits per decision, in any order.
      seed: of the weights and the order of the lessons.
      most_steps: of Adam, each on `BATCH` lessons, after which teaching ends.

    Returns:
      A rung for each gap, widest first. Those that were not reached hold the last network.
    """
    network = build_network(NetworkConfig(widths=WIDTHS), env)
    twin = network.past_inputs()  # takes what is centred once and not at every step
    given, asked = _given(lessons), _given(exam)
    first, order = jax.random.split(jax.random.key(seed))
    parameters = twin.init(first, given.seen[:1])
    state = optax.adam(LEARNING_RATE).init(parameters)
    learner = _Learner(parameters, parameters, state, jnp.int32(0))
    rungs: list[Rung] = []
    left = sorted(gaps, reverse=True)
    gap, steps = np.inf, 0
    while left and steps < most_steps:
        learner, measured = _chunk(twin, learner, order, given, asked)
        gap, steps = float(measured), steps + CHUNK
        while left and gap <= left[0]:
            rungs.append(Rung(left.pop(0), gap, Agent(env, network, learner.mean), steps))
    last = Agent(env, network, learner.mean)
    return [*rungs, *(Rung(one, gap, last, steps) for one in left)]


@jax.jit
def _centred(observations: jax.Array) -> jax.Array:
    return centred(observations)


def _given(lessons: Lessons) -> _Given:
    target = jax.nn.softmax(jnp.asarray(lessons.logits, jnp.float32))
    return _Given(_centred(jnp.asarray(lessons.observations)), target)


@partial(jax.jit, static_argnums=0)
def _chunk(
    network: Network, learner: _Learner, key: jax.Array, given: _Given, exam: _Given
) -> tuple[_Learner, jax.Array]:
    """`CHUNK` steps more, and the gap after them."""
    optimiser = optax.adam(LEARNING_RATE)

    def loss(parameters: Any, rows: jax.Array) -> jax.Array:
        logits = network.run(parameters, given.seen[rows]).logits
        return -jnp.mean(jnp.sum(given.target[rows] * jax.nn.log_softmax(logits), axis=1))

    def step(now: _Learner, _: None) -> tuple[_Learner, None]:
        drawn = jax.random.fold_in(key, now.step)
        rows = jax.random.randint(drawn, (BATCH,), 0, len(given.target))
        slope = jax.grad(loss)(now.parameters, rows)
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to its integer count
            update, state = optimiser.update(slope, now.state)
        new = optax.apply_updates(now.parameters, update)
        age = now.step.astype(jnp.float32)
        pace = jnp.maximum(1.0 - MEMORY, 1.0 / (1.0 + 0.1 * age))
        mean = jax.tree.map(lambda old, fresh: old + pace * (fresh - old), now.mean, new)
        return _Learner(new, mean, state, now.step + 1), None

    learner = jax.lax.scan(step, learner, None, CHUNK)[0]
    logits = network.run(learner.mean, exam.seen).logits
    own, truth = jax.nn.log_softmax(logits), exam.target
    log_truth = jnp.log(jnp.maximum(truth, 1e-30))
    missed = jnp.sum(truth * (log_truth - own), axis=1)
    return learner, jnp.mean(missed) / jnp.log(2.0)
