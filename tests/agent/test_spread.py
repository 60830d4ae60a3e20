"""Seeds in shares: every seed once, in order, and none changed by those beside it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent import spread as module
from shardsim.agent.spread import over_seeds, shares, spread


class Seeds(NamedTuple):
    """A pytree [K] with keys in it."""

    weights: jax.Array
    key: jax.Array


def one(seeds: Seeds) -> Seeds:
    """Something of one seed."""
    noise = jax.random.normal(seeds.key, seeds.weights.shape, seeds.weights.dtype)
    return Seeds(jnp.tanh(seeds.weights @ seeds.weights) + noise, jax.random.fold_in(seeds.key, 1))


def step(seeds: Seeds) -> Seeds:
    """The same of G seeds."""
    return over_seeds(one, seeds)


@pytest.fixture
def five() -> Seeds:
    """Five seeds."""
    weights = np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32)
    return Seeds(jnp.asarray(weights), jax.random.split(jax.random.key(2), 5))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_shares_of_any_size_give_what_each_seed_gives_alone(
    five: Seeds, monkeypatch, size: int
) -> None:
    cuts = [slice(first, min(first + size, 5)) for first in range(0, 5, size)]
    monkeypatch.setattr(module, "shares", lambda seeds: cuts)
    sizes = []

    def counted(seeds: Seeds) -> Seeds:
        sizes.append(seeds.weights.shape[0])
        return step(seeds)

    done = spread(counted, five)
    assert sorted(sizes) == sorted(cut.stop - cut.start for cut in cuts)
    for number in range(5):
        alone = one(jax.tree.map(lambda leaf, at=number: leaf[at], five))
        np.testing.assert_allclose(done.weights[number], alone.weights, rtol=1e-6)
        assert done.key[number] == alone.key


def test_a_cpu_takes_one_seed_at_a_time_and_devices_take_even_shares(monkeypatch) -> None:
    def with_devices(platform: str, count: int) -> None:
        devices = [SimpleNamespace(platform=platform)] * count
        monkeypatch.setattr(jax, "local_devices", lambda: devices)

    with_devices("cpu", 1)
    assert shares(3) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    with_devices("gpu", 1)
    assert shares(3) == [slice(0, 3)]
    with_devices("gpu", 2)
    assert shares(5) == [slice(0, 3), slice(3, 5)]
    with_devices("gpu", 8)
    assert shares(4) == [slice(number, number + 1) for number in range(4)]
