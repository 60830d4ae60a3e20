"""All evidence beside behaviour, for agents together: read-outs, effects, erasure, doses.

Axis letters: S agents (seeds) · C contexts · K shards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from shardsim.agent.network import Network
from shardsim.shards.agents import Agents, Answers
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence import activations, components, dose_response, unit_groups
from shardsim.shards.evidence import agreement as clusters
from shardsim.shards.evidence import effects as removed
from shardsim.shards.evidence.activation_gates import ActivationFit, activation_fit
from shardsim.shards.evidence.causal import erase, erases_another
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.influence import Edited, in_model
from shardsim.shards.influence.shares import Parts, parts_of

CONSTANT = 1e-6  # spread of a gate below which there is nothing to read
SHUFFLES = 10  # whose mean is taken: where few contexts are inactive, one may be far from chance


class Behaviour(NamedTuple):
    """What evidence is sought for: the agents' shards over one battery."""

    on: Battery
    models: Sequence[ShardModel]  # S
    data: Sequence[DecisionData]  # S
    own: Sequence[ModelFit]  # S, each agent fitted by itself
    signed: np.ndarray  # float64[S, C, O], influence of removing each concept
    edited: Edited  # the contexts without each object


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
    asked = Answers(answers.logits[:, rows], few)
    effects = removed.measure(
        agents, found.on, found.edited, rows, asked, Answers(asked.logits, few_blank)
    )
    gates = [model.gates[rows] for model in found.models]
    seen, levels = found.on.observations[rows], found.on.level_index[rows]
    read = activations.read_outs(gates, few, seen, levels, few_blank, config.seed)
    single = components.find(gates, few, seen, levels, untrained=few_blank, seed=config.seed)
    values: dict[str, Any] = {"readable": _readable(read, list(few), found.models)}
    coordinates: dict[str, Any] = {"layer": list(few)}
    for one in (
        _agreement(found, asked, few_blank, effects, rows, config),
        _activity(found, effects, rows, config),
        _gates(found, answers.layers, blank, config),
        Gathered(components.values_of(single), components.coordinates_of(single)),
        _interventions(agents, found, effects, rows, config),
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
    asked: Answers,
    untrained: Mapping[str, np.ndarray],
    effects: removed.Effects,
    rows: np.ndarray,
    config: IdentifyConfig,
) -> Gathered:
    """Clusters of every view of every layer beside what is done in each context."""
    inputs = {clusters.RAW: found.on.observations[rows].reshape(len(rows), -1)}
    if effects.objects:
        inputs[clusters.RAW_EFFECTS] = effects.inputs.reshape(len(rows), -1)
    count = asked.logits.shape[2] + 1
    same = clusters.grouped(inputs, count, config.seed)
    tables = []
    for agent, (model, data) in enumerate(zip(found.models, found.data, strict=True)):
        gone = np.nan_to_num(in_model(model, data)[rows])
        vectors = clusters.influence_vectors(found.signed[agent][rows], gone)
        labels = {
            clusters.BEHAVIOUR: clusters.behaviour_clusters(vectors, config.seed),
            clusters.STRONGEST: removed.strongest(_pulls(model, data, rows)),
            clusters.ACTION: asked.logits[agent].argmax(1),
        }
        tables.append([])
        for name in asked.layers:
            views = clusters.views_of(agent, name, asked.layers, untrained, asked.logits, effects)
            groups = clusters.grouped(views, count, config.seed) | same
            tables[-1].append(clusters.agreement(labels, groups, config.seed))
    return Gathered(
        {"agreement": np.moveaxis(np.array(tables), 1, -1)},
        {"label": list(clusters.LABELS), "view": list(clusters.VIEWS)},
    )


def _pulls(model: ShardModel, data: DecisionData, rows: np.ndarray) -> np.ndarray:
    """Return float64[C, K]: how strongly each shard pulls in some contexts, logits."""
    return removed.pull_sizes(parts_of(model, data).shards[rows])


def _activity(
    found: Behaviour, effects: removed.Effects, rows: np.ndarray, config: IdentifyConfig
) -> Gathered:
    """Whether the size of an object's effect says that its shard is active, beside controls."""
    if not effects.objects:
        return Gathered({}, {})
    objects = removed.objects_of(found.models[0].preferences, effects.objects)
    rng = np.random.default_rng(config.seed)
    tables: dict[str, list[Any]] = {"": [], "_untrained": [], "_shuffled": []}
    for agent, (model, data) in enumerate(zip(found.models, found.data, strict=True)):
        pulls = _pulls(model, data, rows)
        there = np.isfinite(found.signed[agent][rows][:, list(effects.objects)])

        def scores(sources, pulls=pulls, there=there) -> list[np.ndarray]:
            return [removed.activity_auc(size, pulls, objects, there) for size in sources]

        sizes = [removed.sizes(values[agent]) for values in effects.layers.values()]
        orders = [rng.permutation(len(rows)) for _ in range(SHUFFLES)]
        tables[""].append(scores(sizes))
        tables["_untrained"].append(
            scores(removed.sizes(v[agent]) for v in effects.untrained.values())
        )
        mixed = [scores(size[order] for size in sizes) for order in orders]
        tables["_shuffled"].append(np.mean(mixed, 0))
    if not effects.untrained:
        del tables["_untrained"]
    return Gathered({f"activity_auc{name}": t for name, t in tables.items()}, {})


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
    agents: Agents,
    found: Behaviour,
    effects: removed.Effects,
    rows: np.ndarray,
    config: IdentifyConfig,
) -> Gathered:
    """Erase and dose what each shard is read from and ablate the units that carry its object.

    Where the networks can be patched.
    """
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
            **_groups(network, parameters, found, parts, effects, rows, config),
        },
        {"dose": doses[0].dose},
    )


def _groups(
    network: Network,
    parameters: Any,
    found: Behaviour,
    parts: Sequence[Parts],
    effects: removed.Effects,
    rows: np.ndarray,
    config: IdentifyConfig,
) -> dict[str, Any]:
    """Ablate the units that carry each shard's object; nothing where no object can be removed."""
    dealt = unit_groups.halves(found.on.level_index[rows], config.seed)
    if dealt is None or not effects.objects:
        return {}
    groups = unit_groups.ablate(
        network,
        parameters,
        found.on.observations[rows],
        parts,
        effects.layers,
        removed.objects_of(found.models[0].preferences, effects.objects),
        dealt,
        random=config.random_directions,
        seed=config.seed,
    )
    return unit_groups.values_of(groups)


def rows_of(parts: Parts, rows: np.ndarray) -> Parts:
    """Return what the parts add in some of the contexts."""
    return Parts(parts.shards[rows], parts.habit, parts.affordance[rows], parts.logits[rows])
