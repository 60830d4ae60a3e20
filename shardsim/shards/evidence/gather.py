"""All evidence beside behaviour, for agents together: read-outs, clusters, erasure, doses.

Axis letters: S agents (seeds) · C contexts · K shards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from shardsim.shards.agents import Agents, Answers
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence import activations, components, dose_response
from shardsim.shards.evidence.activation_gates import ActivationFit, activation_fit
from shardsim.shards.evidence.causal import erase, erases_another
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.influence import in_model
from shardsim.shards.influence.shares import Parts, parts_of

CONSTANT = 1e-6  # spread of a gate below which there is nothing to read


class Behaviour(NamedTuple):
    """What evidence is sought for: the agents' shards over one battery."""

    on: Battery
    models: Sequence[ShardModel]  # S
    data: Sequence[DecisionData]  # S
    own: Sequence[ModelFit]  # S, each agent fitted by itself
    signed: np.ndarray  # float64[S, C, O], influence of removing each concept


class Gathered(NamedTuple):
    """Values and coordinates of the shards' table."""

    values: Mapping[str, Any]
    coordinates: Mapping[str, Any]


def gather(agents: Agents, answers: Answers, found: Behaviour, config: IdentifyConfig) -> Gathered:
    """Read, cluster, erase and dose; empty where there are no activations or no shards."""
    if not answers.layers or not found.models[0].num_shards:
        return Gathered({}, {})
    rows = activations.sample(found.on.size, config.seed, config.view_contexts)
    blank = _untrained(agents, found.on)
    few = {name: values[:, rows] for name, values in answers.layers.items()}
    few_blank = {name: values[:, rows] for name, values in blank.items()}
    gates = [model.gates[rows] for model in found.models]
    seen, levels = found.on.observations[rows], found.on.level_index[rows]
    read = activations.read_outs(gates, few, seen, levels, few_blank, config.seed)
    single = components.find(gates, few, seen, levels, untrained=few_blank, seed=config.seed)
    values: dict[str, Any] = {"readable": _readable(read, list(few), found.models)}
    coordinates: dict[str, Any] = {"layer": list(few)}
    for one in (
        _agreement(found, few, few_blank, rows, config),
        _gates(found, answers.layers, blank, config),
        Gathered(components.values_of(single), components.coordinates_of(single)),
        _interventions(agents, found, rows, config),
    ):
        values |= one.values
        coordinates |= one.coordinates
    return Gathered(values, coordinates)


def _untrained(agents: Agents, on: Battery) -> dict[str, np.ndarray]:
    fresh = agents.untrained
    return {} if fresh is None else fresh.respond(None, on.observations).layers


def _readable(
    read: Mapping[str, np.ndarray], layers: Sequence[str], models: Sequence[ShardModel]
) -> np.ndarray:
    """Return bool[S, K]: a layer reads the gate better than shuffled labels, or it is constant."""
    chance = np.maximum(read[activations.SHUFFLED], 0.0) + activations.BETTER
    seen = np.any([read[layer] > chance for layer in layers], 0)
    return seen | np.stack([model.gates.std(0) < CONSTANT for model in models])


def _agreement(
    found: Behaviour,
    layers: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    rows: np.ndarray,
    config: IdentifyConfig,
) -> Gathered:
    """Adjusted mutual information of behavioural and activation clusters, for each agent."""
    tables = []
    for seed, (model, data) in enumerate(zip(found.models, found.data, strict=True)):
        removed = np.nan_to_num(in_model(model, data)[rows])
        vectors = activations.influence_vectors(found.signed[seed][rows], removed)
        tables.append(
            activations.ami_by_layer(
                vectors,
                {name: values[seed] for name, values in layers.items()},
                found.on.observations[rows],
                untrained={name: values[seed] for name, values in untrained.items()},
                seed=config.seed,
            )
        )
    controls = [name for name in tables[0] if name not in layers]
    return Gathered(
        {
            "agreement": [[one[name] for one in tables] for name in layers],
            "agreement_control": [[one[name] for one in tables] for name in controls],
        },
        {"control": controls},
    )


def _gates(
    found: Behaviour,
    layers: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    config: IdentifyConfig,
) -> Gathered:
    """Explained with gates read from every layer and control."""
    fitted: ActivationFit | None = activation_fit(
        found.models,
        found.data,
        [one.bits for one in found.own],
        layers,
        found.on.observations,
        untrained=untrained,
        contexts=config.view_contexts,
        seed=config.seed,
    )
    if fitted is None:
        return Gathered({}, {})
    return Gathered({"explained_by_source": fitted.explained}, {"gate_source": fitted.sources})


def _interventions(
    agents: Agents, found: Behaviour, rows: np.ndarray, config: IdentifyConfig
) -> Gathered:
    """Erase and dose what each shard is read from, where the networks can be patched."""
    if agents.patchable is None:
        return Gathered({}, {})
    network, parameters = agents.patchable
    seen = found.on.observations[rows]
    parts = [rows_of(parts_of(m, d), rows) for m, d in zip(found.models, found.data, strict=True)]
    checks = erase(
        network,
        parameters,
        seen,
        parts,
        directions=config.random_directions,
        seed=config.seed,
    )
    doses = dose_response.dose_curves(network, parameters, seen, parts, seed=config.seed)
    return Gathered(
        {
            "specific": [one.specific.any(0) for one in checks],
            "erases_another": [erases_another(one) for one in checks],
            **dose_response.values_of(doses),
        },
        {"dose": doses[0].dose},
    )


def rows_of(parts: Parts, rows: np.ndarray) -> Parts:
    """Return what the parts add in some of the contexts."""
    return Parts(parts.shards[rows], parts.habit, parts.affordance[rows], parts.logits[rows])
