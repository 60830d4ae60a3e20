"""What agents with memory do: with an empty memory, on average over their pasts, in episodes.

Axis letters: C contexts · L levels · S states · A actions · E episodes · T steps.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from shardsim.bench.planted import recurrent
from shardsim.bench.planted.memory import MemorySpec, changes, policies
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.history.forward_backward import forward_backward
from shardsim.shards.history.worlds import (
    Controller,
    Lived,
    Worlds,
    averaged,
    controlled,
    divergence,
    live,
    lived_policy,
    memoryless,
    together,
    told,
    worlds_of,
)

STEPS = 24  # decisions of an episode, at most
LEVELS, EPISODES = 24, 8
AVERAGED = 96  # episodes a level over which a network's choices are averaged


class Ground(NamedTuple):
    """What all cases of one env share."""

    battery: Battery  # C contexts, for identification
    home: np.ndarray  # int[C, 2], level and state of each
    contexts: Worlds  # their levels
    episodes: Worlds  # L levels of the episodes

    @property
    def lessons(self) -> Worlds:
        """Levels that networks are taught in: those in which they are asked."""
        return together(self.contexts, self.episodes)


def ground(env: Env, contexts: int, seed: int) -> Ground:
    """Draw and analyse an env's levels."""
    mine = battery(env, contexts, seed=seed)
    home, tabular = mine.tabular_model
    key = jax.random.key(seed + 1)
    return Ground(
        battery=mine,
        home=home,
        contexts=worlds_of(env, tabular.levels),
        episodes=worlds_of(env, sample_levels(env, key, LEVELS, "target")),
    )


class Answers(NamedTuple):
    """What one agent does."""

    reset: np.ndarray  # float[C, A], chances with an empty memory
    lived: np.ndarray  # float[C, A], on average over its pasts
    episodes: Lived
    twin: Lived  # an agent without memory that acts as it does on average
    there: float  # bits a decision by which its past tells more than its state
    held: np.ndarray  # float64[K], part of its decisions in which it held each planted goal
    gap: float  # bits a decision by which a network misses the rule, in the rule's episodes
    gap_reset: float  # the same with an empty memory, in the contexts


def controller(spec: MemorySpec, worlds: Worlds) -> Controller:
    """Return a planted agent as tables over some levels."""
    return Controller(policies(spec, worlds), changes(spec, worlds), np.asarray(spec.begin))


def ask_rule(spec: MemorySpec, on: Ground, seed: int) -> Answers:
    """Ask a planted agent, exactly; its episodes are drawn."""
    there, here = controller(spec, on.contexts), controller(spec, on.episodes)
    at = tuple(on.home.T)
    average = lived_policy(here, on.episodes.dynamics, STEPS)
    lived = live(controlled(here), on.episodes.dynamics, EPISODES, STEPS, seed)
    return Answers(
        reset=_emptied(there)[at],
        lived=lived_policy(there, on.contexts.dynamics, STEPS)[at],
        episodes=lived,
        twin=_twin(average, on, seed),
        there=told(lived, average),
        held=held(spec, here, lived),
        gap=0.0,
        gap_reset=0.0,
    )


def ask_network(spec: MemorySpec, on: Ground, seed: int) -> Answers:
    """Teach a network, and ask it; what it does on average is estimated from many episodes."""
    lessons = on.lessons
    made = recurrent.taught(controller(spec, lessons), lessons, STEPS, seed)
    resets, averages = [], []
    for worlds in (on.contexts, on.episodes):
        mind = recurrent.minded(made, worlds)
        resets.append(recurrent.forgetful(made, worlds))
        many = live(mind, worlds.dynamics, AVERAGED, STEPS, seed + 7)
        averages.append(averaged(many, resets[-1]))
    at, rule = tuple(on.home.T), controller(spec, on.episodes)
    empty = _emptied(controller(spec, on.contexts))[at]
    mind = recurrent.minded(made, on.episodes)
    lived = live(mind, on.episodes.dynamics, EPISODES, STEPS, seed)
    shown = live(controlled(rule), on.episodes.dynamics, EPISODES, STEPS, seed + 3)
    return Answers(
        reset=resets[0][at],
        lived=averages[0][at],
        episodes=lived,
        twin=_twin(averages[1], on, seed),
        there=told(lived, averages[1]),
        held=held(spec, rule, lived),
        gap=recurrent.missed(made, on.episodes, shown),
        gap_reset=float(divergence(empty, resets[0][at]).mean()),
    )


def _emptied(agent: Controller) -> np.ndarray:
    """Return float64[L, S, A]: what an agent does in each state with the memory it begins with."""
    return np.einsum("m,lsma->lsa", agent.begin, agent.policy)


def _twin(average: np.ndarray, on: Ground, seed: int) -> Lived:
    return live(controlled(memoryless(average)), on.episodes.dynamics, EPISODES, STEPS, seed + 1)


def held(spec: MemorySpec, agent: Controller, lived: Lived) -> np.ndarray:
    """Return float64[K]: the part of the decisions in which each planted goal was held.

    Expected by exact inference of the planted memory from whole episodes; for a network, of the
    rule that it was taught, from the network's episodes.
    """
    at = lived.level[:, None], lived.state
    chance = np.asarray(agent.policy)[at].astype(np.float64)  # [E, T, M, A]
    logs = np.log(np.take_along_axis(chance, lived.action[:, :, None, None], -1)[..., 0])
    logs = np.where(lived.deciding[..., None], logs, 0.0)
    begin = np.broadcast_to(agent.begin, (len(logs), logs.shape[2]))
    change = np.asarray(agent.change)[at][:, 1:].astype(np.float64)
    state = forward_backward(begin, change, logs).state[lived.deciding].mean(0)
    return np.bincount(spec.goal_of, state, spec.num_goals)
