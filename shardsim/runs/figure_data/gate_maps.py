"""Where shards act: gates in any contexts, and a network's activations beside them.

Axes: C contexts, K shards, D units.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole, whole
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run
from shardsim.shards.contexts.policies import respond
from shardsim.shards.evidence.activations import sample
from shardsim.shards.fit.data import decisions_on, gate_features
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.shard_model import ShardModel


def gates_at(
    run: Run, seed: Whole, covariates: Mapping[str, np.ndarray], checkpoint: Whole = -1
) -> dict[str, np.ndarray]:
    """Each shard's gate where the covariates are known, by name; NaN elsewhere.

    At a checkpoint other than the last one the gates are fitted now, as the track fits them: under
    the run's preferences, on its sample of the battery.

    Args:
        run: a run whose shards are identified.
        seed: position of the agent.
        covariates: name -> f[…], all of one shape.
        checkpoint: position of the agent's checkpoint.

    Returns:
        Name of the shard -> f[…], in logits per move.

    Raises:
        UserError: no such seed or checkpoint, or no shard at all.
    """
    found = run.shards
    if not found.num_shards:
        raise UserError("no shard was found in this run, so there is no gate to draw")
    model = _model(run, seed, checkpoint)
    wanted, _ = gate_features({k: np.ravel(v) for k, v in covariates.items()}, found.concepts)
    values = model.gate(wanted)
    values[~np.isfinite(np.ravel(covariates["row"]))] = np.nan
    shape = covariates["row"].shape
    names = results.labels(found.dataset)
    return {name: values[:, place].reshape(shape) for place, name in enumerate(names)}


def _model(run: Run, seed: Whole, checkpoint: Whole) -> ShardModel:
    """The fit of one agent at one checkpoint."""
    found, agent = run.shards, run.agent(seed, checkpoint)
    if int(checkpoint) in (-1, len(run.updates) - 1):
        return found.seed(seed).models[0]
    config = run.config.identify
    few = found.battery.take(sample(found.battery.size, config.seed, config.track_contexts))
    data = decisions_on(few, respond(agent, run.env, None, few.observations).logits)
    return fit_gates(found.seed(seed).preferences, data, seed=config.seed)


def activations(
    run: Run, seed: Whole = 0, layer: str = "", contexts: Whole = 1500
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A trained agent's activations f[C, D] by layer over the battery, and the gates f[C, K] there.

    Args:
        run: a run whose shards are identified.
        seed: position of the agent.
        layer: the only layer wanted; all if empty.
        contexts: at most so many, evenly from the battery.

    Raises:
        UserError: no such seed or layer, or fewer than two contexts.
    """
    contexts = whole("contexts", contexts, 2)
    agent = run.agent(seed)
    if layer and layer not in agent.layers:
        raise UserError(f"there is no layer {layer!r}; {did_you_mean(layer, agent.layers)}")
    gates, known = run.shards.seed(seed).gates, run.shards.battery
    chosen = np.unique(np.linspace(0, known.size - 1, min(contexts, known.size)).astype(int))
    answer = respond(agent, run.env, None, known.observations[chosen])
    layers = [layer] if layer else list(agent.layers)
    return {name: answer.activations[name] for name in layers}, gates[chosen]
