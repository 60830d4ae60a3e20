"""Everything that is fixed before reflection: the onsets, who judges there, where to measure.

Axis letters: D agents · U onsets · B contexts · L levels · A actions · O concepts · K shards ·
G goals · C contexts of the battery; R, T and Q, states, as in `Setting`.
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
from shardsim.reflection.config import ReflectConfig, rules_of
from shardsim.reflection.ground import (
    Ground,
    gates_on,
    ground_of,
    levels_of,
    part_of,
    policies_on,
)
from shardsim.reflection.lessons import Onset, asks_critic
from shardsim.reflection.measure import Probe, hits
from shardsim.reflection.onsets import Choice
from shardsim.reflection.outlook import outlook_of
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


class Setting(NamedTuple):
    """Numpy arrays, but for `onset` and `probe`, which the loop in the weights takes.

    R are the states that are reached from a context, those of T that are reached in a target level,
    and Q those that are reached from a context before one of the two goals is.
    """

    goals: tuple[int, int]
    goal_names: tuple[str, ...]
    names: tuple[str, ...]  # U
    classes: tuple[str, ...]  # U, the class of each
    shared: np.ndarray  # bool[U], all agents begin in the same contexts
    saturated: np.ndarray  # bool[D, U, B], one of the goals is as good as never reached first
    preferences: np.ndarray  # float64[K, O], of the shards of all agents
    worlds: World  # [D, U, B], over R
    states: np.ndarray  # int32[D, U, B, R], numbers of the states in their level
    seen: np.ndarray  # float32[D, U, B, R, H, W, P]
    policy: np.ndarray  # float32[D, U, B, R, A], before reflection
    before_goals: np.ndarray  # int32[D, U, B, Q], rows of R
    target: Ground  # [L], over T, the levels that behaviour is measured on
    target_start: np.ndarray  # float32[L, T], how likely an episode starts in each state
    target_policy: np.ndarray  # float32[D, L, T, A], before
    pulls: np.ndarray  # float64[D, U, B, R, A, K], logits that each shard adds
    judges: np.ndarray  # float64[D, U, B, K], the activated distribution at onset
    identified: np.ndarray  # bool[D, U, B], the battery knows contexts like this one
    weight: np.ndarray  # float32[D, U, B]; 0 where there were too few contexts
    onset: Onset  # [D, U, B], over Q
    probe: Probe

    @property
    def judging(self) -> np.ndarray:
        """float64[D, U, K], the activated distribution of each onset, over its contexts."""
        return np.einsum("dub,dubk->duk", self.worlds.weight, self.judges)


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


def prepare(
    subjects: Subjects,
    config: ReflectConfig,
    *,
    onset: Battery | str | None,
    seed: int,
    apart: bool = False,
) -> Setting:
    """Find the onsets of every agent, and who judges there.

    Args:
        subjects: who reflects, D of them.
        config: how to choose.
        onset: the contexts of the one onset of all agents; the name of an onset or of a class to
            choose that; None to choose all of the config for each.
        seed: of levels and draws.
        apart: each context of `onset` is an onset of its own, named by its number.

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
    policy = policies_on(ground, subjects.networks, models)
    hit = reached_first(ground, policy, goals)
    if isinstance(onset, Battery):
        choice = _given(onset, ground, len(models), apart)
        names = tuple(map(str, range(onset.size))) if apart else (onsets.GIVEN,)
        classes = (onsets.GIVEN,) * len(names)
    else:
        world = ground.world
        every = onsets.choose(world.distance, world.decision, hit, goals, config, seed)
        choice = Choice(*(part[:, kept] for part in every))
        names, classes = (tuple(one[n] for n in kept) for one in (names, kinds))
    probed = slice(-config.probes, None)
    target = part_of(ground, probed)
    start = starts(target)
    likewise = levels_of(subjects.training, config.probes // 2).level
    around = _around(ground, choice, goals)
    level, rows = around.level, around.rows
    acting = policy[np.arange(len(models))[:, None, None, None], level, rows]
    pulls = _pulls(ground, models, level, rows)
    judges, identified = _judges(pulls, acting, around.worlds, subjects.shards.battery, goals)
    return Setting(
        goals=goals,
        goal_names=wanted,
        names=names,
        classes=classes,
        shared=onsets.shared(choice),
        saturated=_saturated(hit, choice, config.saturated),
        preferences=np.asarray(models[0].preferences, np.float64),
        worlds=around.worlds,
        states=ground.states[level, rows],
        seen=ground.seen[level, rows],
        policy=acting,
        before_goals=around.before_goals,
        target=target,
        target_start=start,
        target_policy=policy[:, probed],
        pulls=pulls,
        judges=judges,
        identified=identified & (choice.weight > 0),
        weight=choice.weight,
        onset=_onset(ground, around, judges, config),
        probe=make_probe(target, start, goals, likewise, subjects.discount, seed),
    )


class _Around(NamedTuple):
    """The levels around the contexts of the onsets, as far as agents come in them."""

    worlds: World  # [D, U, B], over R
    level: np.ndarray  # int32[D, U, B, R], of the ground, the same for all R
    rows: np.ndarray  # int32[D, U, B, R], of the ground
    open: World  # [D, U, B], over Q: before a goal is reached
    before_goals: np.ndarray  # int32[D, U, B, Q], rows of R


def reached_first(ground: Ground, policy: np.ndarray, goals: tuple[int, int]) -> np.ndarray:
    """Return float32[D, L, R, G + 1]: what policies float32[D, L, R, A] reach first."""
    world = jax.tree.map(jnp.asarray, ground.world)
    return np.asarray(_hits_of_all(world, jnp.asarray(policy), goals, ground.env.max_steps))


def _saturated(hit: np.ndarray, choice: Choice, least: float) -> np.ndarray:
    """Return bool[D, U, B] by float32[D, L, R, G + 1], at the contexts of the onsets."""
    agents = np.arange(len(hit))[:, None, None]
    return onsets.saturated(hit[agents, choice.level, choice.state], least)


def _given(onset: Battery, ground: Ground, agents: int, apart: bool) -> Choice:
    """Return the contexts of a battery as the one onset of each agent, or as one each."""
    level, state = onset.tabular_model[0].T
    row = (ground.states[level] == state[:, None]).argmax(1)
    parts = level, row, onset.weight.astype(np.float32)
    shape = (onset.size, 1) if apart else (1, onset.size)
    return Choice(*(np.broadcast_to(part.reshape(shape), (agents, *shape)) for part in parts))


def _around(ground: Ground, choice: Choice, goals: tuple[int, int]) -> _Around:
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
    return _Around(*jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), parts))


def _onset(ground: Ground, around: _Around, judges: np.ndarray, config: ReflectConfig) -> Onset:
    """Return what the loop in the weights takes [D, U], from float64[D, U, B, K] judges."""
    rows = np.take_along_axis(around.rows, around.before_goals, axis=-1)
    level = around.level[..., 0]
    asked = asks_critic(rules_of(config.models))
    every = ground.seen[around.level, around.rows] if config.follow_values else None
    return Onset(
        world=jax.tree.map(jnp.asarray, around.open),
        views=jnp.asarray(ground.seen[level[..., None], rows]),
        judges=jnp.asarray(judges, jnp.float32),
        outlook=outlook_of(ground, level, rows) if asked else None,
        around=None if every is None else jnp.asarray(every),
    )


def _pulls(
    ground: Ground, models: Sequence[ShardModel], level: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return float64[D, U, B, R, A, K]: what each shard adds in every state of the onsets."""
    parts = []
    for model, *at in zip(models, level, rows, strict=True):
        gates = gates_on(ground, model, *at)
        parts.append(onsets.pulls(gates, model.preferences, ground.world.advantage[tuple(at)]))
    return np.stack(parts)


def _judges(
    pulls: np.ndarray, policy: np.ndarray, world: World, battery: Battery, goals: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the activated distribution [D, U, B, K] and where it is identified [D, U, B]."""
    at = (*np.indices(world.start.shape), world.start)
    judges, active = onsets.activated(pulls[at], policy[at])
    held = np.asarray(battery.distance)[:, list(goals)]
    known = onsets.supported(world.distance[at][..., list(goals)], held)
    return judges, active & known
