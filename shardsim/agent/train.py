"""Training: seeds side by side, in chunks between checkpoints, by whatever components are given.

The loop is jitted once for an env, a config and its components; how many updates a chunk holds
and how far training has come are traced, so no schedule compiles again. Axis letters: K seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.components import DEFAULT_COMPONENTS, Components
from shardsim.agent.config import TrainConfig
from shardsim.agent.evaluation import Evaluation
from shardsim.agent.learner import (
    Carry,
    Learner,
    Metrics,
    MinibatchStep,
    Record,
    first_carry,
    first_parameters,
    update_once,
)
from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.episodes import Bank, make_bank
from shardsim.env.levels import evaluated_levels
from shardsim.env.types import SPLITS, Level

PHASES = (0.02, 0.15, 0.5, 1.0)  # of training; where a whole update is kept for diagnosis


class Chunk(NamedTuple):
    """Training up to one checkpoint; every array has the seeds on its leading axis K."""

    update: int
    carry: Carry
    last: MinibatchStep | None  # the newest minibatch; None before the first update
    record: Record | None  # the newest update where this is a phase, else None
    metrics: dict[str, np.ndarray]  # name -> float[K], means since the chunk before; may be NaN
    evaluation: dict[str, Evaluation]  # split -> exact returns [K]


class Diverged(UserError):
    """Parameters or losses are no longer finite."""

    exit_code = 1  # of the command line: the input was well formed


def schedule(config: TrainConfig) -> list[int]:
    """Return the update counts of the checkpoints: dense early, the untrained one first."""
    spread = np.geomspace(1, config.updates, config.checkpoints)
    return sorted({0, *(round(update) for update in spread)})


def phases(config: TrainConfig) -> list[int]:
    """Return the update counts at which a whole update is kept: checkpoints near `PHASES`."""
    kept = np.array(schedule(config)[1:])
    return sorted({int(kept[np.argmin(np.abs(kept - part * kept[-1]))]) for part in PHASES})


def train(
    config: TrainConfig,
    key: jax.Array,
    components: Components = DEFAULT_COMPONENTS,
    *,
    env: Env,
    resume: Carry | None = None,
) -> Iterator[Chunk]:
    """Train `config.seeds` agents at once; yield a chunk at each checkpoint of the schedule.

    Args:
        config: what to train for how long.
        key: PRNG key; with the same key, config and machine the same bytes come out.
        components: the pipeline's sections.
        env: where to train.
        resume: the carry [K] of a chunk yielded before; training goes on from there as if it had
            never stopped.

    Raises:
        Diverged: parameters are no longer finite; the chunks before are good.
    """
    learner = make_learner(env, config, components)
    banks, carry = begin(env, config, key, components)
    carry = carry if resume is None else resume
    levels = evaluation_levels(env, config)
    done = int(carry.update[0])
    if resume is None:
        yield Chunk(0, carry, None, None, {}, _evaluate(learner, carry.parameters, levels))
    for stop in (update for update in schedule(config) if update > done):
        count = stop - done
        carry, record, total = _advance(
            learner, banks, carry, jnp.int32(count), jnp.float32(config.updates)
        )
        _check_finite(carry, stop, config)
        yield Chunk(
            update=stop,
            carry=carry,
            last=record.last,
            record=record if stop in phases(config) else None,
            metrics=chunk_means(total, count),
            evaluation=_evaluate(learner, carry.parameters, levels),
        )
        done = stop


@lru_cache(maxsize=32)
def make_learner(env: Env, config: TrainConfig, components: Components) -> Learner:
    """Return the static part of training; the same object for configs that train alike."""
    alike = config.model_copy(
        update={"total_steps": 1, "seeds": 1, "first_seed": 0, "checkpoints": 2}
    )
    return Learner(env, alike, components, components.network(config.network, env))


def begin(
    env: Env, config: TrainConfig, key: jax.Array, components: Components = DEFAULT_COMPONENTS
) -> tuple[Bank, Carry]:
    """Return each seed's levels and its state before the first update, all [K]."""
    learner = make_learner(env, config, components)
    keys = seed_keys(config, key)
    parameters = jax.block_until_ready(_parameters(learner, keys))
    banks = _banks(learner, keys)
    return banks, _carries(learner, banks, parameters, keys)


def seed_keys(config: TrainConfig, key: jax.Array) -> jax.Array:
    """Return PRNG key[K], one a seed."""
    seeds = jnp.arange(config.first_seed, config.first_seed + config.seeds, dtype=jnp.uint32)
    return jax.vmap(partial(jax.random.fold_in, key))(seeds)


def evaluation_levels(env: Env, config: TrainConfig) -> dict[str, Level]:
    """Return the levels [L] of each split that every checkpoint is evaluated on."""
    return {split: evaluated_levels(env, config.evaluation_levels, split) for split in SPLITS}


class _Keys(NamedTuple):
    """What one seed's key is split into."""

    bank: jax.Array
    parameters: jax.Array
    states: jax.Array
    run: jax.Array


def _parts(key: jax.Array) -> _Keys:
    bank, rest = jax.random.split(key)
    return _Keys(bank, *jax.random.split(rest, 3))


@partial(jax.jit, static_argnums=0)
def _parameters(learner: Learner, keys: jax.Array) -> Any:
    # One seed after the other, and in a program of its own: the batched factorisation behind
    # orthogonal weights waits on the CPU for threads that wait for it, for ever (seen with 8 seeds
    # beside other work on 2 cores, and with 32 alone).
    return jax.lax.map(lambda key: first_parameters(learner, _parts(key).parameters), keys)


@partial(jax.jit, static_argnums=0)
def _banks(learner: Learner, keys: jax.Array) -> Bank:
    levels, starts = learner.config.bank_levels, learner.config.bank_starts
    return jax.vmap(lambda key: make_bank(learner.env, _parts(key).bank, levels, starts))(keys)


@partial(jax.jit, static_argnums=0)
def _carries(learner: Learner, banks: Bank, parameters: Any, keys: jax.Array) -> Carry:
    def one(bank: Bank, parameters: Any, key: jax.Array) -> Carry:
        parts = _parts(key)
        return first_carry(learner, bank, parameters, parts.states, parts.run)

    return jax.vmap(one)(banks, parameters, keys)


def one_update(
    learner: Learner, banks: Bank, carry: Carry, updates: jax.Array
) -> tuple[Carry, Record, Metrics]:
    """Do one update of every seed [K], of `updates` float32[] in all."""

    def once(bank: Bank, carry: Carry):
        return update_once(learner, bank, carry, carry.update.astype(jnp.float32) / updates)

    return jax.vmap(once)(banks, carry)


@partial(jax.jit, static_argnums=0)
def _advance(
    learner: Learner, banks: Bank, carry: Carry, count: jax.Array, updates: jax.Array
) -> tuple[Carry, Record, Metrics]:
    """Do `count` updates of every seed; return the last update's record and summed metrics."""

    def body(_, before):
        carry, _, total = before
        carry, record, metrics = one_update(learner, banks, carry, updates)
        return carry, record, jax.tree.map(jnp.add, total, metrics)

    shapes = jax.eval_shape(partial(one_update, learner), banks, carry, updates)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    return jax.lax.fori_loop(0, count, body, (carry, blank[1], blank[2]))


@partial(jax.jit, static_argnums=0)
def _evaluate(learner: Learner, parameters: Any, levels: dict[str, Level]) -> dict[str, Evaluation]:
    def one(parameters, level):
        return learner.components.evaluation(
            learner.env,
            lambda seen: learner.network.run(parameters, seen).logits,
            level,
            learner.config.discount,
        )

    return {
        split: jax.vmap(one, in_axes=(0, None))(parameters, level)
        for split, level in levels.items()
    }


def chunk_means(total: Metrics, count: int) -> dict[str, np.ndarray]:
    """Return the chunk's means by name, float[K]; NaN of episodes where none has finished."""
    finished = np.asarray(total.episodes)
    episodes = np.where(finished > 0, finished, np.nan)
    parts = {name: np.asarray(value) / count for name, value in total.loss._asdict().items()}
    return {
        "return": np.asarray(total.returns) / episodes,
        "length": np.asarray(total.length) / episodes,
        "gradient_norm": np.asarray(total.gradient_norm) / count,
        **{f"{name}_loss" if name in ("policy", "value") else name: v for name, v in parts.items()},
    }


def _check_finite(carry: Carry, update: int, config: TrainConfig) -> None:
    finite = [
        np.isfinite(np.asarray(leaf)).reshape(leaf.shape[0], -1).all(axis=1)
        for leaf in jax.tree.leaves(carry.parameters)
    ]
    bad = np.flatnonzero(~np.all(finite, axis=0))
    if bad.size:
        seeds = ", ".join(str(config.first_seed + int(seed)) for seed in bad)
        raise Diverged(
            f"training diverged: parameters of seed {seeds} are not finite after update {update}; "
            "the last good checkpoint is kept; lower train.learning_rate or train.max_grad_norm"
        )
