"""Several runs side by side: one and the same figure of each, on common scales."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import FixedFormatter

from shardsim.base.errors import UserError
from shardsim.plot.canvas import current, styled, surface


@styled
def columns(drawers: Mapping[str, Callable[[], Any]]) -> FigureBase:
    """Draw a figure a column, each under its title.

    Args:
        drawers: title -> a function that draws a figure by `new_figure`.

    Raises:
        UserError: one of them does not, so that it cannot be put anywhere.
    """
    here = current()
    whole = surface(1.0, 1.0)
    parts = list(whole.subfigures(1, len(drawers), squeeze=False)[0])
    place, sizes = here.ax, []
    for part, (title, draw) in zip(parts, drawers.items(), strict=True):
        here.ax, here.run, here.single = part, title, None
        draw()
        if not part.axes:
            raise UserError(f"{title}: this figure cannot stand beside another; draw one run alone")
        part.suptitle(title, fontweight="bold")
        sizes.append(here.natural)
    here.ax, here.run = place, ""
    if isinstance(whole, Figure) and place is None and not isinstance(here.size, tuple):
        width, height = sum(size[0] for size in sizes), max(size[1] for size in sizes)
        whole.set_size_inches(here.size or width, height + 0.25)
    _same_scales([part.axes for part in parts])
    return whole


def _same_scales(columns: Sequence[Sequence[Axes]]) -> None:
    """Give panels that correspond the same limits along axes of numbers."""
    if len({len(axes) for axes in columns}) > 1:
        return
    for panels in zip(*columns, strict=True):
        for which in ("x", "y"):
            axes = [getattr(panel, f"{which}axis") for panel in panels]
            named = any(isinstance(one.get_major_formatter(), FixedFormatter) for one in axes)
            pictures = any(panel.images for panel in panels)
            if named or pictures or len({one.get_scale() for one in axes}) > 1:
                continue
            limits = [getattr(panel, f"get_{which}lim")() for panel in panels]
            turned = limits[0][0] > limits[0][1]
            ends = min(map(min, limits)), max(map(max, limits))
            for panel in panels:
                getattr(panel, f"set_{which}lim")(*(ends[::-1] if turned else ends))
