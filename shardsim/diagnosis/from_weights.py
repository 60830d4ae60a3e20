"""Tier W+B: what checkpoints and the behaviour that follows from them say.

Weights come in consecutive pairs with their optimiser states, so a step and a gradient can be read
off each checkpoint; what was taught and what is done follow from the exact env. Axis letter:
K seeds, the leading axis of every array.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from shardsim.agent.config import TrainConfig
from shardsim.agent.evaluation import is_ratio
from shardsim.agent.learner import Learner
from shardsim.agent.train import make_learner
from shardsim.diagnosis.artefacts import Artefacts
from shardsim.diagnosis.behaviour import Behaviour, action_pairs, behaviour
from shardsim.diagnosis.critic import Taught, horizon_of, taught
from shardsim.diagnosis.evidence import Evidence, Measurement, Pair, row
from shardsim.diagnosis.in_update import (
    STEPS,
    recovered_gradient,
    scheduled_rate,
    step_taken,
)
from shardsim.diagnosis.rule import LEARNT
from shardsim.env.types import Level

MOVED = 1e-6  # of the parameters' norm: what float32 can hold
SETTLED = 0.15  # of training, after which the critic has met its targets often enough
SEEN = 4  # checkpoints at most that the critic is read from

MOVEMENT = Measurement("movement since the start", "", "of the weights' norm", 0.0)
WEIGHTS = (
    Measurement("step between paired checkpoints is the optimiser's", "update", "norm", STEPS),
    Measurement("gradient that reached the optimiser", "update", "norm", 0.0),
)
# Healthy critics gave horizons up to 1.5 times the right one and scales of .83 to 1.04.
INFERRED = (
    Measurement("move that the policy is made for", "environment", "of the optimum", 0.25),
    Measurement("reward's scale in the critic", "reward", "1", 0.35),
    Measurement("horizon in the critic", "advantage", "steps", 1.0),  # gap: factors of two
)


class Weights(NamedTuple):
    """One checkpoint, read as numbers."""

    moved: jax.Array  # float32[K], from the untrained one, relative to its norm
    finite: jax.Array  # bool[K]
    step: Pair  # [K], of the newest minibatch
    gradient: jax.Array  # float32[K], norm of what the newest minibatch gave the optimiser


class Read(NamedTuple):
    """Everything that weights and behaviour say, before it is judged."""

    weights: dict[int, Weights]  # update -> [K]
    taught: dict[int, Taught]  # update -> [K]
    untrained: Behaviour  # [K], on training levels
    trained: Behaviour  # [K], on training levels
    target: Behaviour  # [K], on target levels

    @property
    def ratio(self) -> bool:
        """Whether returns are told as shares of the optimum; else of the range to it."""
        optima = np.stack([self.trained.optimum, self.target.optimum])
        return bool(is_ratio(optima))

    @property
    def unit(self) -> str:
        """What such a share is of."""
        return "of the optimum" if self.ratio else "of the range from worst to best"


def learner_of(artefacts: Artefacts) -> Learner:
    """Return the pipeline as its sections are meant to be, whatever the run really used."""
    return make_learner(artefacts.env, artefacts.config)


def read(artefacts: Artefacts, training: Level, target: Level) -> Read:
    """Read all checkpoints; behaviour is exact on the levels given."""
    learner, config = learner_of(artefacts), artefacts.config
    updates = sorted(artefacts.checkpoints)
    start, end = (artefacts.checkpoints[update].parameters for update in (0, updates[-1]))
    settled = [update for update in updates[1:] if update >= SETTLED * updates[-1]][-SEEN:]
    return Read(
        weights={
            update: _weights(config, artefacts.checkpoints[update], start, jnp.float32(update))
            for update in updates[1:]
        },
        taught={
            update: _taught(learner, config, artefacts.checkpoints[update].parameters, training)
            for update in settled
        },
        untrained=_behaviour(learner, config, start, training),
        trained=_behaviour(learner, config, end, training),
        target=_behaviour(learner, config, end, target),
    )


@partial(jax.jit, static_argnums=0)
def _weights(config: TrainConfig, checkpoint: Any, start: Any, update: jax.Array) -> Weights:
    def one(checkpoint, start) -> Weights:
        before = ravel_pytree(start)[0]
        now = ravel_pytree(checkpoint.parameters)[0]
        rate = scheduled_rate(config, update)
        gradient = recovered_gradient(checkpoint.previous_optimiser, checkpoint.optimiser)
        return Weights(
            moved=jnp.linalg.norm(now - before) / jnp.linalg.norm(before),
            finite=jnp.all(jnp.isfinite(now)),
            step=step_taken(
                checkpoint.previous_parameters,
                checkpoint.parameters,
                checkpoint.optimiser,
                rate,
            ),
            gradient=jnp.linalg.norm(gradient),
        )

    return jax.vmap(one)(checkpoint, start)


@partial(jax.jit, static_argnums=(0, 1))
def _taught(learner: Learner, config: TrainConfig, parameters: Any, levels: Level) -> Taught:
    return jax.vmap(lambda one: taught(learner, config, one, levels))(parameters)


@partial(jax.jit, static_argnums=(0, 1))
def _behaviour(learner: Learner, config: TrainConfig, parameters: Any, levels: Level) -> Behaviour:
    return jax.vmap(lambda one: behaviour(learner, config, one, levels))(parameters)


def movement(read: Read, seed: int) -> Evidence:
    """Return how far the weights went; 'agrees' where they went anywhere at all."""
    update = max(read.weights)
    moved = float(np.asarray(read.weights[update].moved)[seed])
    still = 0.0 if moved > MOVED else 1.0
    pair = Pair(np.full(seed + 1, moved), np.full(seed + 1, np.nan), np.full(seed + 1, still))
    return row(MOVEMENT, pair, update, seed)


def weight_rows(read: Read, seed: int) -> list[Evidence]:
    """Return the evidence on steps and gradients: for each the checkpoint that is furthest off."""
    step, alive = WEIGHTS
    worst = max(read.weights, key=lambda update: float(read.weights[update].step.gap[seed]))
    least = min(read.weights, key=lambda update: float(read.weights[update].gradient[seed]))
    reached = np.asarray(read.weights[least].gradient)
    nearest = min(read.taught, key=lambda update: abs(update - least))
    wanted = np.asarray(read.taught[nearest].head_gradient)
    # No loss with a value term has a gradient of exactly zero while the critic is in error.
    dead = np.where((reached == 0) & (wanted > 0), 1.0, 0.0)
    note = "of the critic's head alone, expected" if dead[seed] else ""
    return [
        row(step, read.weights[worst].step, worst, seed),
        row(alive, Pair(reached, np.where(dead > 0, wanted, np.nan), dead), least, seed, note),
    ]


def inferred_rows(artefacts: Artefacts, read: Read, seed: int) -> list[Evidence]:
    """Return what behaviour and critic say of sections whose outputs were not kept."""
    moves, scale, discount = INFERRED
    end = max(read.weights)
    moves = moves._replace(unit=read.unit)
    own = read.trained.share(read.trained.achieved, ratio=read.ratio)
    swapped = read.trained.share(read.trained.swapped, ratio=read.ratio)
    best = np.argmax(swapped, axis=1)
    gained = swapped.max(axis=1) - own
    names = artefacts.env.action_names
    one, other = action_pairs(artefacts.env)[int(best[seed])]
    note = f"{names[one]} and {names[other]} exchanged" if gained[seed] > moves.tolerance else ""
    pair = Pair(own, swapped.max(axis=1), np.maximum(0.0, gained))
    rows = [row(moves, pair, end, seed, note)]
    # A critic says something once it has been taught; the policy shows that it was.
    before = read.untrained.share(read.untrained.achieved, ratio=read.ratio)
    changed = (own - before)[seed]
    if abs(changed) > LEARNT:
        rows += _taught_rows(artefacts, read, scale, discount, seed)
    return rows


def _taught_rows(
    artefacts: Artefacts, read: Read, scale: Measurement, discount: Measurement, seed: int
) -> list[Evidence]:
    """Return what the critic says of reward and discount.

    A wrong discount also looks like a wrong scale at the right one, so the scale is only doubted
    where the discount is not, or where its sign is wrong.
    """
    fits = jax.tree.map(lambda *leaves: np.stack(leaves), *read.taught.values())
    middle = jax.tree.map(lambda leaf: np.median(leaf, axis=0), fits)
    long = artefacts.env.max_steps
    wanted = horizon_of(artefacts.config.discount, long)
    fitted = np.stack([middle.plain_discount, middle.scaled_discount]).astype(np.float64)
    horizons = horizon_of(fitted, long)
    off = np.abs(np.log2(horizons / wanted))
    nearest = np.take_along_axis(horizons, off.argmin(axis=0)[None], axis=0)[0]
    off = off.min(axis=0)
    doubted = (off <= discount.tolerance) | (middle.reward_scale < 0)
    scale_off = np.where(doubted, np.abs(middle.reward_scale - 1.0), 0.0)
    horizon_off = np.where(middle.reward_scale < 0, 0.0, off)
    end = max(read.taught)
    note = f"median of the checkpoints after updates {', '.join(map(str, sorted(read.taught)))}"
    return [
        row(scale, Pair(middle.reward_scale, np.ones_like(off), scale_off), end, seed, note),
        row(discount, Pair(nearest, np.full_like(off, wanted), horizon_off), end, seed, note),
    ]
