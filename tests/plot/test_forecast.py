"""The forecast beside the outcome, as it is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shardsim.plot.forecast import Foreseen, forecast_beside_outcome

SAID, FOUND = np.array([0.1, -0.2, 0.3]), np.array([0.15, -0.1, 0.2])


def panel(about: str = "") -> Foreseen:
    return Foreseen(SAID, SAID - 0.05, SAID + 0.02, FOUND, np.arange(3), np.array([0, 1, 1]), about)


def drawn(onsets: list[str]) -> Any:
    panels = {"turns": {"closed form": panel("rank 1.00"), "fitted": panel()}}
    return forecast_beside_outcome(panels, onsets, np.linspace(-0.1, 0.1, 101), "P(cheese first)")


def test_each_case_lies_at_what_was_said_and_found():
    figure = drawn(["near-a", "near-b"])
    rows = [row for row in figure.drawn if row.axes is figure.axes[0]]
    assert sorted((row.value, row.at) for row in rows) == sorted(zip(SAID, FOUND, strict=True))
    first = next(row for row in rows if row.seed == 0)
    assert first.series == "near-a"
    assert (first.low, first.high) == pytest.approx((0.05, 0.12))
    title = figure.axes[0].get_title(loc="left")
    assert title == "turns, closed form\nrank 1.00"


def test_the_band_holds_most_of_the_null_and_both_axes_are_alike():
    figure = drawn(["near-a", "near-b"])
    band = figure.axes[0].patches[0].get_extents().transformed(figure.axes[0].transData.inverted())
    assert (band.y0, band.y1) == pytest.approx((-0.09, 0.09))
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim()
    assert figure.axes[0].get_xlim()[1] > 0.32


def test_many_onsets_are_one_series_in_the_legend():
    figure = drawn([f"onset {n}" for n in range(9)])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["90 % of the null", "an agent and onset"]
