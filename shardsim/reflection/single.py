"""Reflection of one agent, or of one set of shards, from an onset of one's own.

Axis letters: B contexts · S states · A actions · K shards · T steps · G goals · O concepts ·
L levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import Agent
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Fraction, Whole, plain, seed_of, whole
from shardsim.reflection import onsets
from shardsim.reflection.config import MOST_STEPS, RULES, ReflectConfig
from shardsim.reflection.forecast import forecast
from shardsim.reflection.measure import hits_from_onset
from shardsim.reflection.probe import make_probe
from shardsim.reflection.weights import Onset, Task, numbers_of, reflect_weights, settings_of
from shardsim.reflection.world import Covariates, World, tabulate, views
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.fit.data import DecisionData, decision_data
from shardsim.shards.identify import identify
from shardsim.shards.shardset import ShardSet

REPLICATOR = "replicator"
PROBE_LEVELS = 8
JUDGED_ON = 4000  # contexts on target levels, where an agent comes without its shards


class ReflectionTrack(NamedTuple):
    """One reflection, step by step; steps count from 0, which is before."""

    model: str
    goals: tuple[str, ...]  # the two concepts that plans end at
    hits: np.ndarray  # float64[T + 1, G + 1], each goal first from the onset; the last is neither
    judges: np.ndarray  # float64[K], the activated distribution at onset
    policy: np.ndarray  # float64[2, B, S, A], before and after, in all states of the onset's levels
    weights: np.ndarray | None  # float64[T + 1, K], of the shards; None where they are not scaled
    agent: Agent | None  # after reflection; None where nothing was written into a network


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
        model: "turns", "summed", "distillation", "sham", or "replicator".
        steps: reflection steps.
        shards: the agent's, that judge its plans; identified afresh on target levels if left out.
        goals: two concepts that plans end at; those that the shards want most, if left out.
        config: everything else; its own `steps` and `goals` give way to those above.
        discount: of the env's return.
        seed: of the plans.

    Raises:
        UserError: unknown model, a number out of its range, no shards to judge, or goals that are
            not two concepts.
    """
    steps, seed = whole("steps", steps, 1, MOST_STEPS), seed_of(seed)
    discount = _discount(discount)
    known = (*RULES, REPLICATOR)
    if model not in known:
        raise UserError(f"there is no reflection model {model!r}; {did_you_mean(model, known)}")
    if isinstance(agent_or_shardset, ShardSet):
        agent, judging = None, agent_or_shardset
        if model != REPLICATOR:
            raise UserError(f"{model!r} changes a network's weights; give the agent itself")
    else:
        agent = agent_or_shardset
        judging = shards or identify(agent, battery(onset.env, JUDGED_ON, seed=seed), seed=seed)
    if not judging.num_shards:
        raise UserError("nobody judges: this agent has no shard; see identify(agent, battery)")
    given = (config or ReflectConfig()).model_dump() | {"steps": steps, "goals": tuple(goals)}
    scene = _scene(agent, judging, onset, ReflectConfig.model_validate(given))
    if model == REPLICATOR:
        return _replicated(scene)
    assert agent is not None
    return _in_weights(scene, agent, model, discount, seed)


def _discount(given: Fraction) -> float:
    """Return a discount; raises UserError where it does not lie between 0 and 1."""
    value = plain(given)
    if not isinstance(value, int | float) or not 0.0 < value <= 1.0:
        raise UserError(f"discount must be above 0 and at most 1, not {value!r}")
    return float(value)


class _Scene(NamedTuple):
    """What both kinds of reflection begin with."""

    onset: Battery
    shards: ShardSet
    config: ReflectConfig
    goals: tuple[int, int]
    world: World  # numpy [B]
    policy: np.ndarray  # float64[B, S, A]
    pulls: np.ndarray  # float64[B, S, A, K]
    judges: np.ndarray  # float64[B, K]

    @property
    def goal_names(self) -> tuple[str, ...]:
        """The two concepts' names."""
        return tuple(self.onset.concepts[goal] for goal in self.goals)


def _scene(agent: Agent | None, shards: ShardSet, onset: Battery, config: ReflectConfig) -> _Scene:
    env = onset.env
    pull = shards.shares @ shards.preferences
    goals = onsets.choose_goals(env.concepts, pull, config.goals)
    tabulated, described = tabulate(env, onset.states, jnp.asarray(onset.weight))
    world: World = jax.tree.map(np.asarray, tabulated)
    data = _every_state(onset, world, described)
    shape = world.advantage.shape[:2]
    if agent is None:
        logits = shards.fit.predict(data).reshape(*shape, -1)
        policy = np.asarray(jax.nn.softmax(logits), np.float64)
    else:
        seen = views(env, onset.states.level)
        logits = agent.policy(seen.reshape(-1, *seen.shape[2:]))
        policy = np.asarray(jax.nn.softmax(logits), np.float64).reshape(*shape, -1)
    gates = shards.fit.gate(data.features).reshape(*shape, -1)
    pulls = onsets.pulls(gates, shards.preferences, world.advantage)
    at = np.arange(shape[0]), world.start
    judges, _ = onsets.activated(pulls[at], policy[at])
    return _Scene(onset, shards, config, goals, world, policy, pulls, judges)


def _every_state(onset: Battery, world: World, described: Covariates) -> DecisionData:
    """Return all states of the onset's levels as decisions [B * S], with logits of 0."""
    count = world.distance.shape[0] * world.distance.shape[1]
    advantage = world.advantage.reshape(count, *world.advantage.shape[2:])
    return decision_data(
        {name: np.asarray(value).reshape(-1) for name, value in described.items()},
        onset.concepts,
        advantage,
        world.blocked.reshape(count, -1),
        np.isfinite(world.distance).reshape(count, -1),
        np.zeros(advantage.shape[:2]),
        np.repeat(np.arange(len(world.distance)), world.distance.shape[1]),
    )


@partial(jax.jit, static_argnums=(2, 3))
def _hits(world: World, policies: jax.Array, goals: tuple[int, int], horizon: int):
    """Return float32[T + 1, G + 1] of policies [T + 1, B, S, A]."""
    return jax.lax.map(lambda one: hits_from_onset(world, one, goals, horizon), policies)


def _replicated(scene: _Scene) -> ReflectionTrack:
    said = forecast(scene.world, scene.policy, scene.pulls, scene.shards.preferences, scene.config)
    policies = jnp.asarray(said.policies, jnp.float32)
    world = jax.tree.map(jnp.asarray, scene.world)
    reached = _hits(world, policies, scene.goals, scene.onset.env.max_steps)
    return ReflectionTrack(
        model=REPLICATOR,
        goals=scene.goal_names,
        hits=np.asarray(reached, np.float64),
        judges=scene.world.weight @ scene.judges,
        policy=said.policies[[0, -1]],
        weights=said.path.weights,
        agent=None,
    )


def _in_weights(
    scene: _Scene, agent: Agent, model: str, discount: float, seed: int
) -> ReflectionTrack:
    env, onset = agent.env, scene.onset
    levels = onset.states.level
    few = slice(PROBE_LEVELS)
    probe = make_probe(
        env,
        jax.tree.map(lambda leaf: np.asarray(leaf)[few], levels),
        jax.tree.map(lambda leaf: leaf[few], scene.world),
        jax.tree.map(lambda leaf: jnp.asarray(leaf)[few], levels),
        discount,
        seed,
    )
    rules = tuple(name for name in RULES if name == model)
    settings = settings_of(agent.network, scene.goals, env.max_steps, scene.config)
    task = Task(
        jnp.asarray(scene.shards.preferences, jnp.float32),
        numbers_of(scene.config, discount),
        probe,
    )
    start = Onset(
        jax.tree.map(jnp.asarray, scene.world),
        views(env, levels),
        jnp.asarray(scene.judges, jnp.float32),
    )
    alone = jax.tree.map(lambda leaf: leaf[None, None], start)
    parameters = jax.tree.map(lambda leaf: leaf[None], agent.parameters)
    trace = reflect_weights(
        settings._replace(rules=rules), task, alone, parameters, jax.random.key(seed)
    )
    done = jax.tree.map(lambda leaf: leaf[0, 0, 0], trace)
    return ReflectionTrack(
        model=model,
        goals=scene.goal_names,
        hits=np.asarray(done.measured.hits, np.float64),
        judges=scene.world.weight @ scene.judges,
        policy=np.stack([scene.policy, np.asarray(done.onset_policy, np.float64)]),
        weights=None,
        agent=Agent(env, agent.network, done.parameters),
    )
