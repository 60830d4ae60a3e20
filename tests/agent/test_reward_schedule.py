"""Weights of reward components that change over training."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from shardsim.agent import train as training
from shardsim.agent.components import Components
from shardsim.agent.config import RewardSchedule, TrainConfig
from shardsim.agent.reward import reward, scheduled
from shardsim.base.errors import UserError
from shardsim.env.registry import make

FALLING = RewardSchedule(component="corner", at=(0.0, 0.5, 0.75), weight=(2.0, 2.0, 0.0))


def test_weights_run_straight_between_points_and_stay_beyond_them() -> None:
    given = jnp.array([[1.0, 5.0], [0.5, 5.0]], jnp.float32)
    for progress, weight in ((0.0, 2.0), (0.5, 2.0), (0.625, 1.0), (0.75, 0.0), (1.0, 0.0)):
        now = scheduled((FALLING,), ("cheese", "corner"), given, jnp.float32(progress))
        np.testing.assert_allclose(now, [[1.0, weight], [0.5, weight]], atol=1e-6)


@pytest.mark.parametrize(
    "points", [{"at": (0.0, 1.0), "weight": (1.0,)}, {"at": (0.5, 0.2), "weight": (1.0, 1.0)}]
)
def test_points_that_do_not_fit_are_refused(points) -> None:
    with pytest.raises(ValidationError):
        RewardSchedule(component="corner", **points)


def test_a_component_is_scheduled_once_and_has_to_be_there() -> None:
    with pytest.raises(ValidationError, match="'corner' twice"):
        TrainConfig(reward_schedule=(FALLING, FALLING))
    with pytest.raises(UserError, match="no reward 'corner' to schedule"):
        scheduled((FALLING,), ("cheese",), jnp.ones(1, jnp.float32), jnp.float32(0))


@pytest.mark.slow
def test_a_replaced_reward_is_paid_by_the_schedule_and_nothing_compiles_twice(tiny_config) -> None:
    env = make("cheese-corner", height=5, width=5, max_steps=6, reward="corner=0")
    config = tiny_config.model_copy(update={"reward_schedule": (FALLING,)})
    traced = []

    def paid(*inputs):
        traced.append(1)  # Python is run only where something is compiled
        return 2.0 * reward(*inputs)

    sections = Components(reward=paid)
    chunks, compiled = [], []
    for chunk in training.train(config, jax.random.key(0), sections, env=env):
        chunks.append(chunk)
        compiled.append(len(traced))
    assert compiled[1] > 0 and set(compiled[1:]) == {compiled[1]}
    # A longer schedule with more checkpoints is the same program.
    longer = config.model_copy(update={"total_steps": 500, "checkpoints": 8})
    assert len(list(training.train(longer, jax.random.key(1), sections, env=env))) > len(chunks)
    assert len(traced) == compiled[-1]
    seen = {chunk.update: chunk.record for chunk in chunks if chunk.record is not None}
    assert len(seen) > 1
    for update, record in seen.items():
        happened = record.trajectory
        due = np.interp((update - 1) / config.updates, FALLING.at, FALLING.weight)
        weights = np.asarray(happened.states.level.reward_weights)
        np.testing.assert_allclose(weights[..., 1], due, atol=1e-6)
        np.testing.assert_allclose(
            record.rewards, 2 * (weights * np.asarray(happened.rewards)).sum(-1), atol=1e-6
        )
    assert any(np.asarray(record.trajectory.rewards)[..., 1].any() for record in seen.values())
