"""The figure of agreement holds the numbers of its rows, by layer and seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from shardsim.plot.agreement import agreement_figure
from tests.plot.drawn import legend_labels

LAYERS = ["dense_1", "dense_2"]


def test_every_row_layer_and_seed_is_there():
    views = {"effects": np.array([[0.1, 0.3], [0.2, 0.5]]), "shuffled": np.zeros((2, 2))}
    areas = {"cheese": np.full((2, 2), 0.9)}
    figure: Any = agreement_figure(LAYERS, {"information": views, "AUC": areas}, {"AUC": 0.5})
    first, second = figure.axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["effects", "shuffled"]
    assert legend_labels(figure) == LAYERS
    told = {(row.series, row.at): row.value for row in figure.drawn if row.seed is None}
    assert np.isclose(told["information: effects", "dense_2"], 0.4)
    seeds = [line.get_xdata() for line in first.lines]
    assert any(np.array_equal(one, [0.3, 0.5]) for one in seeds)
    assert any(np.array_equal(line.get_xdata(), [0.5, 0.5]) for line in second.lines)


def test_equal_rows_side_by_side_are_named_once():
    rows = {"effects": np.zeros((1, 2))}
    figure: Any = agreement_figure(LAYERS, {"shard": rows, "action": rows, "AUC": rows})
    named = [[t.get_text() for t in axes.get_yticklabels()] for axes in figure.axes[:3]]
    assert named[0] == named[2] == ["effects"] and "effects" not in named[1]
