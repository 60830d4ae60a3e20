"""dose-curves: each shard's strength under doses of its reading in a layer."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError, did_you_mean
from shardsim.plot.dose_response import dose_curves
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run
from shardsim.shards.evidence.dose_response import best_layers

SIDE_BY_SIDE = True
ORDER = ("seed", "layer", "shard")


def draw(
    run: Run, *, layer: str = "", seed: int | None = None, confidence: float = 0.9
) -> FigureBase:
    """Draw a panel a shard, in the layer of its largest selectivity unless one is named."""
    data = results.of_seed(results.shards(run, "there was no intervention"), seed)
    layers = [str(name) for name in data["layer"].values]
    if layer and layer not in layers:
        raise UserError(f"the network has no layer {layer!r}; {did_you_mean(layer, layers)}")
    ratio, slope = (data[name].transpose(*ORDER).values for name in ("selectivity", "slope_own"))
    chosen = best_layers(ratio, slope)
    if layer:
        chosen = np.full_like(chosen, layers.index(layer))
    shards = np.arange(len(chosen))
    curves = [data[n].transpose(*ORDER, "dose").values for n in ("dose_own", "dose_other")]
    random = data["dose_random"].transpose(*ORDER, "rotation", "dose").values
    said = ratio.mean(0)[chosen, shards]
    titles = [
        f"{name}, {layers[place]}" + (f": selectivity {value:.1f}" if np.isfinite(value) else "")
        for name, place, value in zip(results.labels(data), chosen, said, strict=True)
    ]
    own, other = (values[:, chosen, shards] for values in curves)
    return dose_curves(
        data["dose"].values, own, other, random[:, chosen, shards], titles, confidence
    )
