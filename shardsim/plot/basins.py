"""Onset to outcome: where reflection leads from each cell of a level. Axes: H rows, W columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import styled
from shardsim.plot.levels import Board, board_legend, colour_bar, draw_board, grid_of
from shardsim.plot.marks import record
from shardsim.plot.style import DIVERGING, INK

EVEN = 0.5  # where neither goal is the likelier one


@styled
def basin_map(
    board: Board, before: np.ndarray, after: Mapping[str, np.ndarray], goal: str
) -> FigureBase:
    """What is reached first from each cell, before and after reflecting from that same cell.

    A cross marks the cells in which reflection turns the likelier outcome into the other one. Every
    cell is an onset of its own, so that no two cells of a panel show the same agent.

    Args:
        board: the level.
        before: f[H, W], probability that the goal is reached first; NaN where nothing is decided.
        after: model -> the same after reflection.
        goal: its name.
    """
    figure, panels = grid_of(board, 1 + len(after))
    label = f"P({goal} first)"
    norm = Normalize(0.0, 1.0)
    draw_board(panels[0], board, before, norm, DIVERGING, f"before: {label}")
    panels[0].set_title("before")
    for place, (model, values) in zip(panels[1:], after.items(), strict=False):
        draw_board(place, board, values, norm, DIVERGING, f"after {model}: {label}")
        turned = (before - EVEN) * (values - EVEN) < 0
        rows, columns = np.nonzero(turned)
        place.plot(columns, rows, "x", color=INK, markersize=5, markeredgewidth=1.3, zorder=4)
        for row, column in zip(rows, columns, strict=True):
            record(place, f"{model} turns", f"row {row}, column {column}", 1.0, at_label="cell")
        place.set_title(f"after {model}: {int(turned.sum())} turned")
    colour_bar(figure, panels[: 1 + len(after)], norm, DIVERGING, label)
    board_legend(figure, board)
    return figure
