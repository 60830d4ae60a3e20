"""The loop: schedule, reproducibility, resumption, divergence.

That training teaches is asserted in `tests/bench/planted/test_reward.py`, and that it is compiled
once in `test_reward_schedule.py`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent import checkpoint as checkpoints
from shardsim.agent.config import TrainConfig
from shardsim.agent.divergence import first_bad
from shardsim.agent.loss import LossParts
from shardsim.agent.metrics import Metrics
from shardsim.agent.train import Diverged, chunk_means, phases, schedule, train
from shardsim.base.arrays import from_bytes, to_bytes
from shardsim.base.errors import UserError


def test_the_schedule_is_dense_early_and_holds_every_phase():
    config = TrainConfig(total_steps=2048 * 400, checkpoints=16)
    plan = schedule(config)
    assert plan[:3] == [0, 1, 2] and plan[-1] == config.updates == 400
    assert plan == sorted(set(plan)) and set(phases(config)) <= set(plan)
    assert phases(config) == [7, 54, 180, 400]
    assert np.all(np.diff(plan, n=2) >= 0)
    assert len(plan) <= 1 + config.checkpoints


def test_chunks_follow_the_schedule_and_keep_records_at_the_phases(tiny_run):
    assert [chunk.update for chunk in tiny_run.chunks] == schedule(tiny_run.config)
    kept = [chunk.update for chunk in tiny_run.chunks if chunk.record is not None]
    assert kept == phases(tiny_run.config)
    assert len({*np.diff(schedule(tiny_run.config))}) > 1
    for chunk in tiny_run.chunks[1:]:
        assert {"return", "length", "gradient_norm"} <= set(chunk.metrics)
        assert all(np.isfinite(value).all() for value in chunk.metrics.values())
        assert chunk.metrics["return"].shape == (2,)
        assert set(chunk.evaluation) == {"train", "held-out", "target"}


def test_returns_and_lengths_are_missing_where_no_episode_has_finished():
    two = np.array([6.0, 0.0], np.float32)
    loss = LossParts(two, two, two, two)
    means = chunk_means(Metrics(np.array([3.0, 0.0]), two, two, loss, two), 2)
    np.testing.assert_array_equal(means["return"], [2.0, np.nan])
    np.testing.assert_array_equal(means["length"], [2.0, np.nan])
    np.testing.assert_array_equal(means["gradient_norm"], [3.0, 0.0])


@pytest.mark.slow
def test_the_seeds_differ_and_each_is_what_it_is_alone(tiny_run):
    parameters = jax.tree.leaves(tiny_run.chunks[-1].carry.parameters)
    assert any(np.any(leaf[0] != leaf[1]) for leaf in parameters)
    alone = tiny_run.config.model_copy(update={"seeds": 1, "first_seed": 1})
    last = list(train(alone, tiny_run.key, env=tiny_run.env))[-1]
    for both, one in zip(parameters, jax.tree.leaves(last.carry.parameters), strict=True):
        np.testing.assert_array_equal(both[1], one[0])


def test_the_same_seed_gives_the_same_bytes(tiny_run):
    again = list(train(tiny_run.config, tiny_run.key, env=tiny_run.env))
    for first, second in zip(tiny_run.chunks, again, strict=True):
        assert to_bytes(first.carry) == to_bytes(second.carry)
        assert to_bytes(first.evaluation) == to_bytes(second.evaluation)
    assert to_bytes(tiny_run.chunks[-1].record) == to_bytes(again[-1].record)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_resumed_run_equals_the_uninterrupted_one(tiny_run, at):
    kept = to_bytes(tiny_run.chunks[at].carry)
    template = checkpoints.carry_template(tiny_run.env, tiny_run.config)
    carry = from_bytes(kept, template)
    rest = list(train(tiny_run.config, tiny_run.key, env=tiny_run.env, resume=carry))
    wanted = tiny_run.chunks[at + 1 :]
    assert [chunk.update for chunk in rest] == [chunk.update for chunk in wanted]
    for got, want in zip(rest, wanted, strict=True):
        assert to_bytes(got.carry) == to_bytes(want.carry)
        for name, value in want.metrics.items():
            np.testing.assert_array_equal(got.metrics[name], value)


def test_divergence_stops_the_run_and_names_the_seeds(tiny_run):
    carry = tiny_run.chunks[1].carry
    broken = jax.tree.map(lambda leaf: leaf.at[1].set(jnp.nan), carry.parameters)
    going = train(
        tiny_run.config,
        tiny_run.key,
        env=tiny_run.env,
        resume=carry._replace(parameters=broken),
    )
    with pytest.raises(Diverged, match=r"seed 1 are not finite from .*learning_rate") as caught:
        next(going)
    assert isinstance(caught.value, UserError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("count", "began"), [(1, 1), (2, 1), (100, 37), (100, 100), (127, 1)])
def test_the_update_at_which_training_diverged_is_found_by_bisection(count: int, began: int):
    asked: list[int] = []

    def is_bad(update: int) -> bool:
        asked.append(update)
        return update >= began

    assert first_bad(count, is_bad) == began
    assert len(asked) <= (count - 1).bit_length()
