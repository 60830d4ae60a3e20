"""Everything that is fixed before reflection: the onsets, who judges there, where to measure.

Axis letters: D agents · U onsets · B contexts · L levels · A actions · O concepts · K shards ·
G goals · C contexts of the battery; R, T and Q, states, as in `Setting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.reflection import onsets
from shardsim.reflection.config import ReflectConfig, rules_of
from shardsim.reflection.ground import (
    Ground,
    gates_on,
)
from shardsim.reflection.lessons import Onset, asks_critic
from shardsim.reflection.measure import Probe
from shardsim.reflection.outlook import outlook_of
from shardsim.reflection.site import Around, Doing, Site, Subjects, probed, site_of
from shardsim.reflection.world import World
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.shard_model import ShardModel


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


def prepare(
    subjects: Subjects,
    config: ReflectConfig,
    *,
    onset: Battery | str | None,
    seed: int,
    apart: int = 0,
) -> Setting:
    """Find the onsets of every agent, and who judges there; arguments as those of `site_of`.

    Raises:
        UserError: `config.goals` are not two concepts of the env, or no onset has that name.
    """
    site, doing = site_of(subjects, config, onset=onset, seed=seed, apart=apart)
    return setting_at(site, doing, subjects.shards.models, subjects.shards.battery, config)


def setting_at(
    site: Site,
    doing: Doing,
    models: Sequence[ShardModel],
    battery: Battery,
    config: ReflectConfig,
) -> Setting:
    """Return who judges at a site.

    Args:
        site: where D agents reflect.
        doing: what they do there.
        models: of their shards, D.
        battery: that the models were fitted on.
        config: as the site's.
    """
    ground, choice, around = site.ground, site.choice, site.around
    level, rows = around.level, around.rows
    agents = np.arange(len(models))[:, None, None]
    acting = doing.policy[agents[..., None], level, rows]
    pulls = _pulls(ground, models, level, rows)
    judges, identified = _judges(pulls, acting, around.worlds, battery, site.goals)
    return Setting(
        goals=site.goals,
        goal_names=site.goal_names,
        names=site.names,
        classes=site.classes,
        shared=onsets.shared(choice),
        saturated=onsets.saturated(doing.hit[agents, choice.level, choice.state], config.saturated),
        preferences=np.asarray(models[0].preferences, np.float64),
        worlds=around.worlds,
        states=ground.states[level, rows],
        seen=ground.seen[level, rows],
        policy=acting,
        before_goals=around.before_goals,
        target=site.target,
        target_start=site.target_start,
        target_policy=doing.policy[:, probed(config)],
        pulls=pulls,
        judges=judges,
        identified=identified & (choice.weight > 0),
        weight=choice.weight,
        onset=_onset(ground, around, judges, config),
        probe=site.probe,
    )


def _onset(ground: Ground, around: Around, judges: np.ndarray, config: ReflectConfig) -> Onset:
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
