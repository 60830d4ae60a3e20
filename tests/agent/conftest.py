"""A tiny run, trained once for all tests of the agent."""

from __future__ import annotations

from typing import NamedTuple

import jax
import pytest

from shardsim.agent.components import DEFAULT_COMPONENTS
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.learner import Learner, Record
from shardsim.agent.train import Chunk, make_learner, train
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.registry import make


class TinyRun(NamedTuple):
    """A finished run of two seeds with chunks of different lengths."""

    env: Env
    config: TrainConfig
    key: jax.Array
    chunks: list[Chunk]
    learner: Learner

    def record(self, seed: int = 0) -> Record:
        """The last update of one seed."""
        record = self.chunks[-1].record
        assert record is not None
        return take(record, seed)


@pytest.fixture(scope="session")
def tiny_env() -> Env:
    """A 5x5 maze with episodes so short that many are truncated."""
    return make("cheese-corner", height=5, width=5, max_steps=6)


@pytest.fixture(scope="session")
def tiny_config() -> TrainConfig:
    """Twelve updates of four envs for eight steps."""
    return TrainConfig(
        seeds=2,
        total_steps=384,
        num_envs=4,
        rollout_steps=8,
        epochs=2,
        minibatches=2,
        bank_levels=16,
        bank_starts=4,
        checkpoints=4,
        evaluation_levels=5,
        network=NetworkConfig(widths=(8, 6)),
    )


@pytest.fixture(scope="session")
def tiny_run(tiny_env, tiny_config) -> TinyRun:
    """The run, its records as numpy arrays: to take them apart compiles nothing."""
    key = jax.random.key(3)
    chunks = [
        chunk._replace(record=jax.device_get(chunk.record))
        for chunk in train(tiny_config, key, env=tiny_env)
    ]
    return TinyRun(
        tiny_env, tiny_config, key, chunks, make_learner(tiny_env, tiny_config, DEFAULT_COMPONENTS)
    )
