"""What a config needs of memory at least, said before anything is computed or written.

Only arrays that must be there at the same time are counted, by their shapes; what XLA adds for
itself is not. So what fits is never refused: measured peaks are 1 to 3 times the estimate
(`tests/runs/faults/test_memory.py`).

Axis letters: K seeds · N rows of a rollout · L levels · S states · A actions · C contexts.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from shardsim.agent.components import DEFAULT_COMPONENTS
from shardsim.agent.learner import first_parameters
from shardsim.agent.spread import shares
from shardsim.agent.train import make_learner
from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.runs.config import RunConfig, make_env
from shardsim.shards.contexts.battery import CONTEXTS_A_LEVEL

PROGRAM = 400 * 2**20  # bytes of Python, JAX and its compiler before the first array
CGROUP = Path("/sys/fs/cgroup/memory.max")
WORD = 4  # bytes of float32 and int32
STEP_WORDS = 16  # numbers kept of each step beside its states: logits, values, rewards and such


class Part(NamedTuple):
    """Arrays that are there at once, and the settings that say how many."""

    what: str
    bytes: int
    keys: str


def training(env: Env, config: RunConfig) -> list[Part]:
    """Return the parts of training that are held at the same time."""
    train = config.train
    learner = make_learner(env, train, DEFAULT_COMPONENTS)
    key = jax.random.key(0)
    level = _size(jax.eval_shape(lambda key: env.level(key, "train"), key))
    parameters = _size(jax.eval_shape(partial(first_parameters, learner), key))
    starts = WORD * train.bank_starts * len(env.state_fields)
    rows = train.num_envs * train.rollout_steps
    state = level + WORD * (len(env.state_fields) + 1)
    # A rollout's states, those after each step, and the learner's batch of them.
    rollout = rows * (3 * state + WORD * STEP_WORDS)
    # Parameters with Adam's two moments: of the seed, and around two minibatches of its record.
    network = 3 * parameters * (1 + 4)
    seen = WORD * math.prod(env.observation_shape)
    first = WORD * train.network.widths[0]
    tables = env.num_states * env.num_actions * WORD * 2
    evaluated = train.evaluation_levels * env.num_states * (seen + train.seeds * first)
    evaluated += train.evaluation_levels * tables
    at_once = len(shares(train.seeds)) if jax.default_backend() == "cpu" else 1
    at_once = min(at_once, os.cpu_count() or 1)
    size = "train.num_envs x train.rollout_steps"
    return [
        Part("levels", train.seeds * train.bank_levels * (level + starts), "train.bank_levels"),
        Part("rollouts", train.seeds * rollout + at_once * rows * (seen + first), size),
        Part("networks", train.seeds * network, "train.network.widths"),
        Part("exact evaluation", evaluated, "train.evaluation_levels"),
    ]


def identification(env: Env, config: RunConfig) -> list[Part]:
    """Return the parts of identification that are held at the same time."""
    identify = config.identify
    contexts = identify.target_contexts + identify.held_out_contexts
    level = _size(jax.eval_shape(lambda key: env.level(key, "target"), jax.random.key(0)))
    concepts, actions = len(env.concept_names), env.num_actions
    each = level + WORD * math.prod(env.observation_shape)
    each += WORD * (concepts * (2 * actions + 3) + actions)  # advantages, distances, covariates
    answers = config.train.seeds * 2 * WORD * actions * (1 + concepts)  # of whole and edited states
    batteries = Part(
        "batteries",
        contexts * (each + answers),
        "identify.target_contexts and identify.held_out_contexts",
    )
    levels = -(-contexts // CONTEXTS_A_LEVEL)
    tables = levels * env.num_states * actions * WORD * 2
    draws = config.train.seeds * identify.draws * identify.max_shards * 2 * WORD
    return [
        batteries,
        Part("tables of levels", tables, "identify.target_contexts"),
        Part("bootstrap draws", draws, "identify.draws"),
    ]


def reflection(env: Env, config: RunConfig) -> list[Part]:
    """Return the parts of reflection that are held at the same time."""
    reflect = config.reflect
    plans = reflect.contexts * reflect.plans * reflect.plan_moves * WORD * 2
    return [Part("plans", plans, "reflect.contexts x reflect.plans x reflect.plan_moves")]


ESTIMATES = {"train": training, "identify": identification, "reflect": reflection}


def available() -> tuple[int, str]:
    """Return how many bytes this process may have at most, and where that is said."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        told = (device.memory_stats() or {}).get("bytes_limit")
        return (int(told), f"the device {device.device_kind}") if told else (2**63, "the device")
    try:
        here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has none
        here = 2**63
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else "max"
    if limit.isdigit() and int(limit) < here:
        return int(limit), "this container"
    return here, "this machine"


def refuse_what_cannot_fit(config: RunConfig, stages: Sequence[str]) -> None:
    """Raise UserError where a stage needs more memory than there is.

    Args:
        config: resolved.
        stages: that are to be done.
    """
    env = make_env(config.env)
    there, where = available()
    for stage in stages:
        parts = ESTIMATES[stage](env, config) if stage in ESTIMATES else []
        needed = PROGRAM + sum(part.bytes for part in parts)
        if needed > there:
            worst = max(parts, key=lambda part: part.bytes)
            raise UserError(
                f"the stage {stage} needs at least {_gib(needed)} of memory ({worst.what} "
                f"{_gib(worst.bytes)}, of {config.train.seeds} seeds), and {where} has "
                f"{_gib(there)}; lower {worst.keys}, or train.seeds"
            )


def _size(tree: Any) -> int:
    """Return the bytes of a tree of shapes."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _gib(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
