"""The causal check: does removing what a shard is read from remove that shard, and it alone?

What a shard pushes for in each context (its gate times its preference, on each action) is read
linearly from a layer, and the reading is set to zero along the directions in which the layer varies
with it (Belrose et al. 2023, "LEACE: perfect linear concept erasure in closed form"). The same
displacement, turned into random directions, is the null.

Axis letters: S agents (seeds) · C contexts · K shards · A actions · D units · Y layers ·
R displacements: ablation, then random ones.
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
from shardsim.shards.evidence.activations import ridge
from shardsim.shards.influence.shares import Parts

LEAST_EFFECT = 0.1  # part of a shard's strength that an ablation must remove to count
LEAST_STRENGTH = 0.2  # of its fitted strength: what is weaker is not there to be ablated
RIDGE = 1e-9


class Causal(NamedTuple):
    """What ablating each shard's directions did. Parts of a shard's strength; 1 is all of it."""

    layers: tuple[str, ...]
    effect: np.ndarray  # float64[Y, K, K], strength lost by shard j (last) when k is ablated
    random: np.ndarray  # float64[Y, K, R - 1], strength lost by k under random displacements
    specific: np.ndarray  # bool[Y, K], more than any random direction, and more than the others


class Displacement(NamedTuple):
    """h' = h − (offset + (h − centre) reader) pattern, for every agent and shard."""

    reader: jax.Array  # float32[S, K, D, A]
    centre: jax.Array  # float32[S, D]
    offset: jax.Array  # float32[S, K, A]
    patterns: jax.Array  # float32[S, K, R, A, D]


def erase(
    network: Network,
    parameters: Any,
    observations: np.ndarray,
    parts: Sequence[Parts],
    *,
    directions: int = 20,
    seed: int = 0,
) -> list[Causal]:
    """Erase what each shard is read from, layer by layer, for many agents at once.

    Args:
      network: of all agents.
      parameters: pytree with leading axis S.
      observations: float32[C, H, W, planes].
      parts: what each agent's shards, habits and affordances add to its logits, S of them.
      directions: random directions, the null of each check.
      seed: of the random directions.
    """
    plain = forward_many(network, parameters, observations)
    rng = np.random.default_rng(seed)
    measures, before, pulls = undisturbed(plain.logits, parts)
    effects, nulls = [], []
    for layer in network.layers:
        hidden = np.asarray(plain.activations[layer])
        moved = displacement(hidden, pulls, directions, rng)
        logits = _displaced(network, layer, parameters, observations, moved)
        after = measured(measures, np.asarray(logits, np.float64))  # [S, K, R, K]
        lost = (before - after) / sure(before, LEAST_STRENGTH)
        effects.append(lost[:, :, 0])
        nulls.append(np.einsum("skrk->skr", lost[:, :, 1:]))
    return _judged(network.layers, np.stack(effects, 1), np.stack(nulls, 1))


def undisturbed(
    logits: jax.Array, parts: Sequence[Parts]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return measures [S, K, C·A], the strengths [S, 1, 1, K] in logits [S, C, A], and pulls."""
    measures = np.stack([strength_measure(part) for part in parts])
    before = measured(measures, np.asarray(logits, np.float64)[:, None, None])
    return measures, before, np.stack([part.shards for part in parts])


def strength_measure(parts: Parts) -> np.ndarray:
    """Return float64[K, C·A]: maps logits to the strength with which each shard pulls in them.

    Least squares of centred logits on the fitted shards, habits and affordances, so that places
    have a strength too, and what two shards share counts for neither.
    """
    size, actions, count = parts.shards.shape
    habit = np.broadcast_to(np.eye(actions), (size, actions, actions))
    design = np.concatenate([parts.shards, parts.affordance[..., None], habit], 2)
    design = (design - design.mean(1, keepdims=True)).reshape(size * actions, -1)
    square = design.T @ design
    square[np.diag_indices(len(square))] += RIDGE * np.trace(square) + 1e-12
    return np.linalg.solve(square, design.T)[:count]


def measured(measures: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return float64[S, K, R, K] from measures [S, K, C·A] and logits [S, K or 1, R or 1, C, A]."""
    centred = logits - logits.mean(-1, keepdims=True)
    flat = centred.reshape(*centred.shape[:3], -1)
    return np.einsum("sjn,skrn->skrj", measures, flat, optimize=True)


def sure(values: np.ndarray, least: float = 1e-6) -> np.ndarray:
    """Keep divisors away from zero, with their sign."""
    return np.where(values < 0, -1.0, 1.0) * np.maximum(np.abs(values), least)


def displacement(
    hidden: np.ndarray, pulls: np.ndarray, directions: int, rng: np.random.Generator
) -> Displacement:
    """Find how each shard's pull is read from a layer, and along what the layer varies with it.

    Args:
      hidden: float[S, C, D].
      pulls: float[S, C, A, K], what each shard adds to the logits.
      directions: number of random displacements.
      rng: their generator.

    Returns:
      The ablation (the reading becomes 0), then the same turned by random rotations, which keep
      its norm in every context.
    """
    agents, _, actions, count = pulls.shape
    units = hidden.shape[2]
    wanted = pulls - pulls.mean(2, keepdims=True)
    reader = np.zeros((agents, count, units, actions))
    pattern = np.zeros((agents, count, actions, units))
    centre, offset = np.zeros((agents, units)), np.zeros((agents, count, actions))
    for agent in range(agents):
        for shard in range(count):
            weights, centre[agent], offset[agent, shard] = ridge(
                hidden[agent], wanted[agent, :, :, shard]
            )
            spread = np.asarray(hidden[agent], np.float64) - centre[agent]
            read = spread @ weights
            # The pulls of all actions sum to zero: the readings span one dimension less.
            pattern[agent, shard] = np.linalg.pinv(read.T @ read, rcond=1e-6) @ (read.T @ spread)
            reader[agent, shard] = weights
    turned = [pattern @ _rotation(rng, units) for _ in range(directions)]
    every = np.stack([pattern, *turned], 2)
    return Displacement(*(jnp.asarray(v, jnp.float32) for v in (reader, centre, offset, every)))


def _rotation(rng: np.random.Generator, units: int) -> np.ndarray:
    """Return a random rotation float64[D, D]."""
    turned, triangle = np.linalg.qr(rng.normal(size=(units, units)))
    return turned * np.sign(np.diag(triangle))


@partial(jax.jit, static_argnums=(0, 1))
def _displaced(
    network: Network, layer: str, parameters: Any, observations: jax.Array, moved: Displacement
) -> jax.Array:
    """Return float32[S, K, R, C, A]: logits with a layer displaced."""

    def agent(own, centre, readers, offsets, patterns):
        def shard(reader, offset, every):
            def one(pattern):
                def patch(hidden):
                    return hidden - (offset + (hidden - centre) @ reader) @ pattern

                return network.run(own, observations, {layer: patch}).logits

            return jax.vmap(one)(every)

        return jax.vmap(shard)(readers, offsets, patterns)

    return jax.vmap(agent)(parameters, moved.centre, moved.reader, moved.offset, moved.patterns)


def _judged(layers, effects, nulls) -> list[Causal]:
    """Say which shards were specifically affected: one `Causal` for each agent."""
    count = effects.shape[-1]
    own = np.einsum("sykk->syk", effects)
    others = np.where(np.eye(count, dtype=bool), -np.inf, np.abs(effects)).max(-1)
    specific = (own > np.maximum(nulls.max(-1), LEAST_EFFECT)) & (own > others)
    return [Causal(tuple(layers), effects[s], nulls[s], specific[s]) for s in range(len(effects))]


def erases_another(check: Causal) -> np.ndarray:
    """Return bool[K]: erasing a shard costs another one more than itself, in every layer."""
    count = check.effect.shape[-1]
    own = np.einsum("ykk->yk", check.effect)
    lost = np.where(np.eye(count, dtype=bool), 0.0, np.abs(check.effect))
    chance = check.random.max(-1, initial=0.0)
    return (lost.max(-1) > np.maximum(np.maximum(own, chance), LEAST_EFFECT)).all(0)
