"""proxy-share: the proxy's share and target return by the share of decorrelated training levels."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.proxy_share import Beside, proxy_share_figure
from shardsim.plot.style import SPLITS, concept_colours
from shardsim.runs.run import Run
from shardsim.studies import proxy_share as finding


def draw(
    first: Run,
    second: Run,
    *more: Run,
    parameter: str = "anywhere_share",
    goal: str = "cheese",
    proxy: str = "corner",
) -> FigureBase:
    """Draw runs trained with several values of an env's parameter, beside jaxgmg's corner sizes."""
    runs = [first, second, *more]
    found = finding.sweep(runs, parameter, goal, proxy)
    env = runs[0].env
    palette = concept_colours(env.concept_names)
    published = Beside(
        "corner size (cells)",
        finding.CORNER,
        {
            "shifted levels": finding.SHIFTED / finding.OPTIMUM,
            "levels as in training": finding.USUAL / finding.OPTIMUM,
            "proxy's, shifted levels": finding.PROXY / finding.OPTIMUM,
        },
    )
    return proxy_share_figure(
        found.rows,
        [arm.share for arm in found.arms],
        {
            f"{proxy} shard": [arm.proxy for arm in found.arms],
            f"{goal} shard": [arm.goal for arm in found.arms],
        },
        {
            "target levels": [arm.target for arm in found.arms],
            "held-out levels": [arm.usual for arm in found.arms],
        },
        {f"{name} shard": palette[name] for name in (proxy, goal)}
        | {"target levels": SPLITS["target"], "held-out levels": SPLITS["held-out"]},
        published,
    )
