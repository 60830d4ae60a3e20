"""Where a figure is drawn: on a page of its own or in a place given, in which style, kept as what.

Every drawing function is `styled`, and so takes three options beside its own:

* `ax`: a matplotlib Axes, SubFigure or Figure to draw in. A figure of several panels takes the
  place of an Axes of a grid.
* `size`: width and height in inches, or the width alone.
* `style`: whatever `matplotlib.style.use` takes.

Colours, sizes and fonts come from `STYLE`, then from what the user's rcParams change of
matplotlib's defaults, then from `style`. Figures are made without pyplot, so nothing is global.
"""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase

from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.scalars import plain
from shardsim.plot.records import COLUMNS, Drawn, long_table
from shardsim.plot.style import PIXELS_AN_INCH, STYLE

T = TypeVar("T")
Size = float | tuple[float, float]
Style = str | Path | Mapping[str, Any] | Sequence[Any]
Given = Any  # from outside, and so checked: a place, a size

LARGEST = 60.0  # inches a side; more is a mistake, and would not fit into memory

# What would make two saves of one figure differ: dates and versions.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# What counts when a figure is saved, which may be long after it was drawn.
_SAVED = ("pdf.fonttype", "ps.fonttype", "svg.fonttype", "svg.hashsalt", "savefig.dpi")


class ShardFigure(Figure):
    """A figure that is saved as it was drawn, shows itself in a notebook, and keeps its numbers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """As a matplotlib Figure."""
        super().__init__(*args, **options)
        FigureCanvasAgg(self)
        now: Any = matplotlib.rcParams
        self.saving: Any = {name: now[name] for name in _SAVED}
        self.drawn: list[Drawn] = []

    def savefig(self, fname: Any, **options: Any) -> None:
        """As matplotlib does; text stays text in SVG, and is TrueType in PDF."""
        with matplotlib.rc_context(self.saving):
            super().savefig(fname, **options)

    def to_pandas(self) -> Any:
        """The numbers that are drawn as a long DataFrame, a row a number."""
        import pandas as pd

        return pd.DataFrame(long_table(self.drawn), columns=list(COLUMNS))

    def _repr_html_(self) -> str:
        code = base64.b64encode(save_bytes(self)).decode()
        width = round(self.get_figwidth() * PIXELS_AN_INCH)
        said = "; ".join(filter(None, (one.get_title(loc="left") for one in self.axes)))
        said = said.replace("&", "&amp;").replace('"', "&quot;")
        return f'<img src="data:image/png;base64,{code}" width="{width}" alt="{said}">'


@dataclass
class Canvas:
    """Where the figure that is being made goes, and what is drawn in it."""

    ax: Axes | FigureBase | None = None
    size: Size | None = None
    drawn: list[Drawn] = field(default_factory=list)
    natural: tuple[float, float] = (0.0, 0.0)  # inches that the figure would have of its own
    run: str = ""  # which of several runs is being drawn
    single: Axes | None = None  # of somebody else's figure, whose legend is its own


_canvas: ContextVar[Canvas | None] = ContextVar("canvas", default=None)


@contextlib.contextmanager
def style(extra: Style | None = None) -> Iterator[None]:
    """A context in which figures are made: ours, under what the user's rcParams and `extra` say.

    Raises UserError where `extra` is no style.
    """
    default: Any = matplotlib.rcParamsDefault
    with matplotlib.rc_context():
        now: Any = matplotlib.rcParams
        now.update({name: value for name, value in STYLE.items() if now[name] == default[name]})
        if extra is not None:
            _use(extra)
        yield


def _use(extra: Style) -> None:
    try:
        matplotlib.style.use(extra)  # type: ignore[arg-type]
    except OSError as error:
        nearest = did_you_mean(str(extra), matplotlib.style.available)
        raise UserError(f"there is no style {extra!r}; {nearest}") from error
    except (KeyError, ValueError, TypeError) as error:
        said = one_line(error)
        raise UserError(
            f"style={extra!r} cannot be used: {said}; give a name of a matplotlib style, a file, "
            "or a dict of rcParams"
        ) from error


@contextlib.contextmanager
def canvas(ax: Given = None, size: Given = None, extra: Style | None = None) -> Iterator[Canvas]:
    """A context whose next figure is drawn in `ax`, of that `size`, in that style.

    Raises UserError for a place that is none, a size that is none, or both of them.
    """
    if ax is not None and not isinstance(ax, Axes | FigureBase):
        raise UserError(
            f"ax={type(ax).__name__} is no place to draw in; give a matplotlib Axes or SubFigure"
        )
    if ax is not None and size is not None:
        raise UserError("ax= belongs to a figure that has its size; give ax= or size=, not both")
    here = Canvas(ax, None if size is None else inches(size))
    token = _canvas.set(here)
    try:
        with style(extra):
            yield here
    finally:
        _canvas.reset(token)


def styled(function: Callable[..., T]) -> Callable[..., T]:
    """Let a drawing function be drawn on a canvas, and take `ax`, `size` and `style`."""

    @wraps(function)
    def inside(
        *args: Any,
        ax: Given = None,
        size: Given = None,
        style: Style | None = None,
        **options: Any,
    ) -> T:
        if _canvas.get() is not None and ax is size is style is None:
            return function(*args, **options)
        with canvas(ax, size, style):
            return function(*args, **options)

    return inside


def inches(size: Given) -> Size:
    """A size as given, `(6, 4)`, `6`, `"6x4"` or `"6"`; raises UserError for another."""
    words = size.lower().split("x") if isinstance(size, str) else size
    numbers = words if isinstance(words, Iterable) else [words]
    try:
        sides = [float(plain(one)) for one in numbers]
    except (TypeError, ValueError):
        sides = []
    if len(sides) not in (1, 2) or not all(0.2 <= side <= LARGEST for side in sides):
        raise UserError(
            f"size={size} is no size; give inches from 0.2 to {LARGEST:g}, as 6x4, or 6 for a width"
        )
    return (sides[0], sides[1]) if len(sides) == 2 else sides[0]


def surface(width: float, height: float, kind: type[ShardFigure] = ShardFigure) -> FigureBase:
    """A new figure of inches width x height, or the place that was given. Call it `styled`."""
    here = current()
    here.natural = width, height
    if here.ax is not None:
        return _in_place(here.ax)
    if isinstance(here.size, tuple):
        width, height = here.size
    elif here.size is not None:
        width, height = here.size, height * max(here.size / width, 0.6)
    figure = kind(figsize=(width, height), layout="constrained")
    figure.drawn = here.drawn
    return figure


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **grid: Any
) -> tuple[Any, np.ndarray]:
    """Return a figure of inches width x height and its axes object[rows, columns].

    Where a place was given it is the figure's part there; a single panel is the given Axes.
    `grid` goes to `Figure.subplots` (sharex, sharey, width_ratios, …). Call it `styled`.
    """
    here = _canvas.get()
    if here is not None and isinstance(here.ax, Axes) and rows * columns == 1:
        here.single = here.ax
        return here.ax.figure, np.array([[here.ax]], object)
    figure = surface(width, height)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def _in_place(place: Axes | FigureBase) -> FigureBase:
    """A figure for several panels in a place that was given."""
    if isinstance(place, FigureBase):
        return place
    spec, parent = place.get_subplotspec(), place.figure
    if spec is None or parent is None:
        raise UserError(
            "this figure has several panels, and ax= is no place of a grid that can be divided; "
            "give an Axes of subplots(), or a SubFigure"
        )
    place.remove()
    return parent.add_subfigure(spec)


def current() -> Canvas:
    """The canvas that is being drawn on; one that nobody keeps where there is none."""
    return _canvas.get() or Canvas()


def save_bytes(figure: Figure, format: str = "png") -> bytes:
    """Return a figure as file bytes; the same figure gives the same bytes.

    Raises UserError for a format other than png, svg or pdf.
    """
    if format not in _METADATA:
        raise UserError(
            f"figures cannot be saved as {format!r}; {did_you_mean(format, sorted(_METADATA))}"
        )
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=format, metadata=_METADATA[format])
    return buffer.getvalue()


def legend_below(
    figure: Any,
    axes: Axes | Iterable[Axes] | None = None,
    columns: int = 4,
    extra: Sequence[Any] = (),
) -> None:
    """One legend for the whole figure, under it, of all panels, without repeated labels.

    Args:
        figure: that `new_figure` gave.
        axes: the panels that count; all by default.
        columns: at most so many labels in a line.
        extra: handles beside those of the panels.
    """
    single = current().single
    chosen: Iterable[Axes] = figure.axes if axes is None else np.ravel(np.array(axes, object))
    panels = [single] if single is not None else list(chosen)
    pairs = [pair for one in panels for pair in zip(*one.get_legend_handles_labels(), strict=True)]
    pairs += [(handle, str(handle.get_label())) for handle in extra]
    first: dict[str, Any] = {}
    for handle, label in pairs:
        first.setdefault(label, handle)
    if not first:
        return
    columns = min(columns, len(first))
    if single is not None:
        single.legend(first.values(), first.keys(), ncols=min(columns, 2), loc="best")
        return
    figure.legend(first.values(), first.keys(), loc="outside lower center", ncols=columns)
