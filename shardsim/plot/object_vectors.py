"""What an object's activation vector does. Axes: S seeds, V vectors, X coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.base.statistics import SHARE, t_interval
from shardsim.plot.canvas import legend_below, styled
from shardsim.plot.findings import Row, finding_figure
from shardsim.plot.marks import curve
from shardsim.plot.style import BLUE, GREEN, NULL, PURPLE, ink

SHADES = (BLUE, GREEN, PURPLE, NULL)
PAPER = ((-1.0, 0.03), (0.0, 0.81))  # Turner et al. 2023: coefficient, median P over 100 mazes


@styled
def cheese_vector(
    rows: Sequence[Row],
    coefficient: np.ndarray,
    chance: Mapping[str, np.ndarray],
    removed: Mapping[str, np.ndarray],
    vectors: Sequence[str],
    concept: str,
    confidence: float = 0.9,
) -> FigureBase:
    """Probability of the best moves to an object where ways part, a panel a layer, and a table.

    Args:
        rows: of the table.
        coefficient: f[X], of the vector added; −1 subtracts it.
        chance: layer -> f[S, V, X], median over levels.
        removed: layer -> f[S], the same where the object is really removed.
        vectors: V names.
        concept: the object.
        confidence: of the intervals over seeds.
    """
    figure, axes = finding_figure(rows, len(chance), 3.2)
    for place, (layer, values) in zip(axes, chance.items(), strict=True):
        for number, name in enumerate(vectors):
            curve(
                place,
                coefficient,
                values[:, number],
                SHADES[number % len(SHADES)],
                name,
                confidence=confidence,
                within=SHARE,
                marker="o",
                ms=3,
            )
        place.axhline(removed[layer].mean(), color=ink(), linestyle=":", label="really removed")
        place.plot(*zip(*PAPER, strict=True), "x", color=ink(), label="Turner et al. 2023")
        place.set_title(f"{layer}: {_said(coefficient, values[:, 0], confidence)}")
        place.set_xlabel(f"coefficient of the {concept} vector")
        place.set_ylim(-0.02, 1.02)
    axes[0].set_ylabel(f"median P({concept})\nwhere directions differ")
    legend_below(figure, columns=3)
    return figure


def _said(coefficient: np.ndarray, own: np.ndarray, confidence: float) -> str:
    """The numbers at −1, 0 and 1, with the interval at −1."""
    mean = {float(c): own[:, n].mean() for n, c in enumerate(coefficient)}
    at = own[:, list(coefficient).index(-1.0)]
    ends = t_interval(at, confidence=confidence, within=SHARE)
    said = f"plain {mean[0.0]:.2f}, −1 {mean[-1.0]:.2f}"
    if np.isfinite(ends.low):
        said += f" [{ends.low:.2f}, {ends.high:.2f}]"
    return f"{said}, +1 {mean[1.0]:.2f}"
