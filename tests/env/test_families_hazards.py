"""Families with lava and with a leader, on hand-made levels, and what their knobs shift."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import placing
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.text import level_from_text
from tests.env.hand_made import at, drawn, moves_apart, walk, worth

pytestmark = pytest.mark.slow


def test_lava_costs_at_each_step_and_ends_the_episode_if_told():
    text = "@ . l c .\n. # # . #\n. . . . d"
    env = make("lava-land", height=3, width=5, lava_cells=5)
    level = level_from_text(env, text)
    _, paid, over = walk(env, at(env, level, 0, 0), "eeee")
    assert paid == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    assert over[:3] == [False, False, True]
    # Three moves through the lava, or seven around it.
    assert worth(env, level, at(env, level, 0, 0), 0.9) == pytest.approx(0.9**6)
    mild = level.replace(reward_weights=jnp.array([1.0, -0.1]))
    assert worth(env, mild, at(env, mild, 0, 0), 0.9) == pytest.approx(0.9**2 - 0.1 * 0.9)
    ends = make("lava-land", height=3, width=5, lava_cells=5, lava_ends=True)
    _, paid, over = walk(ends, at(ends, level, 0, 0), "ee")
    assert over == [False, True]
    mild = level_from_text(ends, text + "\nweights: 1 -0.1")
    assert worth(ends, mild, at(ends, mild, 0, 0), 0.9) == pytest.approx(0.9**6)


def test_lava_lies_close_to_the_cheese_on_target_levels_and_nowhere_in_training():
    for split, share, expected in (("train", 0.0, 0), ("train", 1.0, 6), ("target", 0.0, 6)):
        _, levels = drawn("lava-land", split, lava_share=share)
        pool = levels.present[:, 1]
        assert set(pool.sum(axis=1)) == {expected}
        cells = levels.position[:, 1]
        assert len({tuple(cell) for cell in cells[0][pool[0]].tolist()}) == expected
        if expected:
            away = moves_apart(levels.walls, levels.position[:, 0, 0], cells[:, 0])
            assert set(away) <= {2, 3}
            for thing in (0, 2):
                on_it = np.all(levels.position[:, thing, :1] == cells, axis=-1) & pool
                assert not on_it.any()


def led(text: str, leader: tuple[int, int], order: tuple[int, int, int], **params):
    """A level of follow-me whose leader has an order of its own."""
    env = make("follow-me", height=3, width=5, **params)
    walls = jnp.array([[letter == "#" for letter in line.split()] for line in text.splitlines()])
    cells = {letter: divmod(text.replace("\n", " ").split().index(letter), 5) for letter in "123"}
    beacons = jnp.array([cells[letter] for letter in "123"], jnp.int32)
    plain = sample_levels(env, jax.random.key(0), 1, "train")
    level = take(plain, 0).replace(
        walls=walls,
        position=jnp.stack([beacons, jnp.zeros((3, 2), jnp.int32).at[0].set(jnp.array(leader))]),
        present=jnp.array([[True] * 3, [True, False, False]]),
        order=jnp.array(order, jnp.int32),
        way=jax.vmap(partial(placing.next_cells, walls))(beacons),
    )
    return env, level


CORRIDOR = "1 . 2 . 3\n# # . # #\n# # . # #"


def test_beacons_pay_in_their_order_and_show_only_while_lit():
    env, level = led(CORRIDOR, (0, 1), (0, 1, 2))
    state, paid, over = walk(env, at(env, level, 0, 1), "eww")
    assert paid == [[0.0], [0.0], [1.0]]
    assert np.argwhere(np.asarray(env.goal_mask(state, "beacon"))).tolist() == [[0, 2]]
    state, paid, over = walk(env, state, "eeee")
    assert paid == [[0.0], [1.0], [0.0], [1.0]]
    assert over == [False, False, False, True]
    start = at(env, level, 0, 1)
    assert worth(env, level, start, 0.9) == pytest.approx(1 + 0.9**2 + 0.9**4)
    assert worth(env, level, at(env, level, 2, 2), 1.0, 8) == 3
    assert worth(env, level, at(env, level, 2, 2), 1.0, 7) == 2
    assert env.num_states == 15 * 15 * 3 * 3


def test_the_leader_walks_its_order_and_waits_for_the_agent():
    env, level = led(CORRIDOR, (0, 1), (1, 2, 0))
    state, _, _ = walk(env, at(env, level, 1, 2), "sss")
    assert int(state.leader_cell) == 2  # at the second beacon, waiting
    state, _, _ = walk(env, state, "nn")
    assert (int(state.cell), int(state.leader_cell), int(state.leader_leg)) == (2, 2, 1)
    state, _, _ = walk(env, state, "ee")
    assert (int(state.leader_cell), int(state.leader_leg)) == (4, 2)
    state, _, _ = walk(env, state, "wwwweeee")
    assert int(state.leader_cell) == 0  # its last beacon
    alone, level = led(CORRIDOR, (0, 1), (1, 2, 0), leader_waits=False)
    state, _, _ = walk(alone, at(alone, level, 2, 2), "s" * 7)
    assert (int(state.leader_cell), int(state.leader_leg)) == (0, 0)  # 2, 3, 4, 3, 2, 1, 0
    state, _, _ = walk(alone, state, "ss")
    assert (int(state.leader_cell), int(state.leader_leg)) == (2, 1)


def test_a_leader_or_beacon_that_is_moved_walks_on_from_there():
    env, level = led(CORRIDOR, (0, 1), (0, 1, 2))
    state = env.move(at(env, level, 0, 3), "leader", (2, 2))
    assert np.argwhere(np.asarray(env.goal_mask(state, "leader"))).tolist() == [[2, 2]]
    state, _, _ = walk(env, state, "w")
    assert int(state.leader_cell) == 7
    state = env.move(at(env, level, 0, 3), "beacon", (2, 2), 0)
    state, _, _ = walk(env, state, "eeee")
    assert int(state.leader_cell) == 12
    with pytest.raises(UserError, match="taken in this state"):
        env.move(at(env, level, 0, 3), "beacon", (2, 2), 1)  # dark
    gone = env.remove(at(env, level, 0, 3), "leader")
    assert not np.asarray(env.goal_mask(gone, "leader")).any()


def test_the_leader_knows_the_order_in_training_and_is_astray_or_absent_on_target_levels():
    _, levels = drawn("follow-me", "train")
    np.testing.assert_array_equal(levels.order, [[0, 1, 2]] * 64)
    _, levels = drawn("follow-me", "target")
    assert np.all(levels.order[:, 0] != 0)
    np.testing.assert_array_equal(np.sort(levels.order), [[0, 1, 2]] * 64)
    _, levels = drawn("follow-me", "target", leader_absent=True)
    assert not levels.present[:, 1].any()
    _, levels = drawn("follow-me", "train", leader_absent=True, astray_share=0.5)
    assert levels.present[:, 1, 0].all()
    assert 16 <= (levels.order[:, 0] != 0).sum() <= 48
