"""A small world and batteries of it, made once for all tests of shards."""

from __future__ import annotations

import pytest

from shardsim.env.core import Env
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.population import Agents, Population, identify_population
from tests.shards.built import CONFIG, network_of, parameters_of, stacked, untrained


@pytest.fixture(scope="session")
def corner_env() -> Env:
    """A 5x5 cheese-corner maze."""
    return make("cheese-corner", height=5, width=5)


@pytest.fixture(scope="session")
def corner_battery(corner_env) -> Battery:
    """240 contexts of target levels."""
    return battery(corner_env, 240, seed=4)


@pytest.fixture(scope="session")
def agents() -> Agents:
    """Two agents that want the cheese when it is near, and the corner."""
    env = make("cheese-corner")
    trained = stacked([parameters_of(env, 8.0, 3.0), parameters_of(env, 7.0, 3.5)])
    return Agents(env, network_of(env), trained, untrained(env, 2))


@pytest.fixture(scope="session")
def found(agents: Agents) -> Population:
    """What is found out about them, once for all tests that only read it."""
    return identify_population(agents, CONFIG)
