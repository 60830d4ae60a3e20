"""Banks drawn in blocks: the same levels for any number, and one program for all numbers."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.levels import BLOCK, first_of, in_blocks, sample_levels, take
from shardsim.env.registry import make


@pytest.mark.parametrize("count", [1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_blocks_give_what_one_call_gives(count: int) -> None:
    values = jnp.arange(3.0 * count).reshape(count, 3)
    found = in_blocks(jax.jit(lambda rows, count: (rows + 1.0, rows.sum(1))), values)
    np.testing.assert_array_equal(found[0], values + 1.0)
    np.testing.assert_array_equal(found[1], values.sum(1))


def test_many_counts_are_one_program() -> None:
    traced: list[tuple[int, ...]] = []

    def double(rows: jax.Array, count: jax.Array) -> jax.Array:
        traced.append(rows.shape)
        return 2 * rows

    compiled = jax.jit(double)
    for count in (1, 3, BLOCK, BLOCK + 1, 5 * BLOCK - 2):
        in_blocks(compiled, jnp.arange(count))
    assert traced == [(BLOCK,)]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_only_the_first_entries_are_worked_on(count: int) -> None:
    rows = {"a": jnp.arange(1.0, 6.0), "b": jnp.ones((5, 2))}
    found = jax.jit(partial(first_of, lambda row: row["a"] * row["b"]))(rows, np.int32(count))
    wanted = np.where(np.arange(5) < count, np.arange(1, 6), 0)
    np.testing.assert_array_equal(found, np.stack([wanted, wanted], 1))


def test_levels_are_those_of_their_own_keys() -> None:
    env, key, count = make("cheese-corner", height=5, width=5), jax.random.key(3), BLOCK + 3
    bank = sample_levels(env, key, count, "target")
    draw = jax.jit(partial(env.level, split="target"))
    for number in (0, BLOCK - 1, BLOCK, count - 1):
        alone = draw(jax.random.split(key, count)[number])
        for one, other in zip(*map(jax.tree.leaves, (take(bank, number), alone)), strict=True):
            np.testing.assert_array_equal(one, other)
