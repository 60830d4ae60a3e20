"""One look for every figure: colours with a fixed meaning, sizes of a printed page, bytes on disk.

Colours are those of Okabe & Ito (2008, "Color universal design"), told apart under all common
colour-vision deficiencies. A concept keeps its colour in every figure, and a shard has the colour
of the concept that it mostly pushes for. Figures are made without pyplot, so nothing is global.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from shardsim.base.errors import UserError, did_you_mean

P = ParamSpec("P")
T = TypeVar("T")

WIDTH = 6.8  # inches, a page of text
DPI = 170

ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, YELLOW = "#0072B2", "#D55E00", "#CC79A7", "#F0E442"

CONCEPTS = (ORANGE, PURPLE, BLUE, GREEN, SKY, VERMILLION, YELLOW)  # in the order of `env.concepts`
SPLITS = {"train": SKY, "held-out": BLUE, "target": VERMILLION}
HABIT, AFFORDANCE, RESIDUAL = "#7F7F7F", "#B5B5B5", "#E6E6E6"
NULL = "#8C8C8C"
WALL, INK = "#3B3F46", "#222222"
MODELS = (BLUE, VERMILLION, GREEN, "#A0A0A0", PURPLE, ORANGE)
DIVERGING = "PuOr_r"  # of signed values: orange toward, purple away
SEQUENTIAL = "cividis"  # of values from 0
GATES = "Greens"  # of values from 0 beside walls, which are dark

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E8E8E8",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "figure.dpi": 100,
    "hatch.linewidth": 0.5,
    "savefig.facecolor": "white",
    "svg.hashsalt": "shardsim",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}

# What would make two saves of one figure differ: dates and versions.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def style() -> Any:
    """A context in which figures are made: matplotlib's defaults with ours, whatever was set."""
    return matplotlib.style.context(["default", STYLE])


def styled(function: Callable[P, T]) -> Callable[P, T]:
    """Run a drawing function inside `style()`."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> T:
        with style():
            return function(*args, **kwargs)

    return inside


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **grid: Any
) -> tuple[Figure, np.ndarray]:
    """Return a figure of inches width x height and its axes object[rows, columns].

    `grid` goes to `Figure.subplots` (sharex, sharey, width_ratios, …). Call it inside `style()`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


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
        figure.savefig(buffer, format=format, dpi=DPI, metadata=_METADATA[format])
    return buffer.getvalue()


def concept_colour(index: int) -> str:
    """The colour of concept number `index` of an env, as hex."""
    return CONCEPTS[index % len(CONCEPTS)]


def shard_colours(preferences: np.ndarray) -> list[str]:
    """The colour of each shard from its preferences f[K, O]: that of its strongest concept.

    A second shard for the same concept gets a darker shade of it, so that no two are alike.
    """
    strongest = np.abs(np.asarray(preferences)).argmax(axis=1) if len(preferences) else []
    seen: dict[int, int] = {}
    colours = []
    for concept in strongest:
        turn = seen.get(int(concept), 0)
        seen[int(concept)] = turn + 1
        plain = concept_colour(int(concept))
        colours.append(shade(plain, 0.55**turn) if turn else plain)
    return colours


def shade(colour: str, factor: float) -> str:
    """A colour darkened (factor below 1) toward black."""
    red, green, blue = (channel * factor for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def section_colours(sections: Sequence[str]) -> dict[str, str]:
    """A colour a pipeline section, dark to light in the order of the data flow."""
    ramp = matplotlib.colormaps[SEQUENTIAL](np.linspace(0.0, 0.95, max(1, len(sections))))
    return {name: to_hex(colour) for name, colour in zip(sections, ramp, strict=True)}


def band(
    axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, alpha: float = 0.18
) -> None:
    """Shade an interval f[T] … f[T]; where an end is not finite (one seed) nothing is drawn."""
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        axes.fill_between(x, low, high, where=known, color=colour, alpha=alpha, linewidth=0)


def steps_axis(axes: Axes, steps: np.ndarray) -> None:
    """A logarithmic axis of env steps that still has a place for 0 (the untrained network)."""
    positive = steps[steps > 0]
    if positive.size and steps.max() / positive.min() > 30:
        first = float(positive.min())
        decades = 10.0 ** np.arange(np.ceil(np.log10(first)), np.floor(np.log10(steps.max())) + 1)
        axes.set_xscale("symlog", linthresh=first, linscale=0.4)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks([*steps[steps == 0][:1], *decades])  # none inside the linear part
    axes.set_xlim(float(steps.min()), float(steps.max()))
    axes.set_xlabel("env steps of each seed")


def legend_below(figure: Figure, axes: Axes, columns: int = 4, extra: Sequence[Any] = ()) -> None:
    """One legend for the whole figure, under it, without repeated labels."""
    handles, labels = axes.get_legend_handles_labels()
    handles += list(extra)
    labels += [handle.get_label() for handle in extra]
    first = {label: handle for handle, label in reversed(list(zip(handles, labels, strict=True)))}
    ordered = list(dict.fromkeys(labels))
    figure.legend(
        [first[label] for label in ordered], ordered, loc="outside lower center", ncols=columns
    )
