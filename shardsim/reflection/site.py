"""Where agents reflect: what the levels fix, whoever the agents are.

The same site serves agents at several checkpoints, so that what differs is not where they begin.
Axis letters: D agents · U onsets · B contexts · L levels · A actions · O concepts · G goals;
R, T and Q, states, as in `Setting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.reflection import onsets
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.ground import Ground, ground_of, levels_of, part_of, policies_on
from shardsim.reflection.measure import Probe, hits
from shardsim.reflection.onsets import Choice
from shardsim.reflection.probe import make_probe, starts
from shardsim.reflection.world import World, before_goals, led_to, restricted
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.shardset import ShardSet


class Subjects(NamedTuple):
    """The agents who reflect, D of them, and what each of them values."""

    env: Env
    shards: ShardSet  # of all agents, who judge plans
    networks: Networks | None  # the agents [D]; without, they do what the models of shards say
    training: Battery  # contexts in levels like those of training, for the competence
    discount: float  # of the env's return, for the competence


class Around(NamedTuple):
    """The levels around the contexts of the onsets, as far as agents come in them."""

    worlds: World  # [D, U, B], over R
    level: np.ndarray  # int32[D, U, B, R], of the ground, the same for all R
    rows: np.ndarray  # int32[D, U, B, R], of the ground
    open: World  # [D, U, B], over Q: before a goal is reached
    before_goals: np.ndarray  # int32[D, U, B, Q], rows of R


class Site(NamedTuple):
    """The onsets, and where behaviour is measured; numpy but for `probe`."""

    goals: tuple[int, int]
    goal_names: tuple[str, ...]
    names: tuple[str, ...]  # U
    classes: tuple[str, ...]  # U, the class of each
    ground: Ground  # [L], all levels
    choice: Choice  # [D, U, B]
    around: Around
    target: Ground  # over T, the levels that behaviour is measured on
    target_start: np.ndarray  # float32[L, T], how likely an episode starts in each state
    probe: Probe


class Doing(NamedTuple):
    """What agents do all over a ground."""

    policy: np.ndarray  # float32[D, L, R, A]
    hit: np.ndarray  # float32[D, L, R, G + 1], what is reached first from there


def goals_of(subjects: Subjects, config: ReflectConfig) -> tuple[int, int]:
    """Return the two concepts that plans end at; raises UserError where they are not two."""
    models = subjects.shards.models
    strength = np.mean([model.gates.mean(0) for model in models], axis=0)
    pull = strength @ models[0].preferences
    return onsets.choose_goals(subjects.env.concepts, pull, config.goals)


@partial(jax.jit, static_argnums=(2, 3))
def _hits_of_all(world: World, policy: jax.Array, goals: tuple[int, int], horizon: int):
    """Return float32[D, L, R, G + 1] of policies [D, L, R, A]."""
    return jax.lax.map(lambda one: hits(world, one, goals, horizon), policy)


def reached_first(ground: Ground, policy: np.ndarray, goals: tuple[int, int]) -> np.ndarray:
    """Return float32[D, L, R, G + 1]: what policies float32[D, L, R, A] reach first."""
    world = jax.tree.map(jnp.asarray, ground.world)
    return np.asarray(_hits_of_all(world, jnp.asarray(policy), goals, ground.env.max_steps))


def doing_on(
    ground: Ground,
    networks: Networks | None,
    models: Sequence[ShardModel],
    goals: tuple[int, int],
) -> Doing:
    """Return what networks do, or without any what models [D] say they do, and where it leads."""
    policy = policies_on(ground, networks, models)
    return Doing(policy, reached_first(ground, policy, goals))


def site_of(
    subjects: Subjects,
    config: ReflectConfig,
    *,
    onset: Battery | str | None,
    seed: int,
    apart: int = 0,
) -> tuple[Site, Doing]:
    """Choose the onsets of every agent; return them, and what the agents do there.

    Args:
        subjects: who reflects, D of them.
        config: how to choose.
        onset: the contexts of the one onset of all agents; the name of an onset or of a class to
            choose that; None to choose all of the config for each.
        seed: of levels and draws.
        apart: so many contexts of `onset`, side by side, are each an onset of its own, named by its
            number; 0: all are one.

    Raises:
        UserError: `config.goals` are not two concepts of the env, or no onset has that name.
    """
    env, models = subjects.env, subjects.shards.models
    goals = goals_of(subjects, config)
    wanted = tuple(env.concept_names[goal] for goal in goals)
    names = onsets.names(wanted, config.onsets)
    kinds = tuple(np.repeat(onsets.classes(wanted), config.onsets).tolist())
    if isinstance(onset, Battery):
        ground = ground_of(env, levels_of(onset), onset.tabular_model[0])
    else:
        kept = onsets.named(names, kinds, onset)
        ground = ground_of(env, levels_of(subjects.shards.battery, config.candidates))
    doing = doing_on(ground, subjects.networks, models, goals)
    if isinstance(onset, Battery):
        choice = _given(onset, ground, len(models), apart)
        names = tuple(map(str, range(onset.size // apart))) if apart else (onsets.GIVEN,)
        classes = (onsets.GIVEN,) * len(names)
    else:
        world = ground.world
        every = onsets.choose(world.distance, world.decision, doing.hit, goals, config, seed)
        choice = Choice(*(part[:, kept] for part in every))
        names, classes = (tuple(one[n] for n in kept) for one in (names, kinds))
    target = part_of(ground, probed(config))
    start = starts(target)
    likewise = levels_of(subjects.training, config.probes // 2).level
    found = Site(
        goals=goals,
        goal_names=wanted,
        names=names,
        classes=classes,
        ground=ground,
        choice=choice,
        around=_around(ground, choice, goals),
        target=target,
        target_start=start,
        probe=make_probe(target, start, goals, likewise, subjects.discount, seed),
    )
    return found, doing


def probed(config: ReflectConfig) -> slice:
    """Which levels of the ground behaviour is measured on."""
    return slice(-config.probes, None)


def _given(onset: Battery, ground: Ground, agents: int, apart: int) -> Choice:
    """Return the contexts of a battery as the one onset of each agent, or as one each."""
    level, state = onset.tabular_model[0].T
    row = (ground.states[level] == state[:, None]).argmax(1)
    parts = level, row, onset.weight.astype(np.float32)
    shape = (-1, apart) if apart else (1, -1)
    return Choice(*(_alike(part.reshape(shape), agents) for part in parts))


def _around(ground: Ground, choice: Choice, goals: tuple[int, int]) -> Around:
    """Cut the levels of the onsets down to where their contexts lead."""
    shape = choice.level.shape
    level, state = choice.level.reshape(-1), choice.state.reshape(-1)
    total = np.maximum(choice.weight.sum(-1, keepdims=True), np.finfo(np.float32).tiny)
    found = take(ground.world, level)._replace(
        start=state, weight=(choice.weight / total).reshape(-1)
    )
    begin = np.zeros(found.decision.shape, bool)
    begin[np.arange(len(state)), state] = True
    worlds, rows = restricted(found, led_to(found, begin, found.terminated))
    begin = np.arange(rows.shape[1]) == worlds.start[:, None]
    inner, before = before_goals(worlds, begin, goals)
    parts = worlds, np.broadcast_to(level[:, None], rows.shape), rows, inner, before
    return Around(*jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), parts))


def _alike(part: np.ndarray, agents: int) -> np.ndarray:
    return np.broadcast_to(part, (agents, *part.shape))
