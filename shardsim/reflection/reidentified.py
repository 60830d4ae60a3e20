"""The shards identified again after reflection, under the dictionary of before.

Axis letters: D seeds · U onsets · R rules · T steps · M those at which shards are found again, the
last among them · K shards · C contexts of the battery · A actions · N networks.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.base.parallel import each
from shardsim.reflection.config import ReflectConfig, refitted, rules_of
from shardsim.reflection.constancy import carry_over
from shardsim.reflection.weights import Trace
from shardsim.reflection.world import flattened
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import (
    DecisionData,
    are_many,
    cross_entropy_bits,
    decisions_on,
    in_conflict,
    with_logits,
)
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.shares import parts_of, shares_of, strengths
from shardsim.shards.shardset import ShardSet

AT_ONCE = 64  # networks asked together: what their layers compute on the way takes memory


class Reidentified(NamedTuple):
    """NaN for the rules and steps that are not refitted."""

    before: np.ndarray  # float64[D, K], shares on the same battery and by the same fit
    shares: np.ndarray  # float64[D, U, R, T + 1, K]
    carry_over: np.ndarray  # float64[D, U, R, T + 1], κ

    @property
    def after(self) -> np.ndarray:
        """float64[D, U, R, K], shares at the end."""
        return self.shares[:, :, :, -1]


def reidentify(
    shards: ShardSet, networks: Networks, trace: Trace, config: ReflectConfig, seed: int
) -> Reidentified:
    """Fit the gates again, before and after reflection, on one and the same battery.

    Those of before are fitted again too, so that no difference comes of the number of contexts.

    Args:
        shards: of the agents before; their preferences are kept, and about
            `config.identify_contexts` contexts of their battery are used.
        networks: the agents before, D of them.
        trace: numpy [D, U, R], how they changed.
        config: which models, and after which steps.
        seed: of the choice among contexts, and of folds.
    """
    part = _part(shards.battery, config.identify_contexts, seed)
    preferences = np.asarray(shards.models[0].preferences)
    every, steps = rules_of(config.models), (*config.refit_steps, config.steps)
    rules = [every.index(rule) for rule in refitted(config.models)]
    asked = jax.tree.map(lambda leaf: leaf[:, :, rules, None], trace.parameters)
    if trace.kept is not None:
        way = jax.tree.map(lambda leaf: leaf[:, :, rules], trace.kept)
        asked = jax.tree.map(lambda *parts: np.concatenate(parts, axis=3), way, asked)
    new = _logits(networks, flattened(asked, 4), part.observations)
    old = _logits(networks, networks.parameters, part.observations)
    fits = _fitted(part, preferences, seed, [*old, *new])
    before, fits = fits[: len(old)], fits[len(old) :]
    shape = (*jax.tree.leaves(trace.parameters)[0].shape[:3], config.steps + 1)
    found = np.full((*shape, len(preferences)), np.nan)
    kept = np.full(shape, np.nan)
    places = np.ndindex(*shape[:2], len(rules), len(steps))
    for (agent, onset, rule, step), (model, data) in zip(places, fits, strict=True):
        place = agent, onset, rules[rule], steps[step]
        found[place] = _shares(model, data)
        kept[place] = _kappa(before[agent][0], model, data)
    begin = np.stack([_shares(*pair) for pair in before])
    found[:, :, rules, 0] = begin[:, None, None]
    return Reidentified(begin, found, kept)


def gates_again(
    shards: ShardSet, networks: Networks, parameters: Any, contexts: int, seed: int
) -> list[ShardModel]:
    """Fit the gates of networks with parameters [N], as `reidentify` does, on the same contexts.

    Args:
        shards: whose preferences are kept, and of whose battery about `contexts` are used.
        networks: only the architecture is used.
        parameters: pytree [N].
        contexts: about how many.
        seed: of the choice among contexts, and of folds.
    """
    part = _part(shards.battery, contexts, seed)
    preferences = np.asarray(shards.models[0].preferences)
    logits = _logits(networks, parameters, part.observations)
    return [model for model, _ in _fitted(part, preferences, seed, list(logits))]


def _logits(networks: Networks, parameters: Any, observations: np.ndarray) -> np.ndarray:
    """Return float32[N, C, A] of networks with parameters [N], some at a time."""
    count, seen = len(jax.tree.leaves(parameters)[0]), jnp.asarray(observations)
    found = []
    for first in range(0, count, AT_ONCE):
        rows = np.arange(first, first + min(AT_ONCE, count)) % count  # of one number: one program
        some = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], parameters)
        found.append(np.asarray(forward_many(networks.network, some, seen).logits))
    return np.concatenate(found)[:count]


def _part(battery: Battery, count: int, seed: int) -> Battery:
    """Return whole levels of a battery, about `count` contexts."""
    levels = np.random.default_rng(seed).permutation(np.unique(battery.level_index))
    sizes = np.bincount(battery.level_index, minlength=int(battery.level_index.max()) + 1)
    needed = int(np.searchsorted(np.cumsum(sizes[levels]), count)) + 1
    return battery.take(np.isin(battery.level_index, levels[:needed]))


def _fitted(
    battery: Battery, preferences: np.ndarray, seed: int, logits: list[np.ndarray]
) -> list[tuple[ShardModel, DecisionData]]:
    """Fit the gates of each agent with logits float[C, A]."""
    first = decisions_on(battery, logits[0])
    data = [with_logits(first, one) for one in logits]
    gated = partial(fit_gates, preferences, seed=seed)
    return list(zip(each(gated, data, processes=are_many(data)), data, strict=True))


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
