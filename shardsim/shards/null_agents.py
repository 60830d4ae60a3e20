"""Agents in which there is nothing to find, fitted as the others are.

Axis letters: S agents (seeds) · C contexts · A actions.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from shardsim.base.parallel import each
from shardsim.shards.agents import Agents, Networks
from shardsim.shards.asking import Asked, respond
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import are_many, decisions_on, whole_levels
from shardsim.shards.fit.fit import Null, fit_null
from shardsim.shards.influence import nulls

UNTRAINED, SHUFFLED = "untrained, scaled head", "shuffled policy"


class Empty(NamedTuple):
    """What such agents say over a battery."""

    logits: dict[str, np.ndarray]  # null -> float[S, C, A]
    scale: np.ndarray | None  # float64[S], factor on the logits of untrained networks


def empty_of(agents: Agents, asked: Asked, config: IdentifyConfig) -> Empty:
    """Return untrained networks, made as sharp as the agents, and the agents' shuffled policies."""
    on, logits = asked.on, asked.answers.logits
    found, scale = {}, None
    fresh: Networks | None = agents.untrained
    if fresh is not None:
        blank = respond(fresh, on).logits
        scale = nulls.head_scale(blank, nulls.entropy_bits(logits, on.weight), on.weight)
        found[UNTRAINED] = blank * scale[:, None, None]
    rows = whole_levels(on.level_index, config.null_contexts, config.seed)
    shuffled = logits.copy()
    shuffled[:, rows] = nulls.shuffled(logits[:, rows], config.seed)
    return Empty({**found, SHUFFLED: shuffled}, scale)


def fits_of(empty: Empty, on: Battery, config: IdentifyConfig) -> dict[str, list[Null]]:
    """Return null -> S fits, on whole levels of the battery."""
    rows = whole_levels(on.level_index, config.null_contexts, config.seed)
    few = on.take(rows)
    one = partial(fit_null, max_shards=config.max_shards, seed=config.seed)
    data = [decisions_on(few, own) for said in empty.logits.values() for own in said[:, rows]]
    fits = each(one, data, processes=are_many(data))
    count = len(fits) // len(empty.logits)
    return {name: fits[at * count : (at + 1) * count] for at, name in enumerate(empty.logits)}


def threshold_before(agents: Agents, asked: Asked, config: IdentifyConfig) -> float:
    """The largest mean shardness of a null before contexts were added; unasked where none were."""
    if asked.before is None:
        return -np.inf
    fits = fits_of(empty_of(agents, asked.before, config), asked.before.on, config)
    return max(float(np.mean([one.shardness for one in row])) for row in fits.values())
