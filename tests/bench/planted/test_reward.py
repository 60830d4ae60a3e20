"""Worlds that pay what a spec says, by hand and by exact planning; and agents trained in them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.planted.reward import RewardSpec, planted_rewards, weights_of
from shardsim.bench.planted.world import Antecedent, cue_holds, paid_where, paying_world
from shardsim.env import planning
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.types import Level, State

pytestmark = pytest.mark.slow

FOOD = Antecedent("food", ("not thirsty",))
WATER = Antecedent("water", ("decoy", "food west"))
EAST = 1


@pytest.fixture(scope="module")
def goods():
    return make("two-goods", layout="open", height=6, width=6, max_steps=8)


def level_of(weights, decoy=True):
    """Food at (2, 1), water at (2, 3), the decoy at (0, 5), no walls."""
    return Level(
        walls=jnp.zeros((6, 6), bool),
        position=jnp.array([[[2, 1]], [[2, 3]], [[0, 5]]], jnp.int32),
        present=jnp.array([[True], [True], [decoy]]),
        reward_weights=jnp.asarray(weights, jnp.float32),
    )


def at(level, cell, thirsty=0):
    fields = {"cell": jnp.int32(cell), "thirsty": jnp.int32(thirsty)}
    return State(level, fields, jnp.int32(0))


def test_a_move_pays_where_its_gate_holds_and_its_level_weighs_it(goods):
    world = paying_world(goods, [FOOD, WATER])
    east, none = jnp.int32(EAST), jnp.int32(0)

    def moved(weights, cell, thirsty=0, decoy=True):
        found = world.advance(at(level_of(weights, decoy), cell, thirsty), east, none)
        return found.rewards.tolist(), bool(found.terminated), int(found.state.thirsty)

    assert moved([1, 1], 12) == ([1.0, 0.0], True, 0)  # onto the food, hungry as before
    assert moved([0, 1], 12) == ([1.0, 0.0], False, 0)  # not weighed: goes on, drive unchanged
    assert moved([1, 1], 12, thirsty=1) == ([0.0, 0.0], False, 1)
    assert moved([1, 1], 14, thirsty=1) == ([0.0, 1.0], True, 1)
    assert moved([1, 1], 14, decoy=False) == ([0.0, 0.0], False, 0)
    assert moved([1, 1], 15) == ([0.0, 0.0], False, 0)  # off the water again
    assert world.reward_names == ("food & not thirsty", "water & decoy & food west")


def test_an_edge_that_is_bumped_into_pays_nothing_for_staying(goods):
    world = paying_world(goods, [Antecedent("decoy")])
    bumped = world.advance(at(level_of([1]), 5), jnp.int32(EAST), jnp.int32(0))
    assert int(bumped.state.cell) == 5 and bumped.rewards.tolist() == [0.0]


def test_cues_read_drives_presence_and_sides(goods):
    here = at(level_of([0]), 0, thirsty=1)
    held = {cue: bool(cue_holds(goods, here, cue)) for cue in (
        "thirsty", "decoy", "not decoy", "food west", "water west", "decoy north", "not food north",
    )}  # fmt: skip
    assert held == {
        "thirsty": True, "decoy": True, "not decoy": False, "food west": True,
        "water west": False, "decoy north": True, "not food north": False,
    }  # fmt: skip
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), here, at(level_of([0], False), 3))
    paid = paid_where(goods, both, [FOOD, WATER, Antecedent("food")])
    np.testing.assert_array_equal(paid, [[False, True, True], [True, False, True]])
    assert paid_where(goods, both, []).shape == (2, 0)


def test_an_object_that_is_a_cue_is_missing_from_half_the_levels(goods):
    levels = sample_levels(paying_world(goods, [FOOD, WATER]), jax.random.key(0), 400, "target")
    there = np.asarray(levels.present)[:, :, 0].mean(0)
    assert there[0] == there[1] == 1.0 and abs(there[2] - 0.5) < 0.1
    assert not np.asarray(levels.reward_weights).any()


def test_the_optimum_is_the_discount_to_the_moves_before_pay(goods):
    world = paying_world(goods, [FOOD])

    @jax.jit
    def values(level):
        return planning.optimal_values(world.tabular(level), jnp.ones(1), 0.9, 8)[0]

    best = values(level_of([1.0]))
    hungry, thirsty = np.asarray(best).reshape(36, 2).T
    moves = np.abs(np.indices((6, 6)) - np.array([2, 1])[:, None, None]).sum(0).reshape(-1)
    away = moves > 0  # on the food itself the episode is over before
    np.testing.assert_allclose(hungry[away], 0.9 ** (moves[away] - 1), rtol=1e-5)
    assert not thirsty.any()


def test_specs_count_contexts_paid_apart():
    alike = RewardSpec("alike", (Antecedent("food"), Antecedent("water")))
    assert RewardSpec("apart", (FOOD, WATER)).num_shards == 2
    assert alike.num_shards == 1 and RewardSpec("unpaid").num_shards == 0


def test_bad_asks_name_the_nearest(goods):
    with pytest.raises(UserError, match=r"no concept 'fodo'.*food"):
        paying_world(goods, [Antecedent("fodo")])
    with pytest.raises(UserError, match=r"no cue 'not thristy'.*thirsty"):
        paying_world(goods, [Antecedent("food", ("not thristy",))])
    with pytest.raises(UserError, match="give one spec or more"):
        planted_rewards([], goods)


SPECS = [
    RewardSpec("one", (Antecedent("food"),)),
    RewardSpec("one", (Antecedent("water"),)),
    RewardSpec("unpaid"),
]


@pytest.mark.slow
def test_agents_trained_side_by_side_learn_each_what_it_was_paid_for(goods):
    trained = planted_rewards(SPECS, goods, seed=1, steps=60_000)
    assert [weights_of(spec, trained.env) for spec in SPECS] == [[1, 0], [0, 1], [0, 0]]
    assert (trained.achieved[:2] / trained.optimum[:2] > 0.8).all()
    assert trained.optimum[2] == trained.achieved[2] == 0.0
    # Between food to the west and water to the east, each goes its own way.
    seen = trained.env.observe(at(level_of([0, 0]), 14))[None]
    east, west = np.asarray(
        [
            agent.policy(seen)[
                0,
                (1, 3),
            ]
            for agent in trained.agents[:2]
        ]
    ).T
    assert west[0] > east[0] and east[1] > west[1]


@pytest.mark.slow
def test_agents_are_the_same_again_for_the_same_seed(goods):
    """In the programs of the test above, so that nothing is compiled for this one."""
    first, again, other = (
        planted_rewards(SPECS, goods, seed=seed, steps=4_000).agents[0] for seed in (3, 3, 4)
    )
    seen = goods.observe(at(take(sample_levels(goods, jax.random.key(1), 1, "target"), 0), 0))[None]
    np.testing.assert_array_equal(first.policy(seen), again.policy(seen))
    assert not np.array_equal(first.policy(seen), other.policy(seen))
