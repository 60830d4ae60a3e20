"""What is asked of networks with a memory, against running them step by step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from shardsim.agent.config import NetworkConfig
from shardsim.agent.network import build_network
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.shards import decide
from shardsim.shards.agents import Networks
from shardsim.shards.fit.verdict import CANNOT_TELL, SHARDS
from shardsim.shards.history import remembered
from shardsim.shards.history.remembered import Views, minded, missed, views_of
from shardsim.shards.history.worlds import live, worlds_of

STEPS = 6


@pytest.fixture(scope="module")
def worlds():
    env = make("cheese-corner", height=5, width=5, max_steps=16)
    return worlds_of(env, sample_levels(env, jax.random.key(3), 3, "target"))


@pytest.fixture(scope="module")
def agents(worlds):
    """One untrained network whose weights are so large that its memory changes what it does."""
    network = build_network(NetworkConfig(kind="recurrent", widths=(6,)), worlds.env)
    seen = jnp.zeros((1, *worlds.env.observation_shape), jnp.float32)
    parameters = network.init(jax.random.key(0), seen)
    large = jax.tree.map(lambda leaf: 3 * leaf[None], parameters)
    large["params"]["actor"]["kernel"] *= 100
    return Networks(worlds.env, network, large)


@pytest.fixture(scope="module")
def lived(agents, worlds):
    views = views_of(agents, worlds)
    own = Views(views.hidden[0], views.empty[0])
    mind = minded(agents.network, take(agents.parameters, 0), own)
    return own, live(mind, worlds.dynamics, 5, STEPS, 1)


def test_episodes_are_those_of_the_network_run_step_by_step(agents, worlds, lived):
    _, found = lived
    parameters, env = take(agents.parameters, 0), worlds.env
    for episode in (0, 7, 14):
        memory = agents.network.empty_memory(1)
        level = take(worlds.levels, int(found.level[episode]))
        for step in np.flatnonzero(found.deciding[episode]):
            state = env.state_at(level, jnp.int32(found.state[episode, step]))
            output = agents.network.run(parameters, env.observe(state)[None], memory=memory)
            memory, chance = output.memory, jax.nn.softmax(output.logits[0])
            np.testing.assert_allclose(found.chance[episode, step], chance, atol=1e-5)


def test_the_gap_is_that_of_an_empty_memory(agents, lived):
    own, found = lived
    assert missed(found, own.empty) > 0.01
    first = found._replace(deciding=found.deciding & (np.arange(STEPS) == 0))
    assert missed(first, own.empty) == pytest.approx(0.0, abs=1e-6)  # nothing happened yet


@pytest.mark.parametrize(("remembers", "verdict"), [([1, 1, 0], CANNOT_TELL), ([1, 0], SHARDS)])
def test_most_agents_must_remember_for_their_verdict_to_fall(remembers, verdict):
    count = len(remembers)
    data = xr.Dataset(
        {
            "own_verdict": ("seed", [SHARDS] * count),
            "shardness_by_level": (("seed", "level"), np.full((count, 5), 0.1) + np.eye(count, 5)),
            "explained": ("seed", np.full(count, 0.8)),
            "remembers": ("seed", np.array(remembers, bool)),
        },
        {"shard": [1, 2]},
    )
    assert decide.verdict(data) == verdict
    assert decide.verdict(data.drop_vars("remembers")) == SHARDS


def test_agents_without_a_memory_have_nothing_to_tell():
    assert remembered.summary(xr.Dataset()) == {}
