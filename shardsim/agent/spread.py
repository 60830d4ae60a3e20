"""Seeds spread over what computes: the cores of a CPU, or all accelerators.

On a CPU a seed is computed alone: as many at once as there are cores, each by the same program for
one seed. That takes no more processor time than seeds batched, compiles in less, and gives the
same bytes however many seeds and cores there are. Accelerators get even shares, batched.
Axis letters: K seeds · G seeds of a share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np

from shardsim.base.arrays import is_key
from shardsim.base.parallel import each

Tree = TypeVar("Tree")


def spread(function: Callable[..., Tree], *trees: Any) -> Tree:
    """Return function(*trees), the seeds in shares side by side.

    Args:
        function: jitted; from pytrees [G] to a pytree [G], whatever G is. `over_seeds` makes it of
            a function of one seed.
        trees: pytrees [K].

    Returns:
        The pytree [K], on the default device.
    """
    seeds = jax.tree.leaves(trees)[0].shape[0]
    cuts = shares(seeds)
    on_host = jax.tree.map(_on_host, trees)
    devices = jax.local_devices()

    def one(number: int) -> Tree:
        part = jax.tree.map(lambda like, leaf: _as(like, leaf[cuts[number]]), trees, on_host)
        device = None if devices[0].platform == "cpu" else devices[number]
        return jax.block_until_ready(function(*jax.device_put(part, device)))

    done = each(one, range(len(cuts)))
    return done[0] if len(done) == 1 else jax.tree.map(_joined, *done)


def shares(seeds: int) -> list[slice]:
    """Return which seeds are computed together: one by one on a CPU, else a share each device."""
    devices = jax.local_devices()
    size = 1 if devices[0].platform == "cpu" else -(-seeds // len(devices))
    return [slice(first, min(first + size, seeds)) for first in range(0, seeds, size)]


def over_seeds(one: Callable[..., Tree], *trees: Any) -> Tree:
    """Return `one` of every seed of pytrees [G], on a leading axis G."""
    if jax.tree.leaves(trees)[0].shape[0] > 1:
        return jax.vmap(one)(*trees)
    # As vmap, without an axis that every operation would carry along.
    return jax.tree.map(lambda leaf: leaf[None], one(*jax.tree.map(lambda leaf: leaf[0], trees)))


def _on_host(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def _as(like: Any, value: np.ndarray) -> Any:
    """A key again where `like` is one. What is cut and joined on the host compiles nothing."""
    if is_key(like):
        return jax.random.wrap_key_data(jax.device_put(value), impl=jax.random.key_impl(like))
    return value


def _joined(*parts: Any) -> Any:
    return jax.device_put(_as(parts[0], np.concatenate([_on_host(part) for part in parts])))
