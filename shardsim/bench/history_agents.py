"""What agents with memory do: with an empty memory, on average over their pasts, in episodes.

Axis letters: C contexts · L levels · S states · A actions · E episodes · T steps.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from shardsim.bench.planted import recurrent
from shardsim.bench.planted.memory import MemorySpec, changes, policies
from shardsim.bench.planted.worlds import (
    Controller,
    Lived,
    Worlds,
    controlled,
    live,
    lived_policy,
    worlds_of,
)
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels
from shardsim.shards.contexts.battery import Battery, battery

STEPS = 24  # decisions of an episode, at most
LEVELS, EPISODES = 24, 8
LESSONS = 192  # levels that a network learns in
AVERAGED = 96  # episodes a level over which a network's choices are averaged


class Ground(NamedTuple):
    """What all cases of one env share."""

    battery: Battery  # C contexts, for identification
    home: np.ndarray  # int[C, 2], level and state of each
    contexts: Worlds  # their levels
    episodes: Worlds  # L levels of the episodes
    lessons: Worlds | None  # of networks


def ground(env: Env, contexts: int, seed: int, network: bool) -> Ground:
    """Draw and analyse an env's levels."""
    mine = battery(env, contexts, seed=seed)
    home, tabular = mine.tabular_model
    key = jax.random.key(seed + 1)
    return Ground(
        battery=mine,
        home=home,
        contexts=worlds_of(env, tabular.levels),
        episodes=worlds_of(env, sample_levels(env, key, LEVELS, "target")),
        lessons=worlds_of(env, sample_levels(env, key, LESSONS, "train")) if network else None,
    )


class Answers(NamedTuple):
    """What one agent does."""

    reset: np.ndarray  # float[C, A], chances with an empty memory
    lived: np.ndarray  # float[C, A], on average over its pasts
    episodes: Lived
    twin: Lived  # an agent without memory that acts as it does on average
    there: float


def controller(spec: MemorySpec, worlds: Worlds) -> Controller:
    """Return a planted agent as tables over some levels."""
    return Controller(policies(spec, worlds), changes(spec, worlds), np.asarray(spec.begin))


def _plain(policy: np.ndarray) -> Controller:
    """The agent without memory that a policy [L, S, A] is."""
    return Controller(policy[:, :, None], np.ones((*policy.shape[:2], 1, 1)), np.ones(1))


def ask_rule(spec: MemorySpec, on: Ground, seed: int) -> Answers:
    """Ask a planted agent, exactly; its episodes are drawn."""
    there, here = controller(spec, on.contexts), controller(spec, on.episodes)
    at = tuple(on.home.T)
    average = lived_policy(here, on.episodes.dynamics, STEPS)
    lived = live(controlled(here), on.episodes.dynamics, EPISODES, STEPS, seed)
    return Answers(
        reset=np.einsum("m,lsma->lsa", there.begin, there.policy)[at],
        lived=lived_policy(there, on.contexts.dynamics, STEPS)[at],
        episodes=lived,
        twin=_twin(average, on, seed),
        there=_told(lived, average),
    )


def ask_network(spec: MemorySpec, on: Ground, seed: int) -> Answers:
    """Teach a network, and ask it; what it does on average is estimated from many episodes."""
    assert on.lessons is not None
    made = recurrent.taught(controller(spec, on.lessons), on.lessons, STEPS, seed)
    resets, averages = [], []
    for worlds in (on.contexts, on.episodes):
        mind = recurrent.minded(*made, worlds)
        resets.append(recurrent.forgetful(*made, worlds))
        many = live(mind, worlds.dynamics, AVERAGED, STEPS, seed + 7)
        averages.append(recurrent.averaged(many, resets[-1]))
    at = tuple(on.home.T)
    mind = recurrent.minded(*made, on.episodes)
    lived = live(mind, on.episodes.dynamics, EPISODES, STEPS, seed)
    twin = _twin(averages[1], on, seed)
    return Answers(resets[0][at], averages[0][at], lived, twin, _told(lived, averages[1]))


def _twin(average: np.ndarray, on: Ground, seed: int) -> Lived:
    return live(controlled(_plain(average)), on.episodes.dynamics, EPISODES, STEPS, seed + 1)


def _told(lived: Lived, average: np.ndarray) -> float:
    """Bits a decision by which the past tells more than the state: what there is to be saved."""
    picked = lived.action[..., None]
    past = np.take_along_axis(lived.chance, picked, -1)
    state = np.take_along_axis(average[lived.level[:, None], lived.state], picked, -1)
    ratio = np.log2(np.maximum(past, 1e-12)) - np.log2(np.maximum(state, 1e-12))
    return float(ratio[..., 0][lived.deciding].mean())
