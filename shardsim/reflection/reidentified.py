"""The shards identified again after reflection, under the dictionary of before.

Axis letters: D seeds · U onsets · R rules · K shards · C contexts of the battery · A actions.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.base.parallel import each
from shardsim.reflection.config import RULES, ReflectConfig
from shardsim.reflection.constancy import carry_over
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import DecisionData, cross_entropy_bits, decisions_on, in_conflict
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.shares import parts_of, shares_of, strengths
from shardsim.shards.shardset import ShardSet

REFITTED = ("turns", "sham")  # the rule in question, and its floor


class Reidentified(NamedTuple):
    """NaN for the rules that are not refitted."""

    before: np.ndarray  # float64[D, K], shares on the same battery and by the same fit
    after: np.ndarray  # float64[D, U, R, K]
    carry_over: np.ndarray  # float64[D, U, R], κ


def reidentify(
    shards: ShardSet, networks: Networks, reflected: Any, config: ReflectConfig, seed: int
) -> Reidentified:
    """Fit the gates again, before and after reflection, on one and the same battery.

    Those of before are fitted again too, so that no difference comes of the number of contexts.

    Args:
        shards: of the agents before; their preferences are kept, and about
            `config.identify_contexts` contexts of their battery are used.
        networks: the agents before, D of them.
        reflected: parameters [D, U, R], after.
        config: see there.
        seed: of the choice among contexts, and of folds.
    """
    part = _part(shards.battery, config.identify_contexts, seed)
    seen = jnp.asarray(part.observations)
    preferences = np.asarray(shards.models[0].preferences)
    rules = [RULES.index(rule) for rule in REFITTED]
    asked = jax.tree.map(lambda leaf: leaf[:, :, rules].reshape(-1, *leaf.shape[3:]), reflected)
    old = np.asarray(forward_many(networks.network, networks.parameters, seen).logits)
    new = np.asarray(forward_many(networks.network, asked, seen).logits)
    fit = partial(_fitted, part, preferences, seed)
    fits = each(fit, [*old, *new])
    before, fits = fits[: len(old)], fits[len(old) :]
    shape = jax.tree.leaves(reflected)[0].shape[:3]
    after = np.full((*shape, len(preferences)), np.nan)
    kept = np.full(shape, np.nan)
    places = np.ndindex(*shape[:2], len(rules))
    for (seed_number, onset, rule), (found, data) in zip(places, fits, strict=True):
        place = seed_number, onset, rules[rule]
        after[place] = _shares(found, data)
        kept[place] = _kappa(before[seed_number][0], found, data)
    return Reidentified(np.stack([_shares(*pair) for pair in before]), after, kept)


def _part(battery: Battery, count: int, seed: int) -> Battery:
    """Return whole levels of a battery, about `count` contexts."""
    levels = np.random.default_rng(seed).permutation(np.unique(battery.level_index))
    sizes = np.bincount(battery.level_index, minlength=int(battery.level_index.max()) + 1)
    needed = int(np.searchsorted(np.cumsum(sizes[levels]), count)) + 1
    return battery.take(np.isin(battery.level_index, levels[:needed]))


def _fitted(
    battery: Battery, preferences: np.ndarray, seed: int, logits: np.ndarray
) -> tuple[ShardModel, DecisionData]:
    data = decisions_on(battery, logits)
    return fit_gates(preferences, data, seed=seed), data


def _shares(found: ShardModel, data: DecisionData) -> np.ndarray:
    """Return float64[K]: shares of the shards; habits, affordances and the rest make up 1."""
    return shares_of(strengths(parts_of(found, data)), data.weight)[: found.num_shards]


def _kappa(old: ShardModel, new: ShardModel, data: DecisionData) -> float:
    """Return κ in the contexts in conflict (all, if there is none)."""
    where = in_conflict(data)
    where = where if where.any() else np.ones_like(where)
    base = np.broadcast_to(data.logits.mean(0), data.logits.shape)
    losses = [
        cross_entropy_bits(data.logits[where], predicted[where]).mean()
        for predicted in (base, old.predicted, new.predicted)
    ]
    return float(carry_over(*(np.asarray(loss) for loss in losses)))
