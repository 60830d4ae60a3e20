"""activation-map: a layer's activations in two dimensions, coloured by the strongest shard."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.activations import activation_map, principal_components
from shardsim.runs.figure_data import gate_maps, results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int = 0, layer: str = "", contexts: int = 1500) -> FigureBase:
    """Draw the first two principal components over a battery; all layers unless one is named."""
    data = run.shards.dataset
    layers, gates = gate_maps.activations(run, seed, layer, contexts)
    maps = {name: principal_components(values) for name, values in layers.items()}
    return activation_map(maps, gates, results.labels(data), results.colours(data))
