"""Checkpoints: consecutive pairs, and the same after writing and reading."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from shardsim.agent import checkpoint as checkpoints
from shardsim.agent.config import TrainConfig
from shardsim.base.arrays import from_bytes, to_bytes

pytestmark = pytest.mark.slow


def test_a_checkpoint_is_a_consecutive_pair(tiny_run):
    kept = checkpoints.of_chunk(tiny_run.chunks[-1])
    np.testing.assert_array_equal(kept.optimiser[1].count, kept.previous_optimiser[1].count + 1)
    moved = jax.tree.map(
        lambda new, old: bool(np.any(new != old)), kept.parameters, kept.previous_parameters
    )
    assert all(jax.tree.leaves(moved))


def test_the_first_checkpoint_is_untrained(tiny_run):
    kept = checkpoints.of_chunk(tiny_run.chunks[0])
    assert to_bytes(kept.parameters) == to_bytes(kept.previous_parameters)
    assert not np.any(kept.optimiser[1].count)


def test_templates_have_the_shapes_of_the_real_thing(tiny_run):
    env, config = tiny_run.env, tiny_run.config
    last = tiny_run.chunks[-1]
    for template, real in (
        (checkpoints.checkpoint_template(env, config), checkpoints.of_chunk(last)),
        (checkpoints.record_template(env, config), last.record),
    ):
        again = from_bytes(to_bytes(real), template)
        assert to_bytes(again) == to_bytes(real)


def test_minibatches_must_divide_the_rollout():
    with pytest.raises(ValidationError, match="minibatches"):
        TrainConfig(num_envs=3, rollout_steps=3, minibatches=2)
    with pytest.raises(ValidationError, match=r"leave 1 row in each"):
        TrainConfig(num_envs=4, rollout_steps=4, minibatches=16)
    with pytest.raises(ValidationError, match=r"leave 1 row in each"):
        TrainConfig(num_envs=1, rollout_steps=1, minibatches=1)
    assert TrainConfig(num_envs=1, rollout_steps=2, minibatches=1).minibatches == 1
    assert TrainConfig(total_steps=2049).updates == 2
