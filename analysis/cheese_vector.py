"""cheese-vector: an object's activation vector subtracted and added, beside Turner et al. 2023."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from shardsim.plot.interventions import cheese_vector
from shardsim.runs.run import Run
from shardsim.shards.views.retarget import VECTORS, vector_cases, vector_effects


def draw(
    run: Run, *, concept: str = "", rival: str = "", levels: int = 64, confidence: float = 0.9
) -> Figure:
    """Draw all seeds' last checkpoint; the first object against the last concept by default."""
    concepts = run.env.concepts
    objects = [one.name for one in concepts if one.kind == "object"]
    concept = concept or objects[0]
    rival = rival or [one.name for one in concepts if one.name != concept][-1]
    parameters = run.checkpoint().parameters
    cases = vector_cases(run.env, concept, rival, levels)
    network = run.learner.network
    found = {
        layer: vector_effects(run.env, network, parameters, cases, concept, layer)
        for layer in network.layers
    }
    first = next(iter(found.values()))
    return cheese_vector(
        first.coefficient,
        {layer: np.nanmedian(one.chance, axis=-1) for layer, one in found.items()},
        {layer: np.median(one.removed, axis=-1) for layer, one in found.items()},
        VECTORS,
        concept,
        confidence,
    )
