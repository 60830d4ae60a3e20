"""What a memory does in trained networks that have one: asked empty, as they live, and in episodes.

Their shards are those of the policy that begins every context with an empty memory. Here stands by
how much that misses what they do, what identification says of how they act on average over the
pasts that lead to a context, and whether the past tells more of their choices than the state.
Axis letters: S agents (seeds) · L levels · N states of a level · A actions · D units.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from shardsim.agent.network import RecurrentNetwork
from shardsim.agent.policy import capture
from shardsim.base.parallel import each
from shardsim.base.progress import SILENT, Progress
from shardsim.base.statistics import Bounds, plain_interval
from shardsim.env.levels import all_states, take
from shardsim.shards.agents import Networks
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery, observations_of
from shardsim.shards.describe import short_names
from shardsim.shards.fit.data import decisions_on, whole_levels
from shardsim.shards.fit.fit import ModelFit, fit
from shardsim.shards.history import episodes
from shardsim.shards.history.memory import Memory, memory_of
from shardsim.shards.history.worlds import (
    Lived,
    Mind,
    Worlds,
    averaged,
    controlled,
    divergence,
    live,
    memoryless,
    told,
    worlds_of,
)

STEPS = 32  # decisions of an episode, at most
AVERAGED = 96  # episodes a level over which choices are averaged
LEVELS, EPISODES = 24, 8  # of the models of whole episodes
POSITIVE: Bounds = (0.0, np.inf)  # of divergences
AT_ONCE = 16  # levels whose observations are held in memory


class Views(NamedTuple):
    """What agents make of every state of some levels, whatever they remember."""

    hidden: np.ndarray  # float32[S, L, N, D], output of the last dense layer
    empty: np.ndarray  # float32[S, L, N, A], chances of actions with an empty memory


class Remembered(NamedTuple):
    """What one agent's memory does. Bits are of one decision."""

    gap: float  # by which the policy with an empty memory misses what it does in its episodes
    told: float  # by which its past tells more than its state
    memory: Memory
    lived: ModelFit  # of how it acts on average over its pasts


def remembered(
    agents: Networks, on: Battery, config: IdentifyConfig, progress: Progress = SILENT
) -> list[Remembered]:
    """Ask S networks with a memory, on whole levels of a battery with `null_contexts` contexts."""
    few = on.take(whole_levels(on.level_index, config.null_contexts, config.seed))
    home, tabular = few.tabular_model
    worlds = worlds_of(few.env, tabular.levels)
    views = views_of(agents, worlds)
    assert isinstance(agents.network, RecurrentNetwork)
    network = agents.network

    def one(agent: int) -> Remembered:
        own = Views(views.hidden[agent], views.empty[agent])
        mind = minded(network, take(agents.parameters, agent), own)
        with threadpool_limits(limits=1):  # small matrices: threads cost more than they give
            return _of_one(mind, own, worlds, (few, home), config)

    return list(each(one, range(len(views.hidden)), progress))


def _of_one(
    mind: Mind,
    views: Views,
    worlds: Worlds,
    contexts: tuple[Battery, np.ndarray],
    config: IdentifyConfig,
) -> Remembered:
    few, home = contexts
    steps, seed = min(STEPS, worlds.env.max_steps), config.seed
    many = live(mind, worlds.dynamics, AVERAGED, steps, seed + 7)
    average = averaged(many, views.empty)
    logits = np.log(np.maximum(average[tuple(home.T)], 1e-9))
    model = fit(decisions_on(few, logits), max_shards=config.max_shards, seed=seed)
    some, mine = _first(worlds), average[:LEVELS]
    lived = live(mind, some.dynamics, EPISODES, steps, seed)
    twin = live(controlled(memoryless(mine)), some.dynamics, EPISODES, steps, seed + 1)
    own, other = (episodes.model_bits(model, which, some) for which in (lived, twin))
    given, again = (episodes.sequences(which, some) for which in (lived, twin))
    return Remembered(
        gap=missed(many, views.empty),
        told=told(lived, mine),
        memory=memory_of(given, again, {"shards": (own, other)}, seed=seed),
        lived=model,
    )


def missed(lived: Lived, empty: np.ndarray) -> float:
    """Bits a decision by which chances [L, N, A] with an empty memory miss those of episodes."""
    here = empty[lived.level[:, None], lived.state]
    return float(divergence(lived.chance, here)[lived.deciding].mean())


def _first(worlds: Worlds) -> Worlds:
    """The first `LEVELS` levels."""
    some = jax.tree.map(lambda leaf: leaf[:LEVELS], worlds._replace(env=None))
    return some._replace(env=worlds.env)


def views_of(agents: Networks, worlds: Worlds) -> Views:
    """Run all agents in every state of every level, each with an empty memory."""
    env, network = worlds.env, agents.network
    last, found = f"dense_{len(network.widths)}", []
    count = len(worlds.blocked)
    for first in range(0, count, AT_ONCE):
        levels = take(worlds.levels, slice(first, first + AT_ONCE))
        seen = observations_of(env, all_states(env, levels))
        output = capture(network, agents.parameters, seen)
        found.append((output.activations[last], np.asarray(jax.nn.softmax(output.logits))))
    hidden, chance = (np.concatenate(parts, 1) for parts in zip(*found, strict=True))
    shape = (len(hidden), count, env.num_states)
    return Views(hidden.reshape(*shape, -1), chance.reshape(*shape, -1))


def minded(network: RecurrentNetwork, parameters: Any, views: Views) -> Mind:
    """Return the agent that a network is in some levels; `views` without the axis S."""
    form: Any = network  # pyright takes modules of flax for unhashable
    act, learn, begin = _steps_of(form)
    return Mind(act, learn, (parameters, jnp.asarray(views.hidden)), begin)


@lru_cache(maxsize=8)
def _steps_of(network: RecurrentNetwork):
    """Functions of one identity for each network's form, so that episodes compile once."""

    def act(given, memory, level, state):
        parameters, hidden = given
        memory, logits = network.go_on(parameters, memory, hidden[level, state][None])
        chance = jax.nn.softmax(logits[0])
        return chance, chance, memory

    def learn(given, memory, level, after, action, key):
        return memory

    def begin(given, key):
        return network.empty_memory(1)

    return act, learn, begin


def values_of(found: list[Remembered], concepts: Sequence[str]) -> dict[str, Any]:
    """Return the variables of `shards.nc`; `concepts` are names on the axis O of preferences."""
    saved = [one.memory.saved for one in found]
    return {
        "memory_gap": [one.gap for one in found],
        "memory_told": [one.told for one in found],
        "memory_saved": [one.mean for one in saved],
        "memory_saved_interval": [[one.low, one.high] for one in saved],
        "memory_saved_twin": [one.memory.twin for one in found],
        "remembers": [one.memory.remembers for one in found],
        "lived_verdict": [one.lived.verdict for one in found],
        "lived_shards": [one.lived.num_shards for one in found],
        "lived_names": [", ".join(short_names(one.lived.preferences, concepts)) for one in found],
        "lived_explained": [one.lived.explained for one in found],
    }


def summary(data: xr.Dataset) -> dict[str, Any]:
    """Return plain values of agents with a memory; nothing of others."""
    if "remembers" not in data:
        return {}
    said = {
        name: plain_interval(np.atleast_1d(data[f"memory_{name}"].values), within=within)
        for name, within in (("gap", POSITIVE), ("told", POSITIVE), ("saved", None))
    }
    own = {name: np.atleast_1d(data[name].values).tolist() for name in _OWN}
    return {"memory": said | own}


_OWN = ("remembers", "lived_verdict", "lived_shards", "lived_names", "lived_explained")
