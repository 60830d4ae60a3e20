"""Pictures of one level: the policy as arrows, what each concept does to it, where gates open.

Axes: H rows, W columns, M instances of a concept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import FigureBase
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from shardsim.plot.canvas import new_figure, styled
from shardsim.plot.marks import record
from shardsim.plot.style import DIVERGING, GATES, INK, WALL, WIDTH, concept_colours

# Action name -> (rows, columns) that it moves; actions that do not move count as staying.
MOVES = {"north": (-1.0, 0.0), "east": (0.0, 1.0), "south": (1.0, 0.0), "west": (0.0, -1.0)}


class Board(NamedTuple):
    """What is drawn under every picture of a level."""

    walls: np.ndarray  # bool[H, W]
    concepts: Mapping[str, np.ndarray]  # name -> int[M, 2], (row, column) of those present


class Field(NamedTuple):
    """One panel: arrows, and a colour for each cell. NaN where there is nothing to say."""

    title: str
    arrows: np.ndarray | None  # f[H, W, 2], (rows, columns)
    value: np.ndarray | None  # f[H, W]


def flow(policy: np.ndarray, action_names: Sequence[str]) -> np.ndarray:
    """The mean move f[..., 2] of action weights f[..., A]: probabilities, or differences."""
    moves = np.array([MOVES.get(name, (0.0, 0.0)) for name in action_names])
    return np.asarray(policy) @ moves


@styled
def vector_field(
    board: Board, policy: Field, influences: Sequence[Field], label: str
) -> FigureBase:
    """The policy as a vector field, and beside it each concept's influence on it.

    Arrows of the first panel are mean moves; those of the others are how a concept changes them,
    on the signed influence as colour, on one scale.

    Args:
        board: the level.
        policy: arrows of the policy; its `value` is not drawn.
        influences: one a concept; `value` in moves.
        label: of the colour bar, with the unit.
    """
    figure, panels = grid_of(board, 1 + len(influences))
    draw_board(panels[0], board)
    draw_arrows(panels[0], policy.arrows, 0.85)
    panels[0].set_title(policy.title)
    top = _top([field.value for field in influences if field.value is not None], 1e-3)
    norm = Normalize(-top, top)
    for place, field in zip(panels[1:], influences, strict=False):
        draw_board(place, board, field.value, norm, DIVERGING, label)
        draw_arrows(place, field.arrows, 0.5)
        place.set_title(field.title)
    if influences:
        colour_bar(figure, panels[1 : 1 + len(influences)], norm, DIVERGING, label)
    board_legend(figure, board)
    return figure


@styled
def gates_over_time(
    board: Board, gates: Mapping[str, Sequence[np.ndarray]], times: Sequence[str], label: str
) -> FigureBase:
    """Where each shard is active at several times: a row a shard, a column a time, on one scale.

    Args:
        board: the level.
        gates: name of the shard -> a gate f[H, W] for each time.
        times: titles of the columns.
        label: of the colour bar, with the unit.
    """
    height, width = board.walls.shape
    side = (WIDTH - 1.4) / len(times)
    tall = len(gates) * (side * height / width + 0.3) + 0.5
    figure, axes = new_figure(WIDTH, tall, len(gates), len(times))
    norm = Normalize(0.0, _top([one for many in gates.values() for one in many], 1e-6))
    for row, (name, many) in zip(axes, gates.items(), strict=True):
        for place, title, gate in zip(row, times, many, strict=True):
            place.set_title(title)
            draw_board(place, board, gate, norm, GATES, f"{name}: {label}")
        row[0].set_ylabel(name)
    colour_bar(figure, list(axes.ravel()), norm, GATES, label)
    board_legend(figure, board)
    return figure


def _top(values: Sequence[np.ndarray], least: float) -> float:
    """The largest size of what is known; at least so much."""
    known = [np.abs(one[np.isfinite(one)]) for one in values]
    return max([least, *(float(one.max()) for one in known if one.size)])


@styled
def gates_on_level(board: Board, gates: Mapping[str, np.ndarray], label: str) -> FigureBase:
    """Where each shard is active: title -> gate f[H, W], all on one scale from 0."""
    figure, panels = grid_of(board, len(gates))
    norm = Normalize(0.0, _top(list(gates.values()), 1e-6))
    for place, (title, gate) in zip(panels, gates.items(), strict=False):
        draw_board(place, board, gate, norm, GATES, label)
        place.set_title(title)
    if gates:
        colour_bar(figure, panels[: len(gates)], norm, GATES, label)
    board_legend(figure, board)
    return figure


def draw_board(
    axes: Axes,
    board: Board,
    value: np.ndarray | None = None,
    norm: Normalize | None = None,
    colours: str = DIVERGING,
    label: str = "",
) -> None:
    """Walls, concepts, and a colour for each free cell where a value f[H, W] is known.

    `label` says what the values are, with their unit.
    """
    height, width = board.walls.shape
    axes.set_facecolor("white")  # in every style: the colours of cells are made for it
    if value is not None:
        shown = np.ma.masked_invalid(np.where(board.walls, np.nan, value))
        axes.imshow(shown, cmap=matplotlib.colormaps[colours], norm=norm, zorder=0)
        for row, column in zip(*np.nonzero(~np.ma.getmaskarray(shown)), strict=True):
            at = f"row {row}, column {column}"
            record(axes, "value", at, float(shown[row, column]), at_label="cell", value_label=label)
    axes.imshow(
        np.ma.masked_where(~board.walls, np.ones(board.walls.shape)),
        cmap=ListedColormap([WALL]),
        zorder=1,
    )
    palette = concept_colours(list(board.concepts))
    for number, (name, cells) in enumerate(board.concepts.items()):
        inset = 0.1 + 0.07 * (number % 3)  # concepts on one cell stay visible
        for row, column in np.asarray(cells).reshape(-1, 2):
            side = 1 - 2 * inset
            corner = (column - 0.5 + inset, row - 0.5 + inset)
            colour = palette[name]
            for edge, thick in (("white", 3.6), (colour, 2.2)):
                box = Rectangle(corner, side, side, fill=False, edgecolor=edge, linewidth=thick)
                axes.add_patch(box)
                box.set_zorder(2)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(np.arange(width + 1) - 0.5, [], minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, [], minor=True)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(which="both", length=0)
    axes.grid(True, which="minor", color="#DDDDDD", linewidth=0.4)
    for spine in axes.spines.values():
        spine.set_visible(True)


def draw_arrows(axes: Axes, arrows: np.ndarray | None, cells: float) -> Any:
    """Draw arrows f[H, W, 2] centred on their cells; one of length 1 spans so many cells.

    Returns the matplotlib Quiver; None where there are no arrows.
    """
    if arrows is None:
        return None
    for row, column in zip(*np.nonzero(np.isfinite(arrows[..., 0])), strict=True):
        at = f"row {row}, column {column}"
        for number, way in enumerate(("down", "right")):
            value = float(arrows[row, column, number])
            record(axes, f"arrow, {way}", at, value, at_label="cell", value_label="cells per move")
    rows, columns = np.nonzero(np.hypot(arrows[..., 0], arrows[..., 1]) > 0.03)
    along = arrows[rows, columns]
    return axes.quiver(
        columns,
        rows,
        along[:, 1],
        along[:, 0],
        color=INK,
        pivot="middle",
        angles="xy",
        scale_units="xy",
        scale=1 / cells,
        units="width",
        width=0.013,
        minlength=0.0,
        headwidth=3.6,
        headlength=3.8,
        headaxislength=3.4,
        zorder=3,
        path_effects=[withStroke(linewidth=1.4, foreground="white")],  # seen on dark cells
    )


def grid_of(board: Board, count: int) -> tuple[Any, list[Axes]]:
    """A row of boards, or rows of four; panels that stay empty are switched off."""
    columns = max(1, min(count, 4))
    rows = max(1, -(-count // columns))
    height, width = board.walls.shape
    side = min(2.1, (WIDTH - 0.8) / columns)
    figure, axes = new_figure(
        min(WIDTH, columns * side + 0.8),
        rows * (side * height / width + 0.28) + 0.25,
        rows,
        columns,
    )
    panels = list(axes.ravel())
    for place in panels[count:]:
        place.set_axis_off()
    return figure, panels


def colour_bar(figure: Any, panels: list[Axes], norm: Normalize, cmap: str, label: str) -> None:
    """One bar for several panels."""
    bar = figure.colorbar(
        ScalarMappable(norm, matplotlib.colormaps[cmap]),
        ax=panels,
        shrink=0.75,
        aspect=16,
        pad=0.02,
    )
    bar.set_label(label)
    bar.outline.set_linewidth(0.5)  # type: ignore[operator]


def board_legend(figure: Any, board: Board) -> None:
    """Name the concepts and the walls, under the figure."""
    handles = [
        Rectangle((0, 0), 1, 1, fill=False, edgecolor=colour, linewidth=2, label=name)
        for name, colour in concept_colours(list(board.concepts)).items()
    ]
    handles.append(Rectangle((0, 0), 1, 1, facecolor=WALL, label="wall"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
