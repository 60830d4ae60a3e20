"""The decision-square regression beside the paper's. Axis letter: K seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import styled
from shardsim.plot.findings import (
    Row,
    finding_figure,
    legend_under,
    lines_axis,
)
from shardsim.plot.marks import dots, key
from shardsim.plot.style import BLUE, NULL, VERMILLION, ink

Values = Mapping[str, np.ndarray]  # line -> float64[K]


@styled
def decision_square_figure(
    rows: Sequence[Row],
    outcome: Values,
    paper: Mapping[str, float],
    contrasts: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> FigureBase:
    """Coefficients of the outcome beside the paper's; the straight distance's four ways; a table.

    Args:
        rows: the table.
        outcome: line -> coefficient a seed, log-odds per standard deviation.
        paper: line -> the paper's.
        contrasts: way -> coefficients of the networks, of the nearest fixed-value discounters and
            of untrained networks, in nats per standard deviation.
    """
    figure, (left, right) = finding_figure(rows, 2, 2.9)
    for number, (name, values) in enumerate(outcome.items()):
        dots(left, number, values, BLUE, "ours", at=name)
        left.plot(
            paper[name],
            number,
            "D",
            color="none",
            markeredgecolor=ink(),
            markersize=5,
            label="paper",
        )
    lines_axis(left, list(outcome))
    left.set_title("outcome: which is reached first")
    left.set_xlabel("coefficient (log-odds per standard deviation)")
    marks = (("networks", BLUE, "o"), ("discounter", VERMILLION, "^"))
    for number, (way, values) in enumerate(contrasts.items()):
        for shift, one, (label, colour, marker) in zip(
            (-0.25, 0.0, 0.25), values, (*marks, ("untrained", NULL, "s")), strict=True
        ):
            dots(right, number + shift, one, colour, label, at=way, marker=marker)
    lines_axis(right, list(contrasts))
    right.set_title("log-odds: straight distance")
    right.set_xlabel("coefficient (nats per standard deviation)")
    key(left, "ours", BLUE)
    for label, colour, marker in (*marks, ("untrained", NULL, "s")):
        key(right, label, colour, marker=marker)
    legend_under(left, 2)
    legend_under(right, 3)
    return figure
