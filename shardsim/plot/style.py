"""One look for every figure: colours with a fixed meaning, sizes of a printed page.

Colours are those of Okabe & Ito (2008, "Color universal design"), told apart under all common
colour-vision deficiencies. A concept keeps its colour in every figure of every world, and a shard
has the colour of the concept that it mostly pushes for. `canvas` applies this look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import NullLocator

WIDTH = 6.8  # inches, a page of text
DPI = 170
PIXELS_AN_INCH = 130  # CSS pixels, in pages and notebooks

ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, YELLOW = "#0072B2", "#D55E00", "#CC79A7", "#F0E442"

CONCEPTS = (ORANGE, PURPLE, BLUE, GREEN, SKY, VERMILLION, YELLOW)
NAMED = {  # the concepts of the worlds that ship; no two of one world are alike
    "cheese": ORANGE,
    "decoy": PURPLE,
    "corner": BLUE,
    "dish": SKY,
    "yellow-line": ORANGE,
    "yellow-gem": SKY,
    "red-line": VERMILLION,
    "red-gem": PURPLE,
    "beacon": GREEN,
    "leader": BLUE,
    "A": GREEN,
    "B": VERMILLION,
    "gem": GREEN,
    "cache": BLUE,
    "key": SKY,
    "chest": VERMILLION,
    "lava": VERMILLION,
    "apple": GREEN,
    "shield": BLUE,
    "monster": VERMILLION,
    "food": GREEN,
    "water": BLUE,
    "whisky": VERMILLION,
    "gold": ORANGE,
}
SPLITS = {"train": SKY, "held-out": BLUE, "target": VERMILLION}
HABIT, AFFORDANCE, RESIDUAL = "#7F7F7F", "#B5B5B5", "#E6E6E6"
NULL = "#8C8C8C"
WALL, INK = "#3B3F46", "#222222"
MODELS = (BLUE, VERMILLION, GREEN, "#A0A0A0", PURPLE, ORANGE)
DIVERGING = "PuOr_r"  # of signed values: orange toward, purple away
SEQUENTIAL = "cividis"  # of values from 0
GATES = "Greens"  # of values from 0 beside walls, which are dark

STYLE: dict[str, Any] = {
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
    "text.color": INK,
    "axes.labelcolor": INK,
    "savefig.dpi": DPI,
    "svg.hashsalt": "shardsim",
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # TrueType
    "ps.fonttype": 42,
}


def concept_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour a concept, as hex: by its name, so that it is the same in every world and run.

    Names that ship have their own colour. Another one has a colour that follows from its name, or
    the next that no other of `names` has; only above seven concepts are two alike.
    """
    found = {name: NAMED[name] for name in names if name in NAMED}
    for name in sorted(set(names) - set(found)):
        first = hashlib.sha256(name.encode()).digest()[0]
        turns = [CONCEPTS[(first + turn) % len(CONCEPTS)] for turn in range(len(CONCEPTS))]
        free = [colour for colour in turns if colour not in found.values()]
        found[name] = (free or turns)[0]
    return {name: found[name] for name in names}


def shard_colours(preferences: np.ndarray, concepts: Sequence[str]) -> list[str]:
    """The colour of each shard from its preferences f[K, O]: that of its strongest concept.

    A second shard for the same concept gets a darker shade of it, so that no two are alike.
    """
    strongest = np.abs(np.asarray(preferences)).argmax(axis=1) if len(preferences) else []
    palette = list(concept_colours(concepts).values())
    seen: dict[int, int] = {}
    colours = []
    for concept in strongest:
        turn = seen.get(int(concept), 0)
        seen[int(concept)] = turn + 1
        plain = palette[int(concept)]
        colours.append(shade(plain, 0.55**turn) if turn else plain)
    return colours


def ink() -> str:
    """The colour of what is written and drawn in black, of the style in force."""
    return to_hex(matplotlib.rcParams["text.color"])


def paper() -> str:
    """The colour of the ground that panels are drawn on, of the style in force."""
    return to_hex(matplotlib.rcParams["axes.facecolor"])


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


def values_axis(axes: Axes, values: np.ndarray) -> None:
    """An axis of a setting's values f[V], each with its tick: logarithmic where they ask for it.

    They do where the largest positive one is more than ten times the least; 0 then has a place
    beside the least.
    """
    positive = values[values > 0]
    if positive.size > 1 and positive.max() / positive.min() > 10 and values.min() >= 0:
        if positive.size < values.size:
            axes.set_xscale("symlog", linthresh=float(positive.min()), linscale=0.5)
        else:
            axes.set_xscale("log")
    axes.set_xticks(values, [f"{one:g}" for one in values])
    axes.xaxis.set_minor_locator(NullLocator())
