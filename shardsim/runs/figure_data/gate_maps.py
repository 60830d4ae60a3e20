"""Where shards act: gates in any contexts, and a network's activations beside them.

Axes: C contexts, K shards, D units.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole, whole
from shardsim.runs.batteries import battery_of
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run
from shardsim.shards.contexts.policies import respond
from shardsim.shards.fit.data import gate_features
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.identify import data_of


def gates_at(run: Run, seed: Whole, covariates: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each shard's gate where the covariates are known, by name; NaN elsewhere.

    The gates are fitted again from the run's dictionary, which is the same fit as in `identify`,
    and then read in the new contexts.

    Args:
        run: a run whose shards are identified.
        seed: position of the agent.
        covariates: name -> f[…], all of one shape.

    Returns:
        Name of the shard -> f[…], in logits a move.

    Raises:
        UserError: no such seed, or no shard at all.
    """
    data = run.dataset("shards.nc")
    logits = results.pick(data, "seed", seed)["logits"].transpose("context", "action").values
    preferences = data["preferences"].transpose("shard", "concept").values
    if not len(preferences):
        raise UserError("no shard was found in this run, so there is no gate to draw")
    known = battery_of(run, "target")
    model = fit_gates(preferences, data_of(known, logits), seed=run.config.identify.seed)
    wanted, _ = gate_features({k: np.ravel(v) for k, v in covariates.items()}, known.concepts)
    values = model.gate(wanted)
    values[~np.isfinite(np.ravel(covariates["row"]))] = np.nan
    shape = covariates["row"].shape
    names = results.shard_names(data)
    return {f"{name} shard": values[:, place].reshape(shape) for place, name in enumerate(names)}


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
    data = results.pick(run.dataset("shards.nc"), "seed", seed)
    gates = data["gates"].transpose("context", "shard").values
    known = battery_of(run, "target")
    chosen = np.unique(np.linspace(0, known.size - 1, min(contexts, known.size)).astype(int))
    answer = respond(agent, run.env, None, known.observations[chosen])
    layers = [layer] if layer else list(agent.layers)
    return {name: answer.activations[name] for name in layers}, gates[chosen]
