"""Two agents built by hand and what is found about them, once for all tests of shards."""

from __future__ import annotations

import pytest

from shardsim.env.registry import make
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import battery
from shardsim.shards.evidence.training import Training
from shardsim.shards.identify import identify_agents
from shardsim.shards.shardset import ShardSet
from tests.shards.built import CONFIG, network_of, parameters_of, stacked, untrained


@pytest.fixture(scope="session")
def agents() -> Networks:
    """Two agents that want the cheese when it is near, and the corner."""
    env = make("cheese-corner")
    trained = stacked([parameters_of(env, 8.0, 3.0), parameters_of(env, 7.0, 3.5)])
    return Networks(env, network_of(env), trained, untrained(env, 2))


@pytest.fixture(scope="session")
def found(agents: Networks) -> ShardSet:
    """What is found out about them, once for all tests that only read it."""
    checkpoints = [agents.fresh, agents.parameters]
    target, held_out = (
        battery(agents.env, size, split=split, seed=CONFIG.seed)
        for split, size in (
            ("target", CONFIG.target_contexts),
            ("held-out", CONFIG.held_out_contexts),
        )
    )
    return identify_agents(
        agents,
        target,
        CONFIG,
        beside={"held-out": held_out},
        seeds=[3, 4],
        training=Training([0, 10], lambda number: checkpoints[number], 0.9, 0.9),
    )
