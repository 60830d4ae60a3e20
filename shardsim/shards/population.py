"""All agents of a run at once: one dictionary of preferences, gates and figures for each seed.

Axis letters: S agents (seeds) · C contexts · K shards · O concepts · A actions · P parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from shardsim.agent.network import Network
from shardsim.agent.policy import capture
from shardsim.base.parallel import each
from shardsim.base.statistics import Interval
from shardsim.env.core import Env
from shardsim.env.types import State
from shardsim.shards.active.add_contexts import proposed, unsure, usual_size
from shardsim.shards.active.propose import Proposal, enlarged
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.evidence.activation_gates import ActivationFit, activation_fit
from shardsim.shards.evidence.activations import agreement, influence_vectors, read_outs, sample
from shardsim.shards.evidence.causal import Causal, causal_many
from shardsim.shards.evidence.components import Directions, directions
from shardsim.shards.evidence.dose_response import Doses, dose_curves
from shardsim.shards.fit.basis import Basis, choose_basis
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.fit import ModelFit, fit
from shardsim.shards.fit.jackknife import refit_influence
from shardsim.shards.fit.joint import fit_gates, fit_shared
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.fit.verdict import NO_STRUCTURE, ONE_UTILITY
from shardsim.shards.identify import alternative_shares, data_of, parts_of
from shardsim.shards.influence import nulls, shares
from shardsim.shards.influence.influence import Edited, Influence, edit, in_model, influence_of
from shardsim.shards.influence.shares import Parts

COMPASS = {"north": (-1, 0), "east": (0, 1), "south": (1, 0), "west": (0, -1)}  # rows, columns
SAME = 0.8  # cosine above which a seed's own shard is one of the run's
UNTRAINED, SHUFFLED = "untrained, scaled head", "shuffled policy"
NULLS = (UNTRAINED, SHUFFLED)


class Agents(NamedTuple):
    """Networks of one architecture, before and after training."""

    env: Env
    network: Network
    parameters: Any  # pytree [S]
    untrained: Any  # pytree [S]


class OnBattery(NamedTuple):
    """The run's dictionary on one battery."""

    battery: Battery
    data: list[DecisionData]  # S
    models: list[ShardModel]  # S, gates under the common preferences
    strength: np.ndarray  # float64[S, C, P]
    interval: Interval  # of shares, float64[P], over levels and seeds

    @property
    def share(self) -> np.ndarray:
        """Shares float64[S, P]."""
        return shares.shares_of(self.strength, self.battery.weight)


class Nulls(NamedTuple):
    """What the method says where there is nothing to find."""

    fits: dict[str, list[ModelFit]]  # null -> S fits
    influence: Influence  # of the untrained networks with a scaled head, [S, C, O]
    scale: np.ndarray  # float64[S], the factor on the untrained logits


class Views(NamedTuple):
    """The activation side, for every seed."""

    agreement: list[dict[str, float]]  # S
    readout: dict[str, np.ndarray]  # layer or control -> float64[S, K]
    causal: list[Causal]  # S
    gates: ActivationFit | None = None  # the shards' model with gates read from activations
    doses: list[Doses] | None = None  # S, what each dose of what a shard is read from did
    directions: Directions | None = None  # single components that follow a gate


class Before(NamedTuple):
    """What was found before contexts were added."""

    own: list[ModelFit]  # S
    preferences: np.ndarray  # float64[K, O]


class Population(NamedTuple):
    """Everything that was found out about the shards of a run."""

    agents: Agents
    preferences: np.ndarray  # float64[K, O], the run's dictionary
    own: list[ModelFit]  # S, each seed by itself: bits, verdict, equal fits
    batteries: dict[str, OnBattery]  # "target", "held-out"
    influence: Influence  # on the target battery, [S, C, O]
    in_model: np.ndarray  # float64[S, C, O], removed from the fitted model
    margin: np.ndarray  # float64[K], mean over seeds
    nulls: Nulls
    views: Views | None  # None where no shard was found
    basis: Basis  # which meaning of 'toward' predicts held-out levels best, first seed
    proposal: Proposal | None = None  # contexts that separate what stands after the first fit
    before: Before | None = None  # that first fit, where the proposal was added to the target


def identify_population(agents: Agents, config: IdentifyConfig) -> Population:
    """Find the shards of all agents of a run.

    Args:
      agents: the networks.
      config: batteries, search, intervals.

    Returns:
      Figures for each seed, under one dictionary of preferences that all seeds share.
    """
    target = battery(agents.env, config.target_contexts, split="target", seed=config.seed)
    held_out = battery(agents.env, config.held_out_contexts, split="held-out", seed=config.seed)
    logits, layers, data, own = _asked(agents, target, config)
    proposal, before = _proposal(own, data, target, config), None
    if proposal is not None and config.refine:
        before = Before(own, common_preferences(own, data, config))
        target = enlarged(target, proposal.battery)
        logits, layers, data, own = _asked(agents, target, config)
    preferences = common_preferences(own, data, config)
    held_data = [data_of(held_out, one) for one in answers(agents, agents.parameters, held_out)[0]]
    matches = [match(preferences, one.preferences) for one in own]
    spread = equal_fit_offsets(own, data, matches)
    found = {
        "target": on_battery(preferences, target, data, spread, config),
        "held-out": on_battery(preferences, held_out, held_data, spread, config),
    }
    edited = edit(target, config.seed)
    effects = measure(agents, agents.parameters, target, edited)
    models = found["target"].models
    return Population(
        agents=agents,
        preferences=preferences,
        own=own,
        batteries=found,
        influence=effects,
        in_model=np.stack([in_model(m, d) for m, d in zip(models, data, strict=True)]),
        margin=margins_of(own, matches, len(preferences)),
        nulls=_nulls(agents, target, edited, logits, config),
        views=_views(agents, found["target"], own, effects, layers, config),
        basis=basis_of(target, logits[0], config),
        proposal=proposal,
        before=before,
    )


def _asked(agents: Agents, on: Battery, config: IdentifyConfig):
    """Ask every agent in every context, and fit each by itself."""
    logits, layers = answers(agents, agents.parameters, on)
    data = [data_of(on, own) for own in logits]
    own = each(partial(fit, max_shards=config.max_shards, seed=config.seed), data)
    return logits, layers, data, own


def _proposal(own, data, on: Battery, config: IdentifyConfig) -> Proposal | None:
    """Contexts to add where the config asks for some, or to name where an agent is unsure."""
    size = config.refine or usual_size(on)
    if not config.refine and not any(unsure(one) for one in own):
        return None
    return proposed(own, data, on, size=size, seed=config.seed)


def answers(
    agents: Agents, parameters: Any, on: Battery
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return logits float32[S, C, A] and activations layer -> float32[S, C, D]."""
    output = capture(agents.network, parameters, on.observations)
    return np.asarray(output.logits), {n: np.asarray(v) for n, v in output.activations.items()}


def measure(
    agents: Agents, parameters: Any, on: Battery, edited: Edited, scale: np.ndarray | None = None
) -> Influence:
    """Return the influence [S, C, O] of every concept on every agent, logits scaled by [S]."""
    factor = np.ones(1) if scale is None else scale

    def logits(states: State | None, observations: np.ndarray) -> np.ndarray:
        output = capture(agents.network, parameters, observations)
        return np.asarray(output.logits, np.float64) * factor[:, None, None]

    return influence_of(logits, on, edited)


def common_preferences(
    own: list[ModelFit], data: list[DecisionData], config: IdentifyConfig
) -> np.ndarray:
    """Return the run's dictionary float64[K, O]; that of the one agent where there is one.

    Empty where most seeds have no structure, one shard where most have at most one.
    """
    if len(own) == 1:
        return own[0].preferences
    said = [one.verdict for one in own]
    if 2 * said.count(NO_STRUCTURE) > len(said):
        return own[0].preferences[:0]
    alone = 2 * (said.count(NO_STRUCTURE) + said.count(ONE_UTILITY)) > len(said)
    return fit_shared(data, max_shards=1 if alone else config.max_shards, seed=config.seed)


def match(common: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return int64[K]: for each of the run's shards the seed's own one, or -1 where it has none."""
    found = np.full(len(common), -1)
    if len(common) and len(own):
        cosine = common @ own.T
        rows, columns = linear_sum_assignment(-cosine)
        close = cosine[rows, columns] > SAME
        found[rows[close]] = columns[close]
    return found


def on_battery(
    preferences: np.ndarray,
    on: Battery,
    data: list[DecisionData],
    spread: np.ndarray,
    config: IdentifyConfig,
) -> OnBattery:
    """Fit each seed's gates under the run's preferences, and share out its decisions.

    The interval of shares is over levels and seeds, widened by `spread` float64[2, P].
    """
    models = each(partial(fit_gates, preferences, seed=config.seed), data)
    strength = np.stack(
        [shares.strengths(parts_of(m, d)) for m, d in zip(models, data, strict=True)]
    )
    plain = shares.share_interval(
        strength,
        on.weight,
        on.level_index,
        seed=config.seed,
        draws=config.draws,
        confidence=config.confidence,
        refit=np.stack([refit_influence(m, d) for m, d in zip(models, data, strict=True)]),
    )
    wide = shares.widened(plain, [plain.mean + offset for offset in spread])
    return OnBattery(on, data, models, strength, wide)


def equal_fit_offsets(
    own: list[ModelFit], data: list[DecisionData], matches: list[np.ndarray]
) -> np.ndarray:
    """Return float64[2, P]: how far equal fits move each share down and up, mean over seeds."""
    ends = np.zeros((len(own), 2, len(matches[0]) + len(shares.REST)))
    for row, (one, decisions, matched) in enumerate(zip(own, data, matches, strict=True)):
        parts = parts_of(one, decisions)
        base = shares.shares_of(shares.strengths(parts), decisions.weight)
        offsets = [np.zeros_like(base)]
        offsets += [other - base for other in alternative_shares(one, decisions, parts)]
        low, high = np.min(offsets, 0), np.max(offsets, 0)
        held = matched >= 0
        for side, values in enumerate((low, high)):
            ends[row, side, : len(matched)][held] = values[matched[held]]
            ends[row, side, len(matched) :] = values[-len(shares.REST) :]
    return ends.mean(0)


def margins_of(own: list[ModelFit], matches: list[np.ndarray], count: int) -> np.ndarray:
    """Mean over seeds of each shard's margin; 0 for a seed that does not have it by itself."""
    margins = np.zeros((len(own), count))
    for row, (one, matched) in enumerate(zip(own, matches, strict=True)):
        margins[row, matched >= 0] = one.margin[matched[matched >= 0]]
    return margins.mean(0)


def basis_of(on: Battery, logits: np.ndarray, config: IdentifyConfig) -> Basis:
    """Compare the hypotheses of what 'toward a concept' means, on a sample of the battery."""
    rows = sample(on.size, config.seed, config.null_contexts)
    data = data_of(on.take(rows), logits[rows])
    names = on.env.action_names
    moves = None
    if set(names) <= set(COMPASS):
        moves = np.array([COMPASS[name] for name in names], np.float64)
    return choose_basis(data, on.concepts, moves, seed=config.seed)


def _nulls(
    agents: Agents, target: Battery, edited: Edited, logits: np.ndarray, config: IdentifyConfig
) -> Nulls:
    """Fit and measure untrained networks as sharp as the trained ones, and shuffled policies."""
    entropy = nulls.entropy_bits(logits, target.weight)
    untrained, _ = answers(agents, agents.untrained, target)
    scale = nulls.head_scale(untrained, entropy, target.weight)
    rows = sample(target.size, config.seed, config.null_contexts)
    few = target.take(rows)
    empty = {
        UNTRAINED: untrained[:, rows] * scale[:, None, None],
        SHUFFLED: nulls.shuffled(logits[:, rows], config.seed),
    }
    one = partial(fit, max_shards=config.max_shards, seed=config.seed)
    fits = {
        name: each(one, [data_of(few, own) for own in values]) for name, values in empty.items()
    }
    return Nulls(fits, measure(agents, agents.untrained, target, edited, scale), scale)


def _views(
    agents: Agents,
    found: OnBattery,
    own: list[ModelFit],
    effects: Influence,
    layers: Mapping[str, np.ndarray],
    config: IdentifyConfig,
) -> Views | None:
    """Cluster, read and ablate on a sample of the target battery."""
    if not found.models[0].num_shards:
        return None
    rows = sample(found.battery.size, config.seed, config.view_contexts)
    seen, level_index = found.battery.observations[rows], found.battery.level_index[rows]
    gates = [model.gates[rows] for model in found.models]
    _, whole = answers(agents, agents.untrained, found.battery)
    blank = {name: values[:, rows] for name, values in whole.items()}
    few = {name: values[:, rows] for name, values in layers.items()}
    parts = [_rows(parts_of(m, d), rows) for m, d in zip(found.models, found.data, strict=True)]
    causal = causal_many(
        agents.network,
        agents.parameters,
        seen,
        parts,
        directions=config.random_directions,
        seed=config.seed,
    )
    return Views(
        _agreements(found, effects, few, blank, rows, config),
        read_outs(gates, few, seen, level_index, blank, config.seed),
        causal,
        activation_fit(
            found.models,
            found.data,
            [one.bits for one in own],
            layers,
            found.battery.observations,
            untrained=whole,
            contexts=config.view_contexts,
            seed=config.seed,
        ),
        dose_curves(agents.network, agents.parameters, seen, parts, seed=config.seed),
        directions(gates, few, seen, level_index, untrained=blank, seed=config.seed),
    )


def _rows(parts: Parts, rows: np.ndarray) -> Parts:
    return Parts(parts.shards[rows], parts.habit, parts.affordance[rows], parts.logits[rows])


def _agreements(found: OnBattery, effects, layers, untrained, rows, config):
    """Adjusted mutual information of behavioural and activation clusters, for each seed."""
    seen = found.battery.observations[rows]

    def one(seed: int) -> dict[str, float]:
        removed = np.nan_to_num(in_model(found.models[seed], found.data[seed])[rows])
        return agreement(
            influence_vectors(effects.signed[seed][rows], removed),
            {name: values[seed] for name, values in layers.items()},
            seen,
            untrained={name: values[seed] for name, values in untrained.items()},
            seed=config.seed,
        )

    return [one(seed) for seed in range(len(found.models))]
