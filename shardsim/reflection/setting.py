"""Everything that is fixed before reflection: the onsets, who judges there, where to measure.

Axis letters: D seeds · U onsets · B contexts · L levels · S states · A actions · O concepts ·
K shards · G goals · C contexts of the battery.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import State
from shardsim.reflection import onsets
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.measure import Probe, hits
from shardsim.reflection.probe import make_probe
from shardsim.reflection.weights import Onset
from shardsim.reflection.world import World, tabulate, views
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import gate_features


@runtime_checkable
class Gated(Protocol):
    """An agent's shards, as every fit gives them."""

    @property
    def preferences(self) -> np.ndarray:
        """Return float64[K, O]."""
        ...

    @property
    def gates(self) -> np.ndarray:
        """Return float64[C, K], over the battery that was fitted to."""
        ...

    def gate(self, features: np.ndarray) -> np.ndarray:
        """Return gates float64[N, K] in other contexts, with features float64[N, F]."""
        ...


class Subjects(NamedTuple):
    """The agents of a run who reflect, D of them, and what their shards were identified on."""

    env: Env
    network: Any  # of the agents (`Agent.network`)
    parameters: Any  # [D], a leading axis of seeds on every leaf
    models: Sequence[Gated]  # the shards of each, fitted over one dictionary of preferences
    battery: Battery  # target-level contexts; onsets are sought in their levels
    held_out: Battery  # contexts in levels like those of training, for the competence
    discount: float  # of the env's return, for the competence


class Setting(NamedTuple):
    """Numpy arrays, but for `onset` and `probe`, which the loop in the weights takes."""

    goals: tuple[int, int]
    names: tuple[str, ...]  # U
    worlds: World  # [D, U, B]
    policy: np.ndarray  # float32[D, U, B, S, A], before reflection
    target_policy: np.ndarray  # float32[D, L, S, A], before, on the probe's target levels
    pulls: np.ndarray  # float64[D, U, B, S, A, K], logits that each shard adds
    judges: np.ndarray  # float64[D, U, B, K], the activated distribution at onset
    identified: np.ndarray  # bool[D, U, B], the battery knows contexts like this one
    weight: np.ndarray  # float32[D, U, B]; 0 where there were too few contexts
    onset: Onset  # [D, U, B]
    probe: Probe


def levels_of(battery: Battery, count: int) -> State:
    """Return a state [L] in each of the first `count` levels of a battery (all, if fewer)."""
    rows = np.unique(battery.level_index, return_index=True)[1][:count]
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[rows]), battery.states)


@partial(jax.jit, static_argnums=(2, 3))
def _hits_of_all(world: World, policy: jax.Array, goals: tuple[int, int], horizon: int):
    """Return float32[D, L, S, G + 1] of policies [D, L, S, A]."""
    return jax.lax.map(lambda one: hits(world, one, goals, horizon), policy)


def prepare(subjects: Subjects, config: ReflectConfig, *, seed: int) -> Setting:
    """Choose the onsets of every agent and find out who judges there.

    Args:
        subjects: who reflects, D of them.
        config: how to choose.
        seed: of levels and draws.

    Raises:
        UserError: `config.goals` are not two concepts of the env.
    """
    env, models = subjects.env, subjects.models
    preferences = np.asarray(models[0].preferences)
    strength = np.mean([model.gates.mean(0) for model in models], axis=0)
    goals = onsets.choose_goals(env.concepts, strength @ preferences, config.goals)
    states = levels_of(subjects.battery, config.candidates)
    tabulated, described = tabulate(env, states, jnp.ones(states.steps.shape[0], jnp.float32))
    seen = views(env, states.level)
    tables = _tables(subjects.network, subjects.parameters, seen)
    reached = np.asarray(_hits_of_all(tabulated, tables, goals, env.max_steps))
    world: World = jax.tree.map(np.asarray, tabulated)
    policy = np.asarray(tables)
    choice = onsets.choose(world.distance, world.decision, reached, goals, config, seed)
    total = np.maximum(choice.weight.sum(-1, keepdims=True), 1.0)
    chosen = take(world, choice.level)._replace(start=choice.state, weight=choice.weight / total)
    acting = policy[np.arange(len(models))[:, None, None], choice.level]
    pulls = _pulls(env, models, described, choice.level, chosen.advantage)
    judges, identified = _judges(pulls, acting, chosen, subjects.battery, goals)
    probed = slice(-config.probes, None)
    levels = take(jax.tree.map(np.asarray, states.level), probed)
    likewise = levels_of(subjects.held_out, config.probes // 2).level
    return Setting(
        goals=goals,
        names=onsets.names([env.concept_names[goal] for goal in goals]),
        worlds=chosen,
        policy=acting,
        target_policy=policy[:, probed],
        pulls=pulls,
        judges=judges,
        identified=identified & (choice.weight > 0),
        weight=choice.weight,
        onset=_onset(chosen, np.asarray(seen)[choice.level], judges),
        probe=make_probe(env, levels, take(world, probed), likewise, subjects.discount, seed),
    )


def _onset(world: World, seen: np.ndarray, judges: np.ndarray) -> Onset:
    """Return what the loop in the weights takes, from numpy [D, U, B]."""
    arrays = jax.tree.map(jnp.asarray, world)
    return Onset(arrays, jnp.asarray(seen), jnp.asarray(judges, jnp.float32))


def _tables(network: Any, parameters: Any, seen: jax.Array) -> jax.Array:
    """Return float32[D, L, S, A]: the policies of all agents on levels seen as [L, S, H, W, P]."""
    logits = forward_many(network, parameters, seen.reshape(-1, *seen.shape[2:])).logits
    return jax.nn.softmax(logits).reshape(logits.shape[0], *seen.shape[:2], -1)


def _pulls(
    env: Env,
    models: Sequence[Gated],
    described: dict[str, jax.Array],
    level: np.ndarray,
    advantage: np.ndarray,
) -> np.ndarray:
    """Return float64[D, U, B, S, A, K]: what each shard adds in every state of the onsets."""
    parts = []
    for number, model in enumerate(models):
        rows = level[number].reshape(-1)
        named = {name: np.asarray(value)[rows].reshape(-1) for name, value in described.items()}
        features, _ = gate_features(named, env.concept_names)
        gates = model.gate(features).reshape(*advantage.shape[1:4], -1)
        parts.append(onsets.pulls(gates, model.preferences, advantage[number]))
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
