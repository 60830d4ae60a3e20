"""Shares by intervention: what the base, each object and interactions carry, without a fit.

The norm is that of fitted shares (`shares.py`): the standard deviation over actions under π.
Axis letters: S policies (seeds) · C contexts · A actions · N objects · T = N + 2 parts: base, each
object, interactions · B = 3 + places parts of the base: habit, affordance, each place, walking.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.statistics import Interval, cut
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import decisions_on, probabilities
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.influence.objects import ObjectEffects
from shardsim.shards.influence.shares import parts_of, share_interval, shares_of

BASE, INTERACTIONS, WALKING = "base", "interactions", "walking"


def part_names(concepts: Sequence[str], effects: ObjectEffects) -> list[str]:
    """Return the names on the axis T."""
    return [BASE, *(concepts[number] for number in effects.objects), INTERACTIONS]


def spread(values: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return float64[..., C]: the standard deviation of [..., C, A] over actions under chance."""
    middle = (chance * values).sum(-1, keepdims=True)
    return np.sqrt((chance * (values - middle) ** 2).sum(-1))


def object_strengths(effects: ObjectEffects) -> np.ndarray:
    """Return float64[..., C, T]: strengths of base, objects and interactions under π."""
    chance = probabilities(effects.logits)
    mains = [effects.main[..., at] for at in range(len(effects.objects))]
    parts = [effects.base, *mains, effects.interactions]
    return np.stack([spread(part, chance) for part in parts], -1)


def interval_of(strength: np.ndarray, on: Battery, *, seed: int, draws: int = 1000) -> Interval:
    """Return the 90 % interval of shares float64[T] over levels and seeds, of [S, C, T]."""
    return cut(share_interval(strength, on.weight, on.level_index, seed=seed, draws=draws))


def base_names(on: Battery) -> list[str]:
    """Return the names on the axis B."""
    return ["habit", "affordance", *(on.concepts[number] for number in _places(on)), WALKING]


def base_shares(base: np.ndarray, none: Battery, *, seed: int = 0) -> np.ndarray:
    """Share out what agents do where there is no object.

    Habit, affordance and a gated pull toward each place are fitted as shards are (`fit_gates`);
    walking is what is left: how an agent moves when there is nothing to want.

    Args:
      base: float64[S, C, A], logits with no object there.
      none: the contexts without objects (`objects.emptied`).
      seed: of the trees that propose gates.

    Returns:
      float64[S, B], sum 1.
    """
    places = np.eye(len(none.concepts))[_places(none)]
    rows = []
    for logits in base:
        data = decisions_on(none, logits)
        parts = parts_of(fit_gates(places, data, seed=seed), data)
        habit = np.broadcast_to(parts.habit, logits.shape)
        rest = data.logits - parts.shards.sum(-1) - habit - parts.affordance
        pulls = np.moveaxis(parts.shards, -1, 0)
        chance = probabilities(logits)
        each = [spread(part, chance) for part in (habit, parts.affordance, *pulls, rest)]
        rows.append(shares_of(np.stack(each, -1), none.weight))
    return np.stack(rows)


def _places(on: Battery) -> list[int]:
    return [n for n, concept in enumerate(on.env.concepts) if concept.kind == "place"]
