"""Arrays to bytes and back, and what is refused."""

from __future__ import annotations

from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from shardsim.base.arrays import from_bytes, to_bytes, to_dict
from shardsim.base.errors import UserError


class Pair(NamedTuple):
    left: jax.Array
    right: dict[str, jax.Array]


@flax.struct.dataclass
class Level:
    walls: jax.Array
    key: jax.Array


def tree() -> Pair:
    level = Level(jnp.array([[True, False]]), jax.random.split(jax.random.key(3), 2))
    return Pair(jnp.float32(2.5), {"level": level, "steps": jnp.arange(3, dtype=jnp.int32).T[::-1]})


def assert_same(first, second) -> None:
    def leaf(a, b) -> None:
        assert a.dtype == b.dtype
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)

    assert jax.tree.structure(first) == jax.tree.structure(second)
    jax.tree.map(leaf, first, second)


def test_a_tree_of_every_kind_comes_back() -> None:
    assert_same(from_bytes(to_bytes(tree()), tree()), tree())


def test_an_abstract_template_is_enough() -> None:
    assert_same(from_bytes(to_bytes(tree()), jax.eval_shape(tree)), tree())


def test_the_same_arrays_give_the_same_bytes() -> None:
    assert to_bytes(tree()) == to_bytes(tree())


def test_names_are_paths_and_readable_without_a_template() -> None:
    assert sorted(to_dict(to_bytes(tree()))) == [
        "left",
        "right/level/key#key",
        "right/level/walls",
        "right/steps",
    ]


@given(hnp.arrays(hnp.floating_dtypes(endianness="="), hnp.array_shapes(min_dims=0, max_dims=3)))
def test_numpy_leaves_keep_bits_and_dtype(value: np.ndarray) -> None:
    back = from_bytes(to_bytes([value, value.T]), [value, value.T])
    assert [leaf.tobytes() for leaf in back] == [value.tobytes(), value.T.tobytes()]
    assert back[0].dtype == value.dtype


def test_objects_are_refused_because_they_would_need_pickle() -> None:
    with pytest.raises(TypeError, match="not a number"):
        to_bytes({"a": np.array([object()])})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"a": jnp.zeros(3), "b": jnp.zeros(1)}, "lacks array 'b'"),
        ({}, "has an unknown array 'a'"),
        ({"a": jnp.zeros(2)}, "has shape"),
        ({"a": jnp.zeros(3, jnp.int32)}, "has dtype float32, not int32"),
    ],
)
def test_another_configuration_is_named(template, said: str) -> None:
    with pytest.raises(UserError, match=said):
        from_bytes(to_bytes({"a": jnp.zeros(3)}), template, "run/x.safetensors")


def test_a_key_of_another_generator_is_refused() -> None:
    data = to_bytes(jax.random.key(0))
    with pytest.raises(UserError, match=r"shape|generator"):
        from_bytes(data, jax.random.key(0, impl="rbg"))


@pytest.mark.parametrize("cut", [0, 4, 30, -1])
def test_damaged_bytes_are_one_clear_error(cut: int) -> None:
    data = to_bytes({"a": jnp.arange(5, dtype=jnp.float32)})[:cut]
    with pytest.raises(UserError, match=r"x\.safetensors is damaged"):
        to_dict(data, "x.safetensors")
