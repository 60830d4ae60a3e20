"""From agents and a battery to their shards, beside every rival and every null: the one path.

`identify` asks one policy over a battery (S = 1), a run identifies all of its seeds together under
one dictionary of preferences, and both are given a `ShardSet`.

Axis letters: S agents (seeds) · C contexts · K shards · O concepts · A actions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from shardsim.base import content
from shardsim.base.parallel import each
from shardsim.base.progress import SILENT, Progress
from shardsim.base.scalars import Whole, whole
from shardsim.base.schema import labelled
from shardsim.base.seeds import checked_seed
from shardsim.shards import decide, stored_models, values
from shardsim.shards.agents import Agents, Networks, agents_of
from shardsim.shards.asking import Asked, asked_where_it_matters, respond, separation
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.sampling import DISTANCE_BINS
from shardsim.shards.describe import short_names
from shardsim.shards.evidence.gather import Behaviour, gather
from shardsim.shards.evidence.objects import effects_of_objects
from shardsim.shards.evidence.training import Training, trace
from shardsim.shards.fit.basis import Basis, choose_basis
from shardsim.shards.fit.data import DecisionData, decisions_on, whole_levels
from shardsim.shards.fit.dictionary import common_preferences, margins, match
from shardsim.shards.fit.fit import ModelFit, Null
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.history import remembered
from shardsim.shards.influence.influence import Edited, Influence, edit, influence_of
from shardsim.shards.influence.share_intervals import ShareTable, equal_fit_offsets, share_table
from shardsim.shards.influence.shares import REST
from shardsim.shards.null_agents import empty_of, fits_of, threshold_before
from shardsim.shards.schema import SHARDS
from shardsim.shards.shardset import ShardSet

COMPASS = {"north": (-1, 0), "east": (0, 1), "south": (1, 0), "west": (0, -1)}  # rows, columns
# What each part costs beside the others, in seconds of the demo.
COSTS = {
    "fits": 80.0,
    "dictionary and shares": 5.0,
    "influence": 2.0,
    "objects": 4.0,
    "nulls": 20.0,
    "activations": 15.0,
    "updates of training": 5.0,
    "basis and verdict": 2.0,
}
MEMORY_COST = 30.0  # of agents that have one


class Found(NamedTuple):
    """The dictionary of all agents, and each agent under it."""

    preferences: np.ndarray  # float64[K, O]
    matches: list[np.ndarray]  # S times int64[K], which of its own shards each is, or -1
    models: list[ShardModel]  # S
    tables: dict[str, ShareTable]  # battery -> shares


class Nulls(NamedTuple):
    """What the method says where there is nothing to find."""

    fits: dict[str, list[Null]]  # null -> S fits
    influence: Influence | None  # [S, C, O] of untrained networks as sharp as the agents


@content.blaming_files()
def identify(
    policy: Callable[..., Any],
    battery: Battery,
    *,
    max_shards: Whole = 8,
    seed: Whole = 0,
    refine: Whole = 0,
) -> ShardSet:
    """Find a policy's shards over a battery.

    Args:
      policy: obs float32[B, H, W, planes] -> logits[B, A], or (logits, {layer: [B, D]}); numpy,
        jax or torch; called in batches on observations alone. `state_policy` makes one of a rule
        over states. An `Agent`, which can be patched, is also checked causally.
      battery: at least 100 contexts from two levels; 9,000 serve a trained network well.
      max_shards: upper limit of the search.
      seed: of folds, starts, resampling and edits; the same seed gives the same result.
      refine: contexts to add where the hypotheses that stand after a first fit differ most; the
        policy is asked there and fitted again. They have no weight in shares, and the ShardSet is
        over the battery with them.

    Returns:
      A `ShardSet` without an axis of seeds. A shard that only behaviour shows is there, with
      `confirmed` False.

    Raises:
      UserError: too few contexts or levels, a number out of its range, or logits of a wrong shape
        or not finite.
    """
    max_shards, refine = whole("max_shards", max_shards, 1, 32), whole("refine", refine)
    seed = checked_seed(seed)
    config = IdentifyConfig(max_shards=max_shards, seed=seed, refine=refine)
    agents = agents_of(policy, battery, seed)
    return identify_agents(agents, battery, config, suggest=False).seed(0)


def identify_agents(
    agents: Agents,
    main: Battery,
    config: IdentifyConfig,
    *,
    beside: Mapping[str, Battery] | None = None,
    seeds: list[int] | None = None,
    training: Training | None = None,
    suggest: bool = True,
    progress: Progress = SILENT,
) -> ShardSet:
    """Find the shards of agents together, under one dictionary of preferences.

    Args:
      agents: S of them.
      main: the battery that they are identified on.
      config: search, samples and intervals; the sizes of batteries are not asked for.
      beside: further batteries, over which shares are given too.
      seeds: names of the agents on the axis `seed`.
      training: of networks, for what updates did to each shard.
      suggest: name contexts that would tell more where an agent is unsure, which takes a search.
      progress: where to say how far it is.

    Returns:
      A `ShardSet` with an axis of seeds.
    """
    asked_empty = agents if isinstance(agents, Networks) and agents.network.remembers else None
    progress.plan(COSTS | ({"memory": MEMORY_COST} if asked_empty else {}))
    with progress.part("fits") as part:
        asked = asked_where_it_matters(agents, main, config, suggest, progress=part)
    on = asked.on
    with progress.part("dictionary and shares"):
        found = _found(agents, asked, config, beside or {})
    with progress.part("influence"):
        edited = edit(on)
        effects = _influence(agents, on, edited, np.ones(1), mirror=agents.sees_mirrored)
    with progress.part("nulls"):
        empty = _nulls(agents, asked, edited, config)
    seen = Behaviour(on, found.models, asked.data, asked.own, effects.signed, edited)
    with progress.part("objects"):
        by_objects = effects_of_objects(agents, seen, _moves(on), config)
    with progress.part("activations"):
        inside = gather(agents, asked.answers, seen, config)
    with progress.part("updates of training"):
        gathered = (by_objects, inside, trace(agents, training, seen, config))
    arrays = {
        **_behaviour(found, asked),
        **values.of_influence(effects, found.models, asked.data, on, empty.influence),
        "null_shardness": [[one.shardness for one in row] for row in empty.fits.values()],
        "null_shards": [[one.num_shards for one in row] for row in empty.fits.values()],
    }
    coordinates = {
        **_coordinates(found, asked),
        "seed": list(range(len(asked.own))) if seeds is None else list(seeds),
        "null": list(empty.fits),
    }
    for one in gathered:
        arrays |= one.values
        coordinates |= one.coordinates
    if asked_empty:
        with progress.part("memory") as part:
            found_so = remembered.remembered(asked_empty, on, config, part)
            arrays |= remembered.values_of(found_so, on.concepts)
    with progress.part("basis and verdict"):
        basis = _basis(on, asked.answers.logits[0], config)
        said = {"identified_on": on.split, "basis": basis.name}
        table = decide.decided(labelled(SHARDS, arrays, coordinates, said))
        before = threshold_before(agents, asked, config)
        table.attrs["separation"] = json.dumps(separation(asked, before, config))
    return ShardSet(table, on, tuple(asked.own))


def _found(
    agents: Agents, asked: Asked, config: IdentifyConfig, beside: Mapping[str, Battery]
) -> Found:
    """Find the dictionary, fit each agent's gates under it, and share out its decisions."""
    preferences = common_preferences(asked.own, max_shards=config.max_shards, seed=config.seed)
    matches = [match(preferences, one.preferences) for one in asked.own]
    offsets = equal_fit_offsets(asked.own, asked.data, matches)
    refit = partial(fit_gates, preferences, seed=config.seed)

    def again(agent: tuple[ModelFit, DecisionData]) -> ShardModel:
        return refit(agent[1], work=agent[0].structure.work)

    shared = partial(
        share_table, seed=config.seed, draws=config.draws, confidence=config.confidence
    )
    # One agent's dictionary is its own, and its gates are fitted already.
    alone = len(asked.own) == 1
    models: list[ShardModel] = (
        [*asked.own] if alone else each(again, zip(asked.own, asked.data, strict=True))
    )
    tables = {}
    for name, other in beside.items():
        data = [decisions_on(other, logits) for logits in respond(agents, other).logits]
        tables[name] = shared(each(refit, data), data, offsets)
    tables[asked.on.split] = shared(models, asked.data, offsets)
    return Found(preferences, matches, models, tables)


def _behaviour(found: Found, asked: Asked) -> dict[str, Any]:
    """What behaviour says, as arrays of the table."""
    count, margin = (
        len(found.preferences),
        margins(asked.own, found.matches, len(found.preferences)),
    )
    return {
        **values.of_gates(found.models, asked.on),
        **values.of_shares(found.tables, count),
        **values.of_fits(asked.own, asked.data),
        **values.of_equal_fits(asked.own, found.matches, margin, len(asked.on.concepts)),
        **values.of_contexts(asked.on),
        **stored_models.write(found.models),
    }


def _coordinates(found: Found, asked: Asked) -> dict[str, Any]:
    concepts = asked.on.concepts
    return {
        "shard": np.arange(1, len(found.preferences) + 1),
        "shard_name": np.array(short_names(found.preferences, concepts), dtype=str),
        "concept": list(concepts),
        "action": list(asked.on.env.action_names),
        "battery": list(found.tables),
        "rest": list(REST),
        "end": ["low", "high"],
        "model": values.model_names(),
        "distance_bin": list(DISTANCE_BINS),
        "feature": list(asked.data[0].feature_names),
    }


def _influence(
    agents: Agents, on: Battery, edited: Edited, scale: np.ndarray, *, mirror: bool
) -> Influence:
    """Return the influence [S, C, O] of every concept on every agent, logits scaled by [S]."""

    def logits(states, observations) -> np.ndarray:
        answered = np.asarray(agents.respond(states, observations).logits, np.float64)
        return answered * scale[:, None, None]

    return influence_of(logits, on, edited, mirror=mirror)


def _nulls(agents: Agents, asked: Asked, edited: Edited, config: IdentifyConfig) -> Nulls:
    """Fit and measure untrained networks as sharp as the agents, and shuffled policies."""
    empty = empty_of(agents, asked, config)
    fresh: Networks | None = agents.untrained
    effects = None
    if fresh is not None and empty.scale is not None:
        effects = _influence(fresh, asked.on, edited, empty.scale, mirror=False)
    return Nulls(fits_of(empty, asked.on, config), effects)


def _basis(on: Battery, logits: np.ndarray, config: IdentifyConfig) -> Basis:
    """Compare the hypotheses of what 'toward a concept' means, on a sample of the battery."""
    rows = whole_levels(on.level_index, config.null_contexts, config.seed)
    data = decisions_on(on.take(rows), logits[rows])
    return choose_basis(data, on.concepts, _moves(on), seed=config.seed)


def _moves(on: Battery) -> np.ndarray | None:
    """Return float64[A, 2], rows and columns that actions go, where all are compass words."""
    names = on.env.action_names
    if not set(names) <= set(COMPASS):
        return None
    return np.array([COMPASS[name] for name in names], np.float64)
