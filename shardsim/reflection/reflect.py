"""Reflection of a whole run: every agent, every onset, every rule, beside the forecast.

Axis letters: D seeds · U onsets · R rules · T steps · B contexts · L levels · S states ·
A actions · K shards · O concepts · G goals.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from shardsim.reflection import reidentified, values
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.distribution import bargain
from shardsim.reflection.forecast import forecast
from shardsim.reflection.measure import hits_from_onset
from shardsim.reflection.setting import Setting, Subjects, prepare
from shardsim.reflection.shard_returns import worth_of
from shardsim.reflection.tables import Evidence, dataset, nothing, summary
from shardsim.reflection.weights import Task, numbers_of, reflect_weights, settings_of
from shardsim.reflection.world import World


class Reflection(NamedTuple):
    """What reflection did to the agents of a run."""

    dataset: xr.Dataset
    summary: dict[str, Any]


def reflect_run(subjects: Subjects, config: ReflectConfig, *, seed: int = 0) -> Reflection:
    """Reflect with all agents of a run at once.

    Args:
        subjects: who reflects.
        config: all settings.
        seed: of levels, contexts and plans; the same seed gives the same result.

    Returns:
        A Dataset with dims onset, model, step, seed, shard, object, place, outcome, and a summary
        of plain values. Without any shard nobody judges, and with a single concept there is
        nothing to choose between: both say `undefined`.

    Raises:
        UserError: `config.goals` are not two concepts of the env.
    """
    env, models = subjects.env, subjects.models
    if not len(models[0].preferences) or len(env.concepts) < 2:
        return Reflection(*nothing(env))
    setting = prepare(subjects, config, seed=seed)
    preferences = np.asarray(models[0].preferences, np.float64)
    numbers = numbers_of(config, subjects.discount)
    task = Task(jnp.asarray(preferences, jnp.float32), numbers, setting.probe)
    settings = settings_of(subjects.network, setting.goals, env.max_steps, config)
    trace = reflect_weights(
        settings, task, setting.onset, subjects.parameters, jax.random.key(seed)
    )
    trace = jax.tree.map(np.asarray, trace)
    said = _forecasts(setting, preferences, config, env.max_steps)
    evidence = Evidence(
        setting=setting,
        trace=trace,
        forecast_hits=said[0],
        forecast_weights=said[1],
        limit=_limits(setting, preferences, config),
        worth=worth_of(setting, trace, preferences, config.discount),
        again=reidentified.again(subjects, trace.parameters, config, seed),
    )
    found = dataset(env, evidence, config)
    return Reflection(found, summary(found, config.competence))


@partial(jax.jit, static_argnums=(2, 3))
def _hits_on_the_way(world: World, policies: jax.Array, goals: tuple[int, int], horizon: int):
    """Return float32[N, G + 1] of policies [N, B, S, A] in the worlds [B]."""
    return jax.lax.map(lambda one: hits_from_onset(world, one, goals, horizon), policies)


def _forecasts(
    setting: Setting, preferences: np.ndarray, config: ReflectConfig, horizon: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the replicator's hits float[D, U, T + 1, G + 1] and weights float[D, U, T + 1, K]."""
    seeds, kinds = setting.weight.shape[:2]
    reached, weights = [], []
    for place in np.ndindex(seeds, kinds):
        world = jax.tree.map(lambda leaf, place=place: leaf[place], setting.worlds)
        said = forecast(world, setting.policy[place], setting.pulls[place], preferences, config)
        policies = jnp.asarray(said.policies, jnp.float32)
        here = jax.tree.map(lambda leaf, place=place: leaf[place], setting.onset.world)
        reached.append(np.asarray(_hits_on_the_way(here, policies, setting.goals, horizon)))
        weights.append(said.path.weights)
    shape = (seeds, kinds)
    return np.reshape(reached, (*shape, *reached[0].shape)), np.reshape(
        weights, (*shape, *weights[0].shape)
    )


def _limits(setting: Setting, preferences: np.ndarray, config: ReflectConfig) -> np.ndarray:
    """Return float[D, U, G + 1]: where turns would end in the tabular limit, from the onset.

    Each end is taken to be reached by the shortest way.
    """
    world, goals = setting.worlds, list(setting.goals)
    at = (*np.indices(world.start.shape), world.start)
    faded = config.discount ** world.distance[at][..., goals].astype(np.float64)
    worth = preferences[:, goals] * faded[..., None, :]
    gain = np.exp(config.strength * np.concatenate([worth, 0 * worth[..., :1]], -1))
    flat = World(*(leaf.reshape(-1, *leaf.shape[3:]) for leaf in world))
    acting = setting.policy.reshape(-1, *setting.policy.shape[3:])
    first = _first_hits(flat, acting, setting.goals).reshape(*world.start.shape, -1)
    return np.einsum("dub,dubg->dug", world.weight, bargain(setting.judges, gain, first))


def _first_hits(world: World, policy: np.ndarray, goals: tuple[int, int]) -> np.ndarray:
    """Return float64[B, G + 1]: which goal is entered first, with no limit of time."""
    ending = np.asarray(world.entered)[..., list(goals)].any(-1)
    stopped = world._replace(terminated=np.asarray(world.terminated) | ending)
    passage = values.first_passage(stopped, policy, 1 - 1e-6)
    first = values.at_start(stopped, passage.values)[:, list(goals)]
    return np.concatenate([first, np.maximum(0.0, 1 - first.sum(-1, keepdims=True))], -1)
