"""Dose curves: what a shard does when what it is read from is turned down, off, over and up.

At dose c a layer's reading of a shard is multiplied by 1 + c: −1 ablates it, as in
`shardsim.shards.evidence.causal`, 1 doubles it. In a network that is linear after the layer the
strength of the shard follows the line 1 + c and no other moves. The null is the same displacement
turned by random rotations, which keep its norm in every context.

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

from shardsim.agent.network import Network
from shardsim.agent.policy import forward_many
from shardsim.shards.evidence.causal import (
    LEAST_STRENGTH,
    Displacement,
    displacement,
    measured,
    strength_measure,
    sure,
)
from shardsim.shards.influence.influence import probabilities, total_variation
from shardsim.shards.influence.shares import Parts

DOSES = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
ROTATIONS = 8
LEAST_SLOPE = 0.05  # of a strength a unit of dose: less than this moves nothing


class Doses(NamedTuple):
    """What each dose did to one agent. Strengths are parts of the shard's own at dose 0."""

    layers: tuple[str, ...]
    dose: np.ndarray  # float64[X]
    strength: np.ndarray  # float64[Y, K, X, K], of shard j (last) when k's reading is dosed
    random: np.ndarray  # float64[Y, K, R, X, K], the same under random rotations
    shift: np.ndarray  # float64[Y, K, X], total variation of the policy from dose 0, mean over C
    random_shift: np.ndarray  # float64[Y, K, R, X]

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
      doses: c; 0 must be among them.
      rotations: random rotations of the displacement, the null, at every dose.
      seed: of the rotations.

    Raises:
      ValueError: no dose is 0.
    """
    if 0.0 not in doses:
        raise ValueError("the doses need a 0, from which changes are counted")
    rng = np.random.default_rng(seed)
    plain = forward_many(network, parameters, observations)
    pulls = np.stack([part.shards for part in parts])
    measures = np.stack([strength_measure(part) for part in parts])
    before = measured(measures, np.asarray(plain.logits, np.float64)[:, None, None])
    zero = list(doses).index(0.0)
    tables = []
    for layer in network.layers:
        moved = displacement(np.asarray(plain.activations[layer]), pulls, rotations, rng)
        moved = moved._replace(patterns=jnp.delete(moved.patterns, 1, axis=2))  # no steering
        dosed = _dosed(network, layer, parameters, observations, moved, jnp.asarray(doses))
        tables.append(_table(np.asarray(dosed, np.float64), measures, before, zero))
    return [
        Doses(tuple(network.layers), np.asarray(doses, np.float64), *_agent(tables, agent))
        for agent in range(len(parts))
    ]


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


def _table(
    logits: np.ndarray, measures: np.ndarray, before: np.ndarray, zero: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return strengths float64[S, K, 1 + R, X, K] and shifts float64[S, K, 1 + R, X]."""
    strength = np.stack([measured(measures, one) for one in logits], 3)
    chance = probabilities(logits)
    shift = total_variation(chance, chance[zero][None]).mean(-1)
    return strength / sure(before, LEAST_STRENGTH)[:, :, :, None], np.moveaxis(shift, 0, -1)


def _agent(tables: list[tuple[np.ndarray, np.ndarray]], agent: int) -> tuple[np.ndarray, ...]:
    """Split own curves and random ones, layers first."""
    strength = np.stack([one[agent] for one, _ in tables])
    shift = np.stack([one[agent] for _, one in tables])
    return strength[:, :, 0], strength[:, :, 1:], shift[:, :, 0], shift[:, :, 1:]


def slopes(strength: np.ndarray, dose: np.ndarray) -> np.ndarray:
    """Return float64[..., K]: least-squares slope of strengths [..., X, K] over −1 ≤ c ≤ 1."""
    near = np.abs(dose) <= 1.0
    spread = dose[near] - dose[near].mean()
    return np.einsum("x,...xk->...k", spread, strength[..., near, :]) / (spread**2).sum()


def selectivity(slope: np.ndarray) -> np.ndarray:
    """Return float64[..., K]: own slope ÷ the largest other one of slopes [..., K, K].

    Others below `LEAST_SLOPE` count as that much, so that no ratio rests on rounding.
    """
    own = np.einsum("...kk->...k", slope)
    if slope.shape[-1] < 2:
        return np.full(own.shape, np.nan)
    other = np.where(np.eye(slope.shape[-1], dtype=bool), 0.0, np.abs(slope)).max(-1)
    return own / np.maximum(other, LEAST_SLOPE)
