"""Until what distance of an object its shard survives reflection. Axes: D seeds, U distances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import SHARE
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.extinction import curated
from shardsim.plot.marks import curve, over_seeds
from shardsim.plot.reflection import CONTROLS, DASHES, model_colours
from shardsim.plot.style import NULL, WIDTH, ink

LIMIT = "tabular limit"


class AtDistances(NamedTuple):
    """One object at several distances from where reflection starts."""

    concept: str
    other: str
    distances: np.ndarray  # f[U], moves
    contexts: np.ndarray  # i[U], at each distance
    judges: np.ndarray  # f[D, U], share of the judges that want the object
    before: np.ndarray  # f[D, U], P(object first) of P(either first)
    after: Mapping[str, np.ndarray]  # model -> f[D, U]
    hardness: np.ndarray  # f[D, U], h of the endorsements


def extinct_below(hardness: np.ndarray) -> np.ndarray:
    """Share of the judges f[...] below which turns leaves nothing of a goal, between two goals."""
    return 1.0 / (2.0 + hardness)


def loses_from(one: AtDistances, model: str, confidence: float = 0.9) -> float:
    """Return the distance from which on reflection lowers P, its interval over seeds below 0.

    Infinite where it is so at no distance that is followed only by such.
    """
    change = one.after[model] - one.before
    ends = [over_seeds(column, confidence).high for column in change.T]
    return _from(np.array(ends) < 0, one.distances)


def extinct_from(one: AtDistances) -> float:
    """Return the distance from which on most seeds have too few judges to survive turns."""
    return _from((one.judges < extinct_below(one.hardness)).mean(0) > 0.5, one.distances)


def _from(holds: np.ndarray, distances: np.ndarray) -> float:
    later = np.flip(np.logical_and.accumulate(np.flip(holds)))
    return float(distances[later.argmax()]) if later.any() else np.inf


@styled
def as_it_moves(one: AtDistances, model: str, confidence: float = 0.9) -> FigureBase:
    """Left, what is reached first before and after by distance; right, who judges there.

    Lines are means over seeds with Student's bands. The dashed line is where reflection by turns
    ends in the tabular limit, by the judges and the best plans at each distance.

    Args:
        one: the object at all distances.
        model: the one whose threshold is said.
        confidence: of the bands.
    """
    figure, axes = new_figure(WIDTH, 2.9, 1, 2, sharex=True, sharey=True)
    left, right = axes[0]
    shown: dict[str, Any] = {"confidence": confidence, "within": SHARE, "markersize": 3.5}
    curve(left, one.distances, one.before, ink(), "before reflection", marker=".", **shown)
    colours = model_colours(list(one.after))
    for name, values in one.after.items():
        null = name in CONTROLS
        label = f"after {name}" + (" (null)" if null else "")
        dashes = DASHES.get(name, "-")
        colour = NULL if null else colours[name]
        curve(left, one.distances, values, colour, label, marker="o", linestyle=dashes, **shown)
    ends = curated(one.judges, one.hardness)
    curve(left, one.distances, ends, ink(), LIMIT, shaded=False, linestyle="--", linewidth=1.0)
    left.set_title(f"{model} lowers it {_said(loses_from(one, model, confidence))}")
    left.set_ylabel(f"P({one.concept} first) ÷\nP({one.concept} or {one.other} first)")
    _judges(right, one, shown)
    right.set_ylabel(f"part of the judges\nthat want {one.concept}")
    right.tick_params(labelleft=True)
    for place in (left, right):
        place.set_xlabel(f"distance of {one.concept} at onset (moves)\nand, in brackets, contexts")
        ticks = [f"{far:.0f}\n({n})" for far, n in zip(one.distances, one.contexts, strict=True)]
        place.set_xticks(one.distances, ticks)
        place.set_ylim(-0.03, 1.03)
    legend_below(figure, columns=3)
    return figure


def _judges(axes: Axes, one: AtDistances, shown: Mapping[str, Any]) -> None:
    curve(axes, one.distances, one.judges, ink(), "judges", marker="s", **shown)
    least = extinct_below(one.hardness)
    label = "extinct below, 1 ÷ (2 + h)"
    curve(axes, one.distances, least, NULL, label, shaded=False, linestyle=(0, (1, 1.5)))
    axes.set_title(f"in the limit extinct {_said(extinct_from(one))}")


def _said(distance: float) -> str:
    return f"from {distance:.0f} moves on" if np.isfinite(distance) else "at no distance"
