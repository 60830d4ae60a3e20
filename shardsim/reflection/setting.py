"""Everything that is fixed before reflection: the onsets, who judges there, where to measure.

Axis letters: D agents · U onsets · B contexts · L levels · S states · A actions · O concepts ·
K shards · G goals · C contexts of the battery.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.reflection import onsets
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.ground import Ground, gates_on, ground_of, levels_of, policies_on
from shardsim.reflection.measure import Probe, hits
from shardsim.reflection.onsets import Choice
from shardsim.reflection.probe import make_probe
from shardsim.reflection.weights import Onset
from shardsim.reflection.world import World
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.shardset import ShardSet


class Subjects(NamedTuple):
    """The agents who reflect, D of them, and what each of them values."""

    env: Env
    shards: ShardSet  # of all agents, who judge plans
    networks: Networks | None  # the agents [D]; without, they do what the models of shards say
    training: Battery  # contexts in levels like those of training, for the competence
    discount: float  # of the env's return, for the competence


class Setting(NamedTuple):
    """Numpy arrays, but for `onset` and `probe`, which the loop in the weights takes."""

    goals: tuple[int, int]
    goal_names: tuple[str, ...]
    names: tuple[str, ...]  # U
    preferences: np.ndarray  # float64[K, O], of the shards of all agents
    worlds: World  # [D, U, B]
    policy: np.ndarray  # float32[D, U, B, S, A], before reflection
    target_policy: np.ndarray  # float32[D, L, S, A], before, on the probe's target levels
    pulls: np.ndarray  # float64[D, U, B, S, A, K], logits that each shard adds
    judges: np.ndarray  # float64[D, U, B, K], the activated distribution at onset
    identified: np.ndarray  # bool[D, U, B], the battery knows contexts like this one
    weight: np.ndarray  # float32[D, U, B]; 0 where there were too few contexts
    onset: Onset  # [D, U, B]
    probe: Probe

    @property
    def judging(self) -> np.ndarray:
        """float64[D, U, K], the activated distribution of each onset, over its contexts."""
        return np.einsum("dub,dubk->duk", self.worlds.weight, self.judges)


@partial(jax.jit, static_argnums=(2, 3))
def _hits_of_all(world: World, policy: jax.Array, goals: tuple[int, int], horizon: int):
    """Return float32[D, L, S, G + 1] of policies [D, L, S, A]."""
    return jax.lax.map(lambda one: hits(world, one, goals, horizon), policy)


def prepare(
    subjects: Subjects, config: ReflectConfig, *, onset: Battery | None, seed: int
) -> Setting:
    """Find the onsets of every agent, and who judges there.

    Args:
        subjects: who reflects, D of them.
        config: how to choose.
        onset: the contexts of the one onset of all agents; None to choose three for each.
        seed: of levels and draws.

    Raises:
        UserError: `config.goals` are not two concepts of the env.
    """
    env, models = subjects.env, subjects.shards.models
    strength = np.mean([model.gates.mean(0) for model in models], axis=0)
    goals = onsets.choose_goals(env.concepts, strength @ models[0].preferences, config.goals)
    sought = (
        levels_of(subjects.shards.battery, config.candidates) if onset is None else levels_of(onset)
    )
    ground = ground_of(env, sought)
    policy = policies_on(ground, subjects.networks, models)
    wanted = tuple(env.concept_names[goal] for goal in goals)
    if onset is None:
        names = onsets.names(wanted)
        reached = _reached(ground, policy, goals)
        distance, decision = ground.world.distance, ground.world.decision
        choice = onsets.choose(distance, decision, reached, goals, config, seed)
    else:
        names, choice = (onsets.GIVEN,), _given(onset, len(models))
    worlds = _worlds(ground, choice)
    acting = policy[np.arange(len(models))[:, None, None], choice.level]
    pulls = _pulls(ground, subjects.shards, choice, worlds)
    judges, identified = _judges(pulls, acting, worlds, subjects.shards.battery, goals)
    probed = slice(-config.probes, None)
    return Setting(
        goals=goals,
        goal_names=wanted,
        names=names,
        preferences=np.asarray(models[0].preferences, np.float64),
        worlds=worlds,
        policy=acting,
        target_policy=policy[:, probed],
        pulls=pulls,
        judges=judges,
        identified=identified & (choice.weight > 0),
        weight=choice.weight,
        onset=_onset(worlds, np.asarray(ground.seen)[choice.level], judges),
        probe=_probe(subjects, ground, probed, config, seed),
    )


def _reached(ground: Ground, policy: np.ndarray, goals: tuple[int, int]) -> np.ndarray:
    """Return float32[D, L, S, G + 1]: which goal is reached first by policies [D, L, S, A]."""
    world = jax.tree.map(jnp.asarray, ground.world)
    return np.asarray(_hits_of_all(world, jnp.asarray(policy), goals, ground.env.max_steps))


def _given(onset: Battery, agents: int) -> Choice:
    """Return the contexts of a battery as the one onset of each agent."""
    home, _ = onset.tabular_model
    parts = *home.T, onset.weight.astype(np.float32)
    return Choice(*(np.broadcast_to(part, (agents, 1, onset.size)) for part in parts))


def _worlds(ground: Ground, choice: Choice) -> World:
    """Return the worlds of the onsets, numpy [D, U, B]; an agent decides where it starts."""
    chosen = take(ground.world, choice.level)
    np.put_along_axis(chosen.decision, choice.state[..., None], True, axis=-1)
    total = np.maximum(choice.weight.sum(-1, keepdims=True), np.finfo(np.float32).tiny)
    return chosen._replace(start=choice.state.astype(np.int32), weight=choice.weight / total)


def _onset(world: World, seen: np.ndarray, judges: np.ndarray) -> Onset:
    """Return what the loop in the weights takes, from numpy [D, U, B]."""
    arrays = jax.tree.map(jnp.asarray, world)
    return Onset(arrays, jnp.asarray(seen), jnp.asarray(judges, jnp.float32))


def _probe(
    subjects: Subjects, ground: Ground, probed: slice, config: ReflectConfig, seed: int
) -> Probe:
    """Return where agents are measured whatever the onset: the last levels, and training's."""
    likewise = levels_of(subjects.training, config.probes // 2).level
    levels, world = take((ground.levels, ground.world), probed)
    return make_probe(subjects.env, levels, world, likewise, subjects.discount, seed)


def _pulls(ground: Ground, shards: ShardSet, choice: Choice, worlds: World) -> np.ndarray:
    """Return float64[D, U, B, S, A, K]: what each shard adds in every state of the onsets."""
    parts = []
    for level, model, advantage in zip(choice.level, shards.models, worlds.advantage, strict=True):
        gates = gates_on(ground, model, level.reshape(-1))
        gates = gates.reshape(*advantage.shape[:3], -1)
        parts.append(onsets.pulls(gates, model.preferences, advantage))
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
