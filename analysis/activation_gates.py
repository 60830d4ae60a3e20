"""activation-gates: fraction explained with gates read from each layer, with controls."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.activation_gates import explained_by_source
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int | None = None, confidence: float = 0.9) -> FigureBase:
    """Draw a row a source, layers in colour, with intervals over seeds."""
    data = results.of_seed(results.shards(run, "no gate was read from activations"), seed)
    sources = [str(name) for name in data["gate_source"].values]
    layers = [str(name) for name in data["layer"].values]
    values = data["explained_by_source"].transpose("seed", "gate_source").values
    return explained_by_source(sources, values, layers, data["explained"].values, confidence)
