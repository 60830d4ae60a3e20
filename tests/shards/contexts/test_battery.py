"""Batteries against their definition: contexts, fields, weights, and the way to disk and back."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.covariates import analyse
from shardsim.env.levels import take
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery, load_battery

pytestmark = pytest.mark.slow


def test_every_field_is_what_the_exact_analysis_says(corner_env, corner_battery):
    for index in (0, 17, 101, 239):
        state = take(corner_battery.states, index)
        analysis = analyse(corner_env, state.level)
        number = int(corner_env.index_of(state))
        assert np.allclose(corner_battery.advantages[index], analysis.advantage[number])
        assert np.array_equal(corner_battery.blocked[index], analysis.blocked[number])
        assert np.array_equal(corner_battery.distance[index], analysis.distance[number])
        assert np.array_equal(corner_battery.observations[index], corner_env.observe(state))
        distance = corner_battery.covariates["distance_cheese"][index]
        assert distance == analysis.distance[number, 0]


def test_only_decisions_are_contexts(corner_battery):
    assert (corner_battery.distance[:, 0] >= 1).all()  # on the cheese the episode is over
    assert (corner_battery.distance[:, 2] == 0).any()  # the corner ends nothing
    assert corner_battery.size == 240
    pairs = np.stack([corner_battery.level_index, np.asarray(corner_battery.states.cell)], 1)
    assert len(np.unique(pairs, axis=0)) == 240


def test_weights_lead_back_to_the_uniform_distribution(corner_env):
    whole = battery(corner_env, 900, seed=2)
    near = whole.distance[:, 0] == 1
    plain, weighted = near.mean(), whole.weight[near].sum() / whole.weight.sum()
    exact = _share_next_to_cheese(corner_env, seed=2, count=75)
    assert abs(weighted - exact) < 0.02
    assert plain > weighted  # the stratum is drawn more often than it occurs
    assert np.isclose(whole.weight.mean(), 1.0, atol=1e-5)


def _share_next_to_cheese(env, seed, count):
    """The share of decision states next to the cheese, every level and state counted."""
    from shardsim.shards.contexts.battery import _levels
    from shardsim.shards.contexts.sampling import survey

    found = survey(env, _levels(env, count, "uniform", "target", seed))
    decision = np.asarray(found.decision)
    near = (np.asarray(found.distance)[..., 0] == 1) & decision
    return (near.sum(1) / decision.sum(1)).mean()


def test_the_same_seed_gives_the_same_battery(corner_env, corner_battery):
    again = battery(corner_env, 240, seed=4)
    other = battery(corner_env, 240, seed=5)
    assert np.array_equal(again.observations, corner_battery.observations)
    assert np.array_equal(again.weight, corner_battery.weight)
    assert not np.array_equal(other.observations, corner_battery.observations)


def test_on_policy_contexts_weigh_as_often_as_they_are_met(corner_env):
    def north(observations):
        return np.tile(np.array([50.0, 0.0, 0.0, 0.0], np.float32), (len(observations), 1))

    met = battery(corner_env, 300, kind="on-policy", policy=north, seed=1)
    stuck = met.blocked[:, 0]
    # Starts are uniform; whoever goes north only spends nearly all 64 steps against a wall.
    assert met.weight[stuck].sum() / met.weight.sum() > 0.9


def test_off_distribution_levels_lack_objects(corner_env):
    odd = battery(corner_env, 300, kind="off-distribution", seed=1)
    gone = ~odd.reachable[:, 0]
    assert 0.02 < gone.mean() < 0.6
    assert (odd.advantages[gone, :, 0] == 0).all()
    assert np.isinf(odd.distance[gone, 0]).all()


def test_taking_contexts_keeps_everything_aligned(corner_battery):
    index = np.array([5, 200, 3])
    part = corner_battery.take(index)
    assert np.array_equal(part.advantages, corner_battery.advantages[index])
    assert np.array_equal(part.covariates["row"], corner_battery.covariates["row"][index])
    assert np.array_equal(part.states.cell, np.asarray(corner_battery.states.cell)[index])
    ratio = corner_battery.weight[index] / part.weight
    assert np.allclose(ratio, ratio[0])
    mask = np.arange(240) < 7
    assert corner_battery.take(mask).size == 7


def test_a_battery_survives_the_disk(corner_battery, tmp_path):
    corner_battery.save(tmp_path / "battery.safetensors")
    back = load_battery(tmp_path / "battery.safetensors")
    assert back.env == corner_battery.env
    assert (back.kind, back.split, back.seed) == ("uniform", "target", 4)
    mine, theirs = jax.tree.leaves(corner_battery.states), jax.tree.leaves(back.states)
    assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert np.array_equal(back.observations, corner_battery.observations)
    assert set(back.covariates) == set(corner_battery.covariates)
    assert isinstance(back.states.cell, jnp.ndarray)


def test_numpys_numbers_draw_the_same_battery(corner_env, corner_battery):
    again = battery(corner_env, np.int64(240), seed=np.int64(4))
    assert np.array_equal(again.observations, corner_battery.observations)
    assert type(again.seed) is int  # a header of JSON holds it


def test_bad_input_is_told_in_one_line(corner_env, corner_battery, tmp_path):
    with pytest.raises(UserError, match="did you mean 'uniform'"):
        battery(corner_env, 10, kind="unifrom")
    with pytest.raises(UserError, match="needs policy"):
        battery(corner_env, 10, kind="on-policy")
    for wrong in (0, -1, 2.5, None):  # unwrapped, since only these tests check annotations
        with pytest.raises(UserError, match="size must be a whole number of at least 1"):
            inspect.unwrap(battery)(corner_env, wrong)
    with pytest.raises(UserError, match="seed must be a whole number from 0"):
        battery(corner_env, 10, seed=-1)
    with pytest.raises(UserError, match="cannot read the battery"):
        load_battery(tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="holds no battery"):
        load_battery(tmp_path / "bad")
    corner_battery.save(tmp_path / "cut")
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-9])
    with pytest.raises(UserError, match="damaged"):
        load_battery(tmp_path / "cut")


def test_another_size_of_grid_works_too():
    env = make("cheese-corner", height=7, width=5)
    whole = battery(env, 50)
    assert whole.observations.shape == (50, 7, 5, 5)
