"""Tiny runs with and without faults, each trained once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import pytest

from shardsim.agent.components import DEFAULT_COMPONENTS, Components
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.train import train
from shardsim.diagnosis.artefacts import Artefacts, of_chunks
from shardsim.env.core import Env
from shardsim.env.registry import make

Trained = Callable[..., Artefacts]


@pytest.fixture(scope="session")
def small_env() -> Env:
    """A 5x5 maze with the cheese anywhere, and time-outs."""
    return make("cheese-corner", height=5, width=5, max_steps=12, cheese_anywhere=True)


@pytest.fixture(scope="session")
def small_config() -> TrainConfig:
    """A few updates of two seeds."""
    return TrainConfig(
        seeds=2,
        total_steps=16 * 16 * 12,
        num_envs=16,
        rollout_steps=16,
        epochs=2,
        minibatches=2,
        bank_levels=64,
        bank_starts=4,
        checkpoints=4,
        evaluation_levels=8,
        network=NetworkConfig(widths=(12,)),
    )


@pytest.fixture(scope="session")
def trained(small_env, small_config) -> Trained:
    """A function that trains the small run with other components."""

    @lru_cache
    def run(components: Components = DEFAULT_COMPONENTS) -> Artefacts:
        chunks = train(small_config, jax.random.key(4), components, env=small_env)
        return of_chunks(small_env, small_config, chunks)

    return run


@pytest.fixture(scope="session")
def sound(trained) -> Artefacts:
    """The small run without any fault."""
    return trained()
