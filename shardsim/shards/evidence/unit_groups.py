"""Units of a layer grouped by the object whose effect they carry, checked by ablating each group.

A group is chosen on half of the levels: the units that an object moves more than any other object
does, at most half of those that vary, and those that it moves most for their spread; the same in
both quarters of the levels. On the other half its units are set to their means over the first, and
the strength of every shard is measured as in `shardsim.shards.evidence.causal`. The mean takes away
all that the units carry, so that it can show that they serve another shard too; setting them to
their values without the object could not, since it changes nothing but that object's effect. As
many units drawn from those that vary are the null.

Axis letters: S agents (seeds) · C contexts · O objects that can be removed · K shards · A actions ·
D units · Y layers · R random groups · M masks: the groups, then the random ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.network import Network
from shardsim.agent.policy import forward_many
from shardsim.shards.evidence.causal import LEAST_STRENGTH, measured, sure, undisturbed
from shardsim.shards.evidence.dose_response import largest_other, own_of
from shardsim.shards.evidence.effects import NONE
from shardsim.shards.influence.shares import Parts

PART = 0.5  # of the units that vary: a group takes at most so many, those that are moved most
STILL = 1e-6  # spread of a unit that does not vary
LEAST_CONTEXTS = 32  # in each half


class Halves(NamedTuple):
    """Contexts of disjoint levels."""

    first: np.ndarray  # bool[C], a quarter of the levels
    second: np.ndarray  # bool[C], another quarter
    rest: np.ndarray  # bool[C], the other half

    @property
    def chosen_on(self) -> np.ndarray:
        """bool[C]: the half on which groups are chosen."""
        return self.first | self.second


class Groups(NamedTuple):
    """What ablating each shard's group of units did. Parts of a shard's strength; 1 is all."""

    size: np.ndarray  # int64[Y, K], units of the group; 0 for a place, or where none is moved so
    lost: np.ndarray  # float64[Y, K, K], by shard j (last) when k's group is ablated; NaN without
    random: np.ndarray  # float64[Y, K, R, K], the same of random groups of that size


def halves(level_index: np.ndarray, seed: int) -> Halves | None:
    """Deal the levels int[C] out; None where too few contexts are left in a part."""
    levels = np.random.default_rng(seed).permutation(np.unique(level_index))
    quarter, half = len(levels) // 4, len(levels) // 2
    cuts = levels[:quarter], levels[quarter:half], levels[half:]
    parts = Halves(*(np.isin(level_index, cut) for cut in cuts))
    return parts if min(part.sum() for part in parts) >= LEAST_CONTEXTS // 2 else None


def carried(effects: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return float64[O, D]: root mean square of effects [C, O, D] ÷ spread of the units [C, D]."""
    effect = np.sqrt((np.asarray(effects, np.float64) ** 2).mean(0))
    spread = np.asarray(hidden, np.float64).std(0)
    return np.where(spread > STILL, effect / np.maximum(spread, STILL), 0.0)


def assigned(effects: np.ndarray, hidden: np.ndarray, parts: Halves) -> np.ndarray:
    """Return int64[D]: the object (its place on O) whose effect each unit carries, or `NONE`.

    Args:
      effects: float[C, O, D], h(s) − h(s∖o).
      hidden: float[C, D], h(s).
      parts: of the contexts.
    """
    if not effects.shape[1]:
        return np.full(effects.shape[2], NONE)
    found = []
    for part in (parts.first, parts.second):
        moved = carried(effects[part], hidden[part])
        place = np.full(hidden.shape[1], NONE)
        most = max(1, round(PART * (hidden[part].std(0) > STILL).sum()))
        for number in range(len(moved)):
            own = np.where(moved.argmax(0) == number, moved[number], 0.0)
            kept = np.argsort(-own, kind="stable")[:most]
            place[kept[own[kept] > 0]] = number
        found.append(place)
    return np.where(found[0] == found[1], found[0], NONE)


def ablate(
    network: Network,
    parameters: Any,
    observations: np.ndarray,
    parts: Sequence[Parts],
    effects: Mapping[str, np.ndarray],
    objects: np.ndarray,
    dealt: Halves,
    *,
    random: int,
    seed: int,
) -> list[Groups]:
    """Group the units of every layer by objects and ablate each shard's group.

    Args:
      network: of all agents.
      parameters: pytree with leading axis S.
      observations: float32[C, H, W, planes].
      parts: what each agent's shards, habits and affordances add to its logits, S of them.
      effects: layer -> float32[S, C, O, D].
      objects: int[K], the place on O of each shard's object, or `NONE`.
      dealt: of the levels.
      random: groups of each size, R.
      seed: of the random groups.
    """
    rng = np.random.default_rng(seed)
    plain = forward_many(network, parameters, observations)
    tested = [_contexts(part, dealt.rest) for part in parts]
    logits = np.asarray(plain.logits)[:, dealt.rest]
    measures, before, _ = undisturbed(jnp.asarray(logits), tested)
    count, tables = len(objects), []
    for layer in network.layers:
        hidden = np.asarray(plain.activations[layer])
        masks = np.stack(
            [
                _masks(assigned(effects[layer][s], own, dealt), objects, own, random, rng)
                for s, own in enumerate(hidden)
            ]
        )
        means = hidden[:, dealt.chosen_on].mean(1)
        after = _ablated(network, layer, parameters, observations[dealt.rest], means, masks)
        shape = (len(hidden), count, 1 + random)
        after = np.asarray(after, np.float64).reshape(*shape, *after.shape[2:])
        lost = (before - measured(measures, after)) / sure(before, LEAST_STRENGTH)
        tables.append((masks.reshape(*shape, -1)[:, :, 0].sum(-1), lost))
    sizes, lost = (np.stack(one, 1) for one in zip(*tables, strict=True))  # [S, Y, K, ...]
    lost = np.where(sizes[..., None, None] > 0, lost, np.nan)
    return [Groups(n, x[:, :, 0], x[:, :, 1:]) for n, x in zip(sizes, lost, strict=True)]


def _masks(
    place: np.ndarray, objects: np.ndarray, hidden: np.ndarray, random: int, rng
) -> np.ndarray:
    """Return bool[K·(1 + R), D]: each shard's group, then random ones of the same size."""
    varies = np.flatnonzero(hidden.std(0) > STILL)
    rows = []
    for number in objects:
        group = (place == number) & (number != NONE)
        rows.append(group)
        for _ in range(random):
            drawn = np.zeros(len(place), bool)
            drawn[rng.permutation(varies)[: group.sum()]] = True
            rows.append(drawn)
    return np.stack(rows)


def values_of(found: Sequence[Groups]) -> dict[str, np.ndarray]:
    """Return what was found as arrays of the shards' table."""
    lost, random = np.stack([one.lost for one in found]), np.stack([one.random for one in found])
    return {
        "group_size": np.stack([one.size for one in found]),
        "group_lost": own_of(lost),
        "group_lost_other": largest_other(lost),
        "group_lost_random": np.einsum("sykrk->sykr", random),
        "group_lost_other_random": np.moveaxis(largest_other(np.moveaxis(random, 3, 2)), 2, 3),
    }


@partial(jax.jit, static_argnums=(0, 1))
def _ablated(
    network: Network,
    layer: str,
    parameters: Any,
    observations: jax.Array,
    means: jax.Array,
    masks: jax.Array,
) -> jax.Array:
    """Return float32[S, M, C, A]: logits with the units of masks [S, M, D] at means [S, D]."""

    def agent(own, mean, every):
        def one(mask):
            def patch(hidden):
                return jnp.where(mask, mean, hidden)

            return network.run(own, observations, {layer: patch}).logits

        return jax.vmap(one)(every)

    return jax.vmap(agent)(parameters, means, masks)


def _contexts(parts: Parts, kept: np.ndarray) -> Parts:
    return Parts(parts.shards[kept], parts.habit, parts.affordance[kept], parts.logits[kept])
