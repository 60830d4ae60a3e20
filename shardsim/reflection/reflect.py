"""Reflection of agents, from onsets that are chosen for each or from one that is given.

One agent with one onset is the smallest case: `reflect` gives its own track, a run reflects with
all of its agents from every onset by every model (`shardsim.reflection.results`).

Axis letters: D agents · U onsets · R rules · B contexts · S states · A actions · K shards ·
T steps · G goals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import Agent
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.progress import SILENT, Progress
from shardsim.base.scalars import Fraction, Whole, plain, whole
from shardsim.base.seeds import checked_seed
from shardsim.env.levels import take
from shardsim.reflection.batches import Repeats, onsets_a_class
from shardsim.reflection.config import (
    MODELS,
    MOST_STEPS,
    REPLICATOR,
    USUAL,
    ReflectConfig,
    rules_of,
)
from shardsim.reflection.in_weights import Afterwards, Written, begin_compiling, in_the_weights
from shardsim.reflection.measure import hits_from_onset
from shardsim.reflection.replicated import forecast
from shardsim.reflection.setting import Setting, prepare
from shardsim.reflection.site import Subjects
from shardsim.reflection.weights import Trace
from shardsim.reflection.world import World
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.identify import identify
from shardsim.shards.shardset import ShardSet

JUDGED_ON = 4000  # contexts on target levels, where an agent comes without its shards
# What each part costs beside the others, in seconds of the demo.
COSTS = {"onsets": 10.0, "replicator": 5.0, "forecast": 3.0, "in the weights": 25.0}


class ReflectionTrack(NamedTuple):
    """One reflection, step by step; steps count from 0, which is before."""

    model: str
    goals: tuple[str, ...]  # the two concepts that plans end at
    hits: np.ndarray  # float64[T + 1, G + 1], each goal first from the onset; the last is neither
    judges: np.ndarray  # float64[K], the activated distribution at onset
    policy: (
        np.ndarray
    )  # float64[2, B, S, A], before and after, in the states of the onset's levels;
    # NaN where nothing leads from the context
    weights: np.ndarray | None  # float64[T + 1, K], of the shards; None where they are not scaled
    agent: Agent | None  # after reflection; None where nothing was written into a network


class Forecasts(NamedTuple):
    """What the replicator says of every agent and onset."""

    hits: np.ndarray  # float64[D, U, T + 1, G + 1]
    weights: np.ndarray  # float64[D, U, T + 1, K]
    policy: np.ndarray  # float64[D, U, B, S, A], at the end


# What is told where reflection begins and what the replicator says, before any weight moves.
Before = Callable[[Setting, Forecasts], None]


class Reflected(NamedTuple):
    """Where reflection began, and what came of it; None for what was not asked for."""

    setting: Setting
    trace: Trace | None  # numpy [D, U, R], in the weights
    afterwards: Afterwards | None
    forecasts: Forecasts | None
    repeats: Repeats | None = None  # the same with other plans


def reflect(
    agent_or_shardset: Agent | ShardSet,
    onset: Battery,
    *,
    model: str = "turns",
    steps: Whole = 20,
    shards: ShardSet | None = None,
    goals: Sequence[str] = (),
    config: ReflectConfig | None = None,
    discount: Fraction = 0.97,
    seed: Whole = 0,
) -> ReflectionTrack:
    """Let one agent, or the model of one, reflect from an onset.

    Args:
        agent_or_shardset: an agent, whose weights are changed in a copy; or shards, for which
            only "replicator" can be asked.
        onset: the contexts, with their weights.
        model: one of `reflection.config.MODELS`: "turns", "summed", …, or "replicator".
        steps: reflection steps.
        shards: the agent's, that judge its plans; identified afresh on target levels if left out.
        goals: two concepts that plans end at; those that the shards want most, if left out.
        config: everything else; its own `steps` and `goals` give way to those above.
        discount: of the env's return.
        seed: of the plans.

    Raises:
        UserError: unknown model, a number out of its range, no shards to judge or those of several
            agents or of another env, or goals that are not two concepts.
    """
    steps, seed = whole("steps", steps, 1, MOST_STEPS), checked_seed(seed)
    discount = _discount(discount)
    if model not in MODELS:
        raise UserError(f"there is no reflection model {model!r}; {did_you_mean(model, MODELS)}")
    if isinstance(agent_or_shardset, ShardSet):
        agent, judging = None, agent_or_shardset
        if model != REPLICATOR:
            raise UserError(f"{model!r} changes a network's weights; give the agent itself")
    else:
        agent = agent_or_shardset
        judging = shards or identify(agent, battery(onset.env, JUDGED_ON, seed=seed), seed=seed)
    _check_judges(judging, onset)
    given = (config or ReflectConfig()).model_dump() | {"steps": steps, "goals": tuple(goals)}
    given["models"] = USUAL if model == REPLICATOR else (model,)
    subjects = Subjects(onset.env, judging, _alone(agent), onset, discount)
    told = ReflectConfig.model_validate(given)
    return _track(reflect_agents(subjects, told, (model,), onset=onset, seed=seed), model, agent)


def _discount(given: Fraction) -> float:
    """Return a discount; raises UserError where it does not lie between 0 and 1."""
    value = plain(given)
    if not isinstance(value, int | float) or not 0.0 < value <= 1.0:
        raise UserError(f"discount must be above 0 and at most 1, not {value!r}")
    return float(value)


def _check_judges(shards: ShardSet, onset: Battery) -> None:
    """Raise UserError unless these are the shards of one agent in the onset's world."""
    if not shards.num_shards:
        raise UserError(
            "this agent has no shard that could judge plans; see identify(agent, battery)"
        )
    if shards.num_agents > 1:
        raise UserError(
            f"these are the shards of {shards.num_agents} agents; give one's, shards.seed(0)"
        )
    if shards.concepts != onset.concepts:
        raise UserError(
            f"the shards are for {', '.join(shards.concepts)} and the onset's world has "
            f"{', '.join(onset.concepts)}; take both from one env"
        )


def _alone(agent: Agent | None) -> Networks | None:
    """Return one agent as a population of one."""
    if agent is None:
        return None
    parameters = jax.tree.map(lambda leaf: leaf[None], agent.parameters)
    return Networks(agent.env, agent.network, parameters)


def _track(found: Reflected, model: str, agent: Agent | None) -> ReflectionTrack:
    """Return what reflection came to for one agent, one onset and one model."""
    setting, one = found.setting, (0, 0)
    if found.forecasts is not None:
        hits, weights, after = take(found.forecasts, one)
        reflected = None
    else:
        assert found.trace is not None and found.afterwards is not None and agent is not None
        done = take(found.trace, (0, 0, 0))
        hits, weights, after = done.measured.hits, None, found.afterwards.onset[0, 0, 0]
        reflected = Agent(agent.env, agent.network, jax.tree.map(jnp.asarray, done.parameters))
    policy = np.full((2, len(after), setting.target.env.num_states, after.shape[-1]), np.nan)
    policy[:, np.arange(len(after))[:, None], setting.states[one]] = setting.policy[one], after
    return ReflectionTrack(
        model=model,
        goals=tuple(setting.goal_names),
        hits=np.asarray(hits, np.float64),
        judges=setting.judging[one],
        policy=policy,
        weights=weights,
        agent=reflected,
    )


def reflect_agents(
    subjects: Subjects,
    config: ReflectConfig,
    models: Sequence[str] | None = None,
    *,
    onset: Battery | str | None = None,
    apart: int = 0,
    seed: int = 0,
    progress: Progress = SILENT,
    before: Before | None = None,
) -> Reflected:
    """Reflect with all agents at once.

    Args:
        subjects: who reflects.
        config: all settings.
        models: some of those of the config, which are all that are tried otherwise; those in the
            weights need networks.
        onset: the one onset of all agents, or the name of the one or of the class to choose; None
            to choose those of the config for each.
        apart: so many contexts of `onset`, side by side, are each an onset of its own; 0: all are
            one.
        seed: of levels, contexts and plans; the same seed gives the same result.
        progress: where to say how far it is.
        before: is called with the setting and the replicator's path before any weight moves.

    Raises:
        UserError: `config.goals` are not two concepts of the env, or no onset has that name.
    """
    progress.plan(COSTS)
    with progress.part("onsets"):
        setting = prepare(subjects, config, onset=onset, seed=seed, apart=apart)
    models = config.models if models is None else models
    rules = rules_of(models)
    forecasts, written, compiling = None, Written(), None
    each = 1 if isinstance(onset, Battery) else onsets_a_class(setting.classes)
    written_by = config.model_copy(update={"models": rules})
    networks, discount = subjects.networks, subjects.discount
    if rules:
        assert networks is not None
        compiling = begin_compiling(setting, networks, written_by, discount, seed=seed, each=each)
    if REPLICATOR in models or before is not None:
        with progress.part("replicator"):
            forecasts = _forecasts(setting, config, subjects.env.max_steps)
        if before is not None:
            with progress.part("forecast"):
                before(setting, forecasts)
    if compiling is not None:
        assert networks is not None
        with progress.part("in the weights") as part:
            compiling.result()
            written = in_the_weights(
                setting, networks, written_by, discount, seed=seed, each=each, progress=part
            )
    trace, afterwards, repeats = written
    return Reflected(setting, trace, afterwards, forecasts, repeats)


@partial(jax.jit, static_argnums=(2, 3))
def _hits_on_the_way(world: World, policies: jax.Array, goals: tuple[int, int], horizon: int):
    """Return float32[T + 1, G + 1] of policies [T + 1, B, S, A] in the worlds [B]."""
    return jax.lax.map(lambda one: hits_from_onset(world, one, goals, horizon), policies)


def _forecasts(setting: Setting, config: ReflectConfig, horizon: int) -> Forecasts:
    """Run the replicator for every agent from every onset."""
    shape = setting.weight.shape[:2]
    found = []
    for place in np.ndindex(*shape):
        world = take(setting.worlds, place)
        policy, pulls = setting.policy[place], setting.pulls[place]
        said = forecast(world, policy, pulls, setting.preferences, config)
        rows = setting.before_goals[place][None, ..., None]
        policies = jnp.asarray(np.take_along_axis(said.policies, rows, axis=2), jnp.float32)
        here = take(setting.onset.world, place)
        hits = _hits_on_the_way(here, policies, setting.goals, horizon)
        found.append((np.asarray(hits, np.float64), said.path.weights, said.policies[-1]))
    parts = (np.stack(part) for part in zip(*found, strict=True))
    return Forecasts(*(part.reshape(*shape, *part.shape[1:]) for part in parts))
