"""Training: seeds side by side, in chunks between checkpoints, by whatever components are given.

The loop is jitted once for an env, the sizes in a config, and the components; the config's other
numbers, how many updates a chunk holds and how far training has come are traced, so neither a
schedule nor another learning rate compiles again. Axis letters: K seeds,
G of them computed together by one call of a program (`shardsim.agent.spread`).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.components import Components
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.divergence import Diverged as Diverged
from shardsim.agent.divergence import check_finite
from shardsim.agent.episode_returns import remembering
from shardsim.agent.evaluation import Estimate, Evaluation
from shardsim.agent.hyperparameters import Hyperparameters, hyperparameters
from shardsim.agent.learner import (
    Carry,
    Learner,
    MinibatchStep,
    Record,
    first_carry,
    first_parameters,
    update_once,
)
from shardsim.agent.learners import components_of
from shardsim.agent.metrics import Metrics
from shardsim.agent.spread import over_seeds, shares, spread
from shardsim.agent.structure import Structure, structure_of
from shardsim.base.parallel import each
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
    evaluation: dict[str, Evaluation | Estimate]  # split -> exact returns [K]


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
    components: Components | None = None,
    *,
    env: Env,
    resume: Carry | None = None,
) -> Iterator[Chunk]:
    """Train `config.seeds` agents at once; yield a chunk at each checkpoint of the schedule.

    Args:
        config: what to train for how long.
        key: PRNG key; with the same key, config and machine the same bytes come out.
        components: the pipeline's sections; by default those of the config's learner.
        env: where to train.
        resume: the carry [K] of a chunk yielded before; training goes on from there as if it had
            never stopped.

    Raises:
        Diverged: parameters are no longer finite; the chunks before are good.
    """
    learner, numbers = make_learner(env, config, components), hyperparameters(config)
    done = 0 if resume is None else int(resume.update[0])
    stops = [update for update in schedule(config) if update > done]
    compiling = _compile_ahead(learner, numbers, seed_keys(config, key)) if stops else None
    banks, carry = begin(env, config, key, components)
    carry = carry if resume is None else resume
    levels = evaluation_levels(env, config)
    if resume is None:
        yield Chunk(
            0, carry, None, None, {}, _evaluated(learner, numbers, carry.parameters, levels)
        )
    if compiling is not None:
        compiling.result()
    for stop in stops:
        count = stop - done
        loop = partial(
            advance, learner, numbers, count=np.int32(count), updates=np.float32(config.updates)
        )
        before = carry
        carry, record, total = spread(loop, banks, carry)
        check_finite(config, loop, banks, before, carry)
        yield Chunk(
            update=stop,
            carry=carry,
            last=record.last,
            record=record if stop in phases(config) else None,
            metrics=chunk_means(total, count),
            evaluation=_evaluated(learner, numbers, carry.parameters, levels),
        )
        done = stop


def make_learner(env: Env, config: TrainConfig, components: Components | None = None) -> Learner:
    """Return the static part of training; the same object for configs that share a program.

    `components` are by default those of the config's learner.
    """
    return _learner(env, structure_of(config), config.network, components or components_of(config))


@lru_cache(maxsize=32)
def _learner(
    env: Env, structure: Structure, network: NetworkConfig, components: Components
) -> Learner:
    return Learner(env, structure, components, components.network(network, env))


def begin(
    env: Env, config: TrainConfig, key: jax.Array, components: Components | None = None
) -> tuple[Bank, Carry]:
    """Return each seed's levels and its state before the first update, all [K]."""
    learner = make_learner(env, config, components)
    return spread(partial(_begin, learner, hyperparameters(config)), seed_keys(config, key))


def seed_keys(config: TrainConfig, key: jax.Array) -> jax.Array:
    """Return PRNG key[K], one a seed."""
    seeds = jnp.arange(config.first_seed, config.first_seed + config.seeds, dtype=jnp.uint32)
    return jax.vmap(partial(jax.random.fold_in, key))(seeds)


def evaluation_levels(env: Env, config: TrainConfig) -> dict[str, Level]:
    """Return the levels [L] of each split that every checkpoint is evaluated on."""
    return {split: evaluated_levels(env, config.evaluation_levels, split) for split in SPLITS}


@partial(jax.jit, static_argnums=0)
def _begin(learner: Learner, numbers: Hyperparameters, keys: jax.Array) -> tuple[Bank, Carry]:
    """Return the levels and the first state of the seeds with these keys [G]."""
    return over_seeds(partial(begin_one, learner, numbers), keys)


def begin_one(learner: Learner, numbers: Hyperparameters, key: jax.Array) -> tuple[Bank, Carry]:
    """Return one seed's levels and its state before the first update."""
    bank_key, rest = jax.random.split(key)
    parameters_key, states_key, run_key = jax.random.split(rest, 3)
    structure = learner.structure
    bank = make_bank(learner.env, bank_key, structure.bank_levels, structure.bank_starts)
    parameters = first_parameters(learner, parameters_key)
    return bank, first_carry(learner, numbers, bank, parameters, states_key, run_key)


def one_update(
    learner: Learner, numbers: Hyperparameters, bank: Bank, carry: Carry, updates: jax.Array
) -> tuple[Carry, Record, Metrics]:
    """Do one update of one seed, of `updates` float32[] in all."""
    return update_once(learner, numbers, bank, carry, carry.update.astype(jnp.float32) / updates)


@partial(jax.jit, static_argnums=0)
def advance(
    learner: Learner,
    numbers: Hyperparameters,
    banks: Bank,
    carry: Carry,
    count: jax.Array,
    updates: jax.Array,
) -> tuple[Carry, Record, Metrics]:
    """Do `count` updates of seeds [G]; return the last update's record and summed metrics."""
    # Jitted, so that the shapes below and the loop share one trace.
    once = jax.jit(partial(one_update, learner, numbers))

    def one(bank: Bank, carry: Carry) -> tuple[Carry, Record, Metrics]:
        def body(_, before):
            carry, _, total = before
            carry, record, metrics = once(bank, carry, updates)
            return carry, record, jax.tree.map(jnp.add, total, metrics)

        shapes = jax.eval_shape(once, bank, carry, updates)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.fori_loop(0, count, body, (carry, blank[1], blank[2]))

    return over_seeds(one, banks, carry)


def _compile_ahead(learner: Learner, numbers: Hyperparameters, keys: jax.Array) -> Future[None]:
    """Compile the loop for seeds with these keys [K], while the caller compiles what comes before.

    JAX compiles a program once, whether it is lowered ahead or called.
    """
    sizes = {cut.stop - cut.start for cut in shares(keys.shape[0])}
    begun = [jax.eval_shape(partial(_begin, learner, numbers), keys[:size]) for size in sizes]
    count, updates = (jax.ShapeDtypeStruct((), kind) for kind in (jnp.int32, jnp.float32))

    def work() -> None:
        for banks, carry in begun:
            advance.lower(learner, numbers, banks, carry, count=count, updates=updates).compile()

    pool = ThreadPoolExecutor(1)
    compiling = pool.submit(work)
    pool.shutdown(wait=False)
    return compiling


@partial(jax.jit, static_argnums=0)
def _evaluate(
    learner: Learner, discount: jax.Array, parameters: Any, levels: Level
) -> Evaluation | Estimate:
    """Evaluate all seeds [K] on levels [L], whose tables and optimum they share."""

    network = learner.network

    def one(parameters: Any) -> Evaluation | Estimate:
        def plain(seen: jax.Array) -> jax.Array:
            return network.run(parameters, seen).logits

        policy = remembering(network, parameters) if network.remembers else plain
        return learner.components.evaluation(learner.env, policy, levels, discount)

    return jax.vmap(one)(parameters)


def _evaluated(
    learner: Learner, numbers: Hyperparameters, parameters: Any, levels: dict[str, Level]
) -> dict[str, Evaluation | Estimate]:
    """Return the exact returns [K] of each split, side by side by one program."""

    def one(split: str) -> Evaluation | Estimate:
        return jax.block_until_ready(
            _evaluate(learner, numbers.discount, parameters, levels[split])
        )

    return dict(zip(levels, each(one, levels), strict=True))


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
