"""activation-gates: what the shards explain with gates read from each layer, beside controls."""

from __future__ import annotations

import shlex

from matplotlib.figure import Figure

from shardsim.base.errors import UserError
from shardsim.plot.activation_gates import explained_by_view
from shardsim.runs.run import Run


def draw(run: Run) -> Figure:
    """Draw a bar a view, layers in colour, with intervals over seeds."""
    data = run.shards
    if not data.sizes["shard"]:
        raise UserError("no shard was found in this run, so no gate was read from activations")
    if "explained_by_view" not in data:
        raise UserError(
            "this run was identified before gates were read from activations; "
            f"identify it again with: shardsim identify {shlex.quote(str(run.path))} --again"
        )
    views = [str(name) for name in data["view"].values]
    layers = [str(name) for name in data["layer"].values]
    values = data["explained_by_view"].transpose("seed", "view").values
    return explained_by_view(views, values, layers, data["explained"].values)
