"""What a config needs of memory at least, said before anything is computed or written.

Only arrays that must be there at the same time are counted, by their shapes; what XLA adds for
itself is not. So what fits is never refused: measured peaks of the process are 2 to 5 times the
estimate (docs/run.md). Accelerators share the seeds (`agent/spread.py`), so the memory of all of
them counts together; tables and batteries of the other stages may lie on the host instead, whose
memory is then added.

Axis letters: K seeds · N rows of a rollout · L levels · S states · A actions · C contexts.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import first_parameters
from shardsim.agent.train import make_learner
from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.types import Split
from shardsim.runs.config import RunConfig
from shardsim.shards.contexts.battery import CONTEXTS_A_LEVEL

PROGRAM = 400 * 2**20  # bytes of Python, JAX and its compiler before the first array
CGROUP = Path("/sys/fs/cgroup/memory.max")
UNKNOWN = 2**63  # bytes where nothing tells a limit
WORD = 4  # bytes of float32 and int32
STEP_WORDS = 16  # numbers kept of each step beside its states: logits, values, rewards and such


class Part(NamedTuple):
    """Arrays that are there at once, and the settings that say how many."""

    what: str
    bytes: int
    keys: str


def training(env: Env, config: RunConfig) -> Iterator[Part]:
    """Yield the parts of training that are held at the same time, what needs no tracing first."""
    train = config.train
    seen, first = WORD * math.prod(env.observation_shape), WORD * train.network.widths[0]
    tables = 2 * WORD * env.num_states * env.num_actions
    answered = env.num_states * (seen + train.seeds * first)
    yield Part(
        "exact evaluation",
        train.evaluation_levels * (tables + answered),
        "train.evaluation_levels or the size of the world",
    )
    level = _level(env, "train")
    starts = WORD * train.bank_starts * len(env.state_fields)
    levels = train.seeds * train.bank_levels * (level + starts)
    yield Part("levels", levels, "train.bank_levels")
    rows = train.num_envs * train.rollout_steps
    state = level + WORD * (len(env.state_fields) + 1)
    # A rollout's states, those after each step, and the learner's batch of them.
    rollout = rows * (3 * state + WORD * STEP_WORDS)
    on_cpu = jax.default_backend() == "cpu"
    at_once = min(train.seeds, os.cpu_count() or 1) if on_cpu else train.seeds
    yield Part(
        "rollouts",
        train.seeds * rollout + at_once * rows * _inputs(env, train),
        "train.num_envs or train.rollout_steps",
    )
    # Parameters with Adam's two moments: of the seed, and around two minibatches of its record.
    network = train.seeds * _parameters(env, train) * 3 * (1 + 4)
    yield Part("networks", network, "train.network.widths")


def identification(env: Env, config: RunConfig) -> Iterator[Part]:
    """Yield the parts of identification that are held at the same time."""
    identify, seeds = config.identify, config.train.seeds
    contexts = identify.target_contexts + identify.held_out_contexts
    levels = -(-contexts // CONTEXTS_A_LEVEL)
    concepts, actions = len(env.concept_names), env.num_actions
    tables = levels * env.num_states * actions * WORD * 2
    yield Part("tables of levels", tables, "identify.target_contexts")
    each = _level(env, "target") + WORD * math.prod(env.observation_shape)
    each += WORD * (concepts * (2 * actions + 3) + actions)  # advantages, distances, covariates
    answers = seeds * 2 * WORD * actions * (1 + concepts)  # in contexts as they are, and edited
    keys = "identify.target_contexts or identify.held_out_contexts"
    yield Part("batteries", contexts * (each + answers), keys)
    draws = seeds * identify.draws * identify.max_shards * 2 * WORD
    yield Part("bootstrap draws", draws, "identify.draws")


def reflection(env: Env, config: RunConfig) -> Iterator[Part]:
    """Yield the parts of reflection that are held at the same time."""
    reflect = config.reflect
    plans = reflect.contexts * reflect.plans * reflect.plan_moves * WORD * 2
    yield Part("plans", plans, "reflect.contexts, reflect.plans or reflect.plan_moves")


ESTIMATES: dict[str, Callable[[Env, RunConfig], Iterator[Part]]] = {
    "train": training,
    "identify": identification,
    "reflect": reflection,
}


ON_DEVICES = ("train",)  # stages whose arrays all lie on the accelerators where there are some


def available(stage: str) -> tuple[int, str]:
    """Return how many bytes the arrays of a stage may have at most, and where that is said."""
    devices = jax.local_devices()
    here, where = _host()
    if devices[0].platform == "cpu":
        return here - PROGRAM, where
    told = [(device.memory_stats() or {}).get("bytes_limit") for device in devices]
    on_devices = sum(int(limit) if limit else UNKNOWN for limit in told)
    count, kind = len(devices), devices[0].device_kind
    name = f"the device {kind}" if count == 1 else f"all {count} devices {kind} together"
    if stage in ON_DEVICES:
        return on_devices, name
    return on_devices + here - PROGRAM, f"{where} with {name}"


def _host() -> tuple[int, str]:
    """Return how many bytes this process may have on the host, and where that is said."""
    try:
        here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has none
        here = UNKNOWN
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else "max"
    if limit.isdigit() and int(limit) < here:
        return int(limit), "this container"
    return here, "this machine"


def refuse_what_cannot_fit(env: Env, config: RunConfig, stages: Iterable[str]) -> None:
    """Raise UserError where a stage needs more memory than there is.

    Args:
        env: of the config.
        config: resolved.
        stages: that are to be done.
    """
    for stage in stages:
        (there, where), needed = available(stage), 0
        for part in ESTIMATES[stage](env, config) if stage in ESTIMATES else ():
            needed += part.bytes
            if needed > there:
                raise UserError(
                    f"the stage {stage} needs at least {_gib(needed)} of memory for its arrays (of "
                    f"these {_gib(part.bytes)} for {part.what}), and {where} has {_gib(there)} for "
                    f"them; lower {part.keys}, or train.seeds"
                )


@lru_cache(maxsize=64)
def _level(env: Env, split: Split) -> int:
    """Return the bytes of one level."""
    return _size(jax.eval_shape(lambda key: env.level(key, split), jax.random.key(0)))


@lru_cache(maxsize=64)
def _inputs(env: Env, train: TrainConfig) -> int:
    """Return the bytes of what a network's first layer reads of one observation."""
    network, seen = make_learner(env, train).network, (1, *env.observation_shape)
    return _size(jax.eval_shape(network.inputs, jax.ShapeDtypeStruct(seen, jnp.float32)))


@lru_cache(maxsize=64)
def _parameters(env: Env, train: TrainConfig) -> int:
    """Return the bytes of one network's parameters."""
    start = partial(first_parameters, make_learner(env, train))
    return _size(jax.eval_shape(start, jax.random.key(0)))


def _size(tree: Any) -> int:
    """Return the bytes of a tree of shapes."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _gib(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
