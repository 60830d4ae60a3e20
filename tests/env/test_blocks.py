"""Banks drawn in blocks: the same levels for any number, and one program for all numbers."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.levels import BLOCK, in_blocks, sample_levels, take
from shardsim.env.registry import make


@pytest.mark.parametrize("count", [1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_blocks_give_what_one_call_gives(count: int) -> None:
    values = jnp.arange(3.0 * count).reshape(count, 3)
    found = in_blocks(jax.jit(lambda rows: (rows + 1.0, rows.sum(1))), values)
    np.testing.assert_array_equal(found[0], values + 1.0)
    np.testing.assert_array_equal(found[1], values.sum(1))


def test_many_counts_are_one_program() -> None:
    traced: list[tuple[int, ...]] = []

    def double(rows: jax.Array) -> jax.Array:
        traced.append(rows.shape)
        return 2 * rows

    compiled = jax.jit(double)
    for count in (BLOCK, BLOCK + 1, 5 * BLOCK - 2):
        in_blocks(compiled, jnp.arange(count))
    assert traced == [(BLOCK,)]


def test_levels_are_those_of_their_own_keys() -> None:
    env, key, count = make("cheese-corner", height=5, width=5), jax.random.key(3), BLOCK + 3
    bank = sample_levels(env, key, count, "target")
    draw = jax.jit(partial(env.level, split="target"))
    for number in (0, BLOCK - 1, BLOCK, count - 1):
        alone = draw(jax.random.split(key, count)[number])
        for one, other in zip(*map(jax.tree.leaves, (take(bank, number), alone)), strict=True):
            np.testing.assert_array_equal(one, other)
