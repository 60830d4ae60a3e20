"""activation-gates: what the shards explain with gates read from each layer, beside controls."""

from __future__ import annotations

from matplotlib.figure import Figure

from shardsim.plot.activation_gates import explained_by_view
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run


def draw(run: Run) -> Figure:
    """Draw a bar a view, layers in colour, with intervals over seeds."""
    none, since = "no gate was read from activations", "gates were read from activations"
    data = results.shards(run, "explained_by_view", none, since)
    views = [str(name) for name in data["view"].values]
    layers = [str(name) for name in data["layer"].values]
    values = data["explained_by_view"].transpose("seed", "view").values
    return explained_by_view(views, values, layers, data["explained"].values)
