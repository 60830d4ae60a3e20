"""Banks of levels: many levels drawn in one jitted call, and single levels taken out of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole, whole
from shardsim.env.core import Env
from shardsim.env.types import SPLITS, Level, Split, State

Tree = TypeVar("Tree")
Out = TypeVar("Out")

BLOCK = 16  # entries that a program takes at once


def in_blocks(function: Callable[[Tree, np.int32], Out], tree: Tree) -> Out:
    """Return what a function gives for every entry: blocks of one size, one program for any number.

    Args:
        function: jitted; of arrays [BLOCK, ...] and how many of their entries count, int32, to
            arrays [BLOCK, ...], each entry by itself. `first_of` is of this kind.
        tree: arrays [N, ...].

    Returns:
        Arrays [N, ...].
    """
    given = jax.tree.map(np.asarray, tree)
    count = jax.tree.leaves(given)[0].shape[0]
    done = []
    for start in range(0, count, BLOCK):
        # The last block is filled up with the last entry.
        row = np.minimum(np.arange(start, start + BLOCK), count - 1)
        block = jax.tree.map(lambda leaf, row=row: leaf[row], given)
        done.append(function(block, np.int32(min(BLOCK, count - start))))
    # Joined as numpy: on a device every shape would be a program of its own.
    joined = jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *done)
    return jax.device_put(joined)


def first_of(function: Callable[[Tree], Out], tree: Tree, count: jax.Array) -> Out:
    """Return function(entry) for the first entries of a tree, one by one; zeros after them.

    Args:
        function: of one entry, without its leading axis.
        tree: arrays [N, ...].
        count: how many entries count, int32; those after them cost nothing.

    Returns:
        Arrays [N, ...].
    """
    size = jax.tree.leaves(tree)[0].shape[0]

    def at(index: jax.Array) -> Out:
        return function(jax.tree.map(lambda leaf: leaf[index], tree))

    def put(index: jax.Array, done: Out) -> Out:
        return jax.tree.map(lambda all, one: all.at[index].set(one), done, at(index))

    one = jax.eval_shape(at, jax.ShapeDtypeStruct((), jnp.int32))
    empty = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype), one)
    return jax.lax.fori_loop(0, count, put, empty)


@partial(jax.jit, static_argnames=("env", "split", "kind"))
def _sample(key_data: jax.Array, count: jax.Array, env: Env, split: Split, kind: Any) -> Level:
    def draw(key: jax.Array) -> Level:
        return env.level(key, split)

    keys = jax.random.wrap_key_data(key_data, impl=kind)
    # One level after the other runs as fast on a CPU and compiles in half the time.
    return first_of(draw, keys, count) if jax.default_backend() == "cpu" else jax.vmap(draw)(keys)


def sample_levels(env: Env, key: jax.Array, count: Whole, split: str) -> Level:
    """Draw `count` levels of a split, batched on a leading axis L.

    Raises UserError for an unknown split or a count below 1.
    """
    count = whole("the number of levels", count, 1)
    if split not in SPLITS:
        raise UserError(f"there is no split {split!r}; {did_you_mean(split, SPLITS)}")
    draw = partial(_sample, env=env, split=cast(Split, split), kind=jax.random.key_impl(key))
    return in_blocks(draw, jax.random.key_data(jax.random.split(key, count)))


def take(tree: Tree, index) -> Tree:
    """Return the entries at `index` along the leading axis of every leaf."""
    if isinstance(index, int) and all(
        isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(tree)
    ):
        return _one(tree, np.int32(index))  # else every leaf's shape would be a program of its own
    return jax.tree.map(lambda leaf: leaf[index], tree)


@jax.jit
def _one(tree: Tree, index: jax.Array) -> Tree:
    return jax.tree.map(lambda leaf: leaf[index], tree)


def evaluated_levels(env: Env, count: int, split: Split) -> Level:
    """Draw the `count` levels [L] of a split that agents of an env are evaluated on."""
    return sample_levels(env, jax.random.key(SPLITS.index(split)), count, split)


@partial(jax.jit, static_argnums=0)
def all_states(env: Env, levels: Level) -> State:
    """Return the batched states [L * S] of levels [L]."""
    index = jnp.arange(env.num_states, dtype=jnp.int32)
    states = jax.vmap(lambda level: jax.vmap(lambda i: env.state_at(level, i))(index))(levels)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), states)
