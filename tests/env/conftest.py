"""The worlds of the env tests, with a few levels of each analysed once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.core import Env
from shardsim.env.covariates import Analysis, analyse
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.env.types import Level

WORLDS = Path(__file__).parent / "worlds"
LEVELS = 6


class World(NamedTuple):
    """An env with L levels drawn and analysed; `traces` counts how often they were."""

    env: Env
    levels: Level
    analysis: Analysis  # numpy arrays with a leading axis L
    traces: int

    def __repr__(self) -> str:
        return f"World({self.env.name})"  # hypothesis refuses to print the arrays


@pytest.fixture(scope="session")
def worlds_folder() -> Path:
    """The folder of the envs that live in tests only."""
    return WORLDS


def _world(name: str) -> World:
    env = make(name, folders=[WORLDS], **({"height": 5, "width": 5} if name[0] == "c" else {}))
    levels = sample_levels(env, jax.random.key(7), LEVELS, "train")
    traces = []

    @jax.jit
    def solve(levels: Level) -> Analysis:
        traces.append(1)
        return jax.vmap(lambda level: analyse(env, level))(levels)

    for change in (0, 0, 1):
        weights = levels.reward_weights + jnp.float32(change)
        analysis = solve(levels.replace(reward_weights=weights))
    return World(env, levels, jax.tree.map(np.asarray, analysis), len(traces))


@pytest.fixture(scope="session", params=["slip", "key-chest", "thirst", "cheese-corner"])
def world(request) -> World:
    """Each of the test worlds, and the one that ships."""
    return _world(request.param)


@pytest.fixture(scope="session")
def slip() -> World:
    """The stochastic world."""
    return _world("slip")


@pytest.fixture(scope="session")
def key_chest() -> World:
    """The world with an item."""
    return _world("key-chest")


@pytest.fixture(scope="session")
def thirst() -> World:
    """The world with a drive."""
    return _world("thirst")


@pytest.fixture(scope="session")
def cheese() -> World:
    """The world that ships, 5x5."""
    return _world("cheese-corner")
