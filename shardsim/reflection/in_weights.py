"""Reflection of all agents from all onsets in their networks' weights, and what they then do.

Axis letters: D agents · U onsets · R rules · B contexts · L levels · S states · A actions.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.progress import SILENT, Progress
from shardsim.env.levels import take
from shardsim.reflection.batches import Repeats, compile_ahead, reflect_in_batches, repeated
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.ground import asked
from shardsim.reflection.lessons import Onset, Task, numbers_of
from shardsim.reflection.setting import Setting
from shardsim.reflection.weights import Settings, Trace, expected_seconds, settings_of
from shardsim.shards.agents import Networks

LONG = 30.0  # seconds of which it is said beforehand


class Afterwards(NamedTuple):
    """What agents do after reflection in the weights."""

    onset: np.ndarray  # float32[D, U, R, B, S, A], from the contexts of their onset
    target: np.ndarray  # float32[D, U, R, L, S, A], on target levels


class Written(NamedTuple):
    """What came of it; None where no rule of the weights was asked for."""

    trace: Trace | None = None  # numpy [D, U, R]
    afterwards: Afterwards | None = None
    repeats: Repeats | None = None  # the same with other plans


def begin_compiling(
    setting: Setting,
    networks: Networks,
    config: ReflectConfig,
    discount: float,
    *,
    seed: int,
    each: int,
) -> Future[None]:
    """Compile what `in_the_weights` will run, while the caller does something else."""
    asked_for = _asked_for(setting, networks, config, discount)
    return compile_ahead(*asked_for, jax.random.key(seed), each)


def _asked_for(
    setting: Setting, networks: Networks, config: ReflectConfig, discount: float
) -> tuple[Settings, Task, Onset, Any]:
    """Return what the loop takes."""
    task = Task(
        jnp.asarray(setting.preferences, jnp.float32), numbers_of(config, discount), setting.probe
    )
    settings = settings_of(networks.network, setting.goals, networks.env.max_steps, config)
    return settings, task, setting.onset, networks.parameters


def in_the_weights(
    setting: Setting,
    networks: Networks,
    config: ReflectConfig,
    discount: float,
    *,
    seed: int,
    each: int,
    progress: Progress = SILENT,
) -> Written:
    """Reflect with every agent from every onset by every rule of the config.

    Args:
        setting: where they begin, and who judges there.
        networks: the agents, D of them.
        config: all settings.
        discount: of the env's return.
        seed: of the plans.
        each: onsets of a class, which are reflected from one after the other.
        progress: where to say how long it will take.
    """
    asked_for = _asked_for(setting, networks, config, discount)
    settings, _, onset, parameters = asked_for
    seconds = expected_seconds(settings, onset, setting.probe, parameters) * config.repeats
    if seconds > LONG:
        progress.expect(seconds, f"{len(setting.names)} onsets of {len(setting.weight)} agents")
    trace = reflect_in_batches(*asked_for, jax.random.key(seed), each)
    repeats = repeated(*asked_for, seed, each, trace, config.repeats)
    return Written(trace, afterwards_of(setting, networks, trace.parameters), repeats)


def afterwards_of(setting: Setting, networks: Networks, parameters: Any) -> Afterwards:
    """Ask the networks of parameters [D, U, R], numpy, in every state that is reached.

    `setting` is where they reflected.
    """
    onset, target = [], []
    for place in np.ndindex(*setting.weight.shape[:2]):
        of_rules = take(parameters, place)
        onset.append(asked(networks, of_rules, setting.seen[place]))
        target.append(asked(networks, of_rules, setting.target.seen))
    shape = setting.weight.shape[:2]
    parts = (np.stack(part) for part in (onset, target))
    return Afterwards(*(part.reshape(*shape, *part.shape[1:]) for part in parts))
