"""Dose curves: what a shard does when what it is read from is turned down, off, over and up.

At dose c a layer's reading of a shard is multiplied by 1 + c: −1 ablates it, as in
`shardsim.shards.evidence.causal`, 1 doubles it. In a network that is linear after the layer the
strength of the shard follows the line 1 + c and no other moves. The null is the same displacement
turned by random rotations, which keep its norm in every context.

What is said of a shard is said of one layer: that where its selectivity, the mean over seeds, is
largest (with one shard, where its own slope is). That choice favours the shard a little, as any
choice of the largest does; the Dataset has all layers.

Axis letters: S agents (seeds) · C contexts · K shards · A actions · D units · Y layers ·
X doses · R random rotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from shardsim.agent.network import Network
from shardsim.agent.policy import forward_many
from shardsim.base.statistics import plain_interval
from shardsim.shards.evidence.causal import (
    LEAST_STRENGTH,
    Displacement,
    displacement,
    measured,
    sure,
    undisturbed,
)
from shardsim.shards.influence.shares import Parts
from shardsim.shards.schema import by_seed

DOSES = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
ROTATIONS = 8
LEAST_SLOPE = 0.05  # of a strength a unit of dose: less than this moves nothing


class Doses(NamedTuple):
    """What each dose did to one agent. Strengths are parts of the shard's own at dose 0."""

    layers: tuple[str, ...]
    dose: np.ndarray  # float64[X]
    strength: np.ndarray  # float64[Y, K, X, K], of shard j (last) when k's reading is dosed
    random: np.ndarray  # float64[Y, K, R, X, K], the same under random rotations

    @property
    def slope(self) -> np.ndarray:
        """float64[Y, K, K]: strength of j gained a unit of dose on k, from −1 to 1."""
        return slopes(self.strength, self.dose)

    @property
    def selectivity(self) -> np.ndarray:
        """float64[Y, K]: own slope ÷ the largest other one; NaN where there is no other shard."""
        return selectivity(self.slope)


def dose_curves(
    network: Network,
    parameters: Any,
    observations: np.ndarray,
    parts: Sequence[Parts],
    *,
    doses: Sequence[float] = DOSES,
    rotations: int = ROTATIONS,
    seed: int = 0,
) -> list[Doses]:
    """Measure the dose curves of many agents at once, at every layer.

    Args:
      network: of all agents.
      parameters: pytree with leading axis S.
      observations: float32[C, H, W, planes].
      parts: what each agent's shards, habits and affordances add to its logits, S of them.
      doses: c.
      rotations: random rotations of the displacement, the null, at every dose.
      seed: of the rotations.
    """
    rng = np.random.default_rng(seed)
    plain = forward_many(network, parameters, observations)
    measures, before, pulls = undisturbed(plain.logits, parts)
    tables = []
    for layer in network.layers:
        moved = displacement(np.asarray(plain.activations[layer]), pulls, rotations, rng)
        dosed = _dosed(network, layer, parameters, observations, moved, jnp.asarray(doses))
        strength = np.stack([measured(measures, np.asarray(one, np.float64)) for one in dosed], 3)
        tables.append(strength / sure(before, LEAST_STRENGTH)[:, :, :, None])
    whole = np.stack(tables, 1)  # [S, Y, K, 1 + R, X, K]
    dose = np.asarray(doses, np.float64)
    return [Doses(network.layers, dose, one[:, :, 0], one[:, :, 1:]) for one in whole]


@partial(jax.jit, static_argnums=(0, 1))
def _dosed(
    network: Network,
    layer: str,
    parameters: Any,
    observations: jax.Array,
    moved: Displacement,
    doses: jax.Array,
) -> jax.Array:
    """Return float32[X, S, K, 1 + R, C, A]: one dose after the other, the rest at once."""

    def agent(own, centre, readers, offsets, patterns, dose):
        def one(reader, offset, pattern):
            def patch(hidden):
                return hidden + dose * (offset + (hidden - centre) @ reader) @ pattern

            return network.run(own, observations, {layer: patch}).logits

        shard = jax.vmap(one, (None, None, 0))
        return jax.vmap(shard)(readers, offsets, patterns)

    def every(dose):
        return jax.vmap(agent, (0, 0, 0, 0, 0, None))(
            parameters, moved.centre, moved.reader, moved.offset, moved.patterns, dose
        )

    return jax.lax.map(every, doses.astype(jnp.float32))


def slopes(strength: np.ndarray, dose: np.ndarray) -> np.ndarray:
    """Return float64[..., K]: least-squares slope of strengths [..., X, K] over −1 ≤ c ≤ 1."""
    near = np.abs(dose) <= 1.0
    spread = dose[near] - dose[near].mean()
    return np.einsum("x,...xk->...k", spread, strength[..., near, :]) / (spread**2).sum()


def selectivity(slope: np.ndarray) -> np.ndarray:
    """Return float64[..., K]: own slope ÷ the largest other one of slopes [..., K, K].

    Others below `LEAST_SLOPE` count as that much, so that no ratio rests on rounding.
    """
    own = own_of(slope)
    if slope.shape[-1] < 2:
        return np.full(own.shape, np.nan)
    other = np.where(np.eye(slope.shape[-1], dtype=bool), 0.0, np.abs(slope)).max(-1)
    return own / np.maximum(other, LEAST_SLOPE)


def own_of(square: np.ndarray) -> np.ndarray:
    """Return the diagonal of the last two axes, float64[..., K]."""
    return np.einsum("...kk->...k", square)


def largest_other(square: np.ndarray, still: float = 0.0) -> np.ndarray:
    """Return float64[..., K]: of shards j ≠ k, the one farthest from `still`; NaN without others.

    Args:
      square: float64[..., K, K], shard k intervened on, shard j (last) measured.
      still: what a shard that is not moved shows.
    """
    count = square.shape[-1]
    if count < 2:
        return np.full(square.shape[:-1], np.nan)
    apart = np.where(np.eye(count, dtype=bool), -1.0, np.abs(square - still))
    return np.take_along_axis(square, apart.argmax(-1)[..., None], -1)[..., 0]


def values_of(found: Sequence[Doses]) -> dict[str, np.ndarray]:
    """Return what was found as arrays of the shards' table."""
    strength = np.stack([one.strength for one in found]).swapaxes(3, 4)  # [S, Y, K, K, X]
    strength = np.moveaxis(strength, -1, 2)  # [S, Y, X, K, K]
    random = np.stack([one.random for one in found])  # [S, Y, K, R, X, K]
    slope = np.stack([one.slope for one in found])
    return {
        "selectivity": np.stack([one.selectivity for one in found]),
        "slope_own": own_of(slope),
        "slope_other": largest_other(slope),
        "slope_random": _random_slopes(found),
        "dose_own": own_of(strength),
        "dose_other": largest_other(strength, 1.0),
        "dose_random": np.einsum("sykrxk->sykrx", random),
    }


def _random_slopes(found: Sequence[Doses]) -> np.ndarray:
    """Return float64[S, Y, K, R]: own slope under each random rotation."""
    own = np.stack([slopes(one.random, one.dose) for one in found])
    return np.einsum("sykrk->sykr", own)


def best_layers(selectivity: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return int64[K]: the layer of each shard's largest selectivity, mean over seeds.

    Args:
      selectivity: float64[S, Y, K]; NaN with one shard, then the own slope decides.
      slope: float64[S, Y, K].
    """
    score = np.where(np.isnan(selectivity), slope, selectivity).mean(0)
    return score.argmax(0)


def summaries(data: xr.Dataset) -> list[dict[str, Any]]:
    """Return figures of each shard in its best layer, means over seeds, None where unknown.

    The random ones are means of absolute values over rotations, of which either sign is chance.
    Empty ones where nothing was dosed.
    """
    if "selectivity" not in data:
        return [{} for _ in data["shard"].values]
    names = ("selectivity", "slope_own", "slope_other", "slope_random")
    table = {name: by_seed(data, name) for name in names}
    table["slope_random"] = np.abs(table["slope_random"])
    layers = best_layers(table["selectivity"], table["slope_own"])
    return [_summary(data, table, k, int(layer)) for k, layer in enumerate(layers)]


def _summary(data, table: dict[str, np.ndarray], shard: int, layer: int) -> dict[str, Any]:
    told = {name: values[:, layer, shard] for name, values in table.items()}
    ends = plain_interval(told["selectivity"])
    return {
        "interventions": {
            "layer": str(data["layer"].values[layer]),
            "selectivity": {end: known(value) for end, value in ends.items()},
            "slope": {n: known(told[f"slope_{n}"].mean()) for n in ("own", "other", "random")},
        }
    }


def known(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if np.isfinite(value) else None
