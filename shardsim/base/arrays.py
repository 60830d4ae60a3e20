"""Pytrees of arrays to safetensors bytes and back against a template; no pickle.

A leaf is stored under its path (`params/dense_0/kernel`), so that a file can be read by any
safetensors reader. A typed PRNG key is stored as its integer data under `path#key`, and a scalar as
an array without axes. Reading takes a template tree, which gives structure, shapes and dtypes; the
bytes are refused where they disagree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load as _load
from safetensors.numpy import save as _save

from shardsim.base.errors import UserError, one_line

Tree = TypeVar("Tree")

_KEY_MARK = "#key"


def to_bytes(tree: Any, metadata: Mapping[str, str] | None = None) -> bytes:
    """Serialise a pytree's leaves: the same bytes for the same arrays.

    Args:
        tree: any pytree with leaves of float, integer or bool dtype, or typed PRNG keys.
        metadata: words kept in the file's header.

    Returns:
        The bytes of a safetensors file.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    named = dict(_stored(path, leaf) for path, leaf in leaves)
    return _save(named, metadata=dict(metadata) if metadata else None)


def from_bytes(data: bytes, template: Tree, source: str = "the arrays") -> Tree:
    """Read what `to_bytes` wrote into the structure of `template`.

    Args:
        data: the bytes of a safetensors file.
        template: a pytree of arrays or `jax.ShapeDtypeStruct`; only its structure, shapes and
            dtypes matter.
        source: what the bytes are, for messages.

    Returns:
        A pytree of the template's structure with jax arrays as leaves (numpy where the template
        has numpy, so that 64-bit numbers survive).

    Raises:
        UserError: the bytes are damaged, an array is missing or unknown, or a shape or dtype
            differs from the template's.
    """
    stored = to_dict(data, source)
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    names = [_name(path) + (_KEY_MARK if is_key(leaf) else "") for path, leaf in leaves]
    if set(names) != set(stored):
        odd = sorted(set(names) ^ set(stored))[0]
        verb = "lacks" if odd in names else "has an unknown"
        raise UserError(
            f"{source} {verb} array {odd!r}; it was written with a different configuration"
        )
    values = [
        _restored(stored[name], leaf, f"{source}, array {name!r}")
        for name, (_, leaf) in zip(names, leaves, strict=True)
    ]
    return jax.tree_util.tree_unflatten(structure, values)


def to_dict(data: bytes, source: str = "the arrays") -> dict[str, np.ndarray]:
    """All stored arrays by path, as numpy; raises UserError where the bytes are damaged."""
    try:
        return _load(data)
    except Exception as error:
        raise UserError(
            f"{source} is damaged ({one_line(error)}); delete the file to have it made again"
        ) from error


def is_key(leaf: Any) -> bool:
    """Whether a leaf is an array of typed PRNG keys."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _name(path: tuple[Any, ...]) -> str:
    """`a/b/0` for a path of dictionary keys, fields and indices; `.` for a bare leaf."""
    return "/".join(jax.tree_util.keystr((part,), simple=True) for part in path) or "."


def _stored(path: tuple[Any, ...], leaf: Any) -> tuple[str, np.ndarray]:
    if is_key(leaf):
        return _name(path) + _KEY_MARK, np.ascontiguousarray(jax.random.key_data(leaf))
    value = np.asarray(leaf)
    if value.dtype.kind not in "biuf" and value.dtype != jnp.bfloat16:
        raise TypeError(f"leaf {_name(path)!r} has dtype {value.dtype}, which is not a number")
    return _name(path), _contiguous(value)


def _contiguous(value: np.ndarray) -> np.ndarray:
    # ascontiguousarray would turn a scalar into an array with one axis.
    return value if value.flags.c_contiguous else np.ascontiguousarray(value)


def _restored(value: np.ndarray, leaf: Any, what: str) -> Any:
    if is_key(leaf):
        return _restored_key(value, leaf, what)
    like = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    _same(what, "shape", value.shape, tuple(like.shape))
    _same(what, "dtype", value.dtype, np.dtype(like.dtype))
    # Not jnp.asarray, which compiles a program for every shape.
    return value if isinstance(like, np.ndarray | np.generic) else jax.device_put(value)


def _restored_key(value: np.ndarray, leaf: Any, what: str) -> jax.Array:
    # An abstract key does not tell its generator; the default one is then checked below.
    impl = jax.random.key_impl(leaf) if isinstance(leaf, jax.Array) else None
    try:
        keys = jax.random.wrap_key_data(jax.device_put(value), impl=impl)
    except TypeError as error:
        raise UserError(f"{what} is not a key of the generator {impl}; write it again") from error
    _same(what, "shape", keys.shape, leaf.shape)
    _same(what, "generator", str(keys.dtype), str(leaf.dtype))
    return keys


def _same(what: str, aspect: str, given: object, wanted: object) -> None:
    if given != wanted:
        raise UserError(
            f"{what} has {aspect} {given}, not {wanted}; "
            "it was written with a different configuration"
        )
