"""The figure of who endorses whom holds the numbers of its table."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.statistics import t_interval
from shardsim.plot.canvas import save_bytes
from shardsim.plot.endorsement import TOGETHER, Endorsed, endorsement_matrices
from shardsim.plot.style import BLUE, ORANGE
from tests.plot.drawn import legend_labels

SEEDS = np.array([1.0, 1.1, 1.3])[:, None, None]
MATRIX = np.array([[0.2, -0.1], [-0.001, 0.05]]) * SEEDS
JUDGES = np.tile([0.75, 0.25], (3, 1))
FOUND = Endorsed(JUDGES, MATRIX, np.full((3, 2, 2), 0.06))


@pytest.fixture(scope="module")
def figure():
    return endorsement_matrices({"near-a": FOUND}, ["a", "b"], [ORANGE, BLUE])


def drawn(figure, series: str, at: str) -> list:
    return [row for row in figure.drawn if row.series == series and row.at == at]


def test_cells_hold_the_mean_its_interval_and_every_seed(figure):
    mean, *seeds = drawn(figure, "b grows", "a")
    assert (mean.value, mean.low, mean.high) == pytest.approx(tuple(t_interval(MATRIX[:, 0, 1])))
    assert [row.value for row in seeds] == pytest.approx(MATRIX[:, 0, 1].tolist())
    judges = drawn(figure, "judges", "a")
    assert judges[0].value == pytest.approx(0.75)


def test_the_last_row_is_what_the_judges_gain_together(figure):
    mean = drawn(figure, "a grows", TOGETHER)[0]
    assert mean.value == pytest.approx((0.75 * 0.2 - 0.25 * 0.001) * SEEDS.mean())


def test_bold_is_what_is_sure_and_beyond_chance(figure):
    said = {text.get_text(): text.get_fontweight() for text in figure.axes[1].texts}
    assert said["+0.23 ±0.05"] == "bold"
    assert said["0.00 ±0.00"] == "normal"  # −.001, below chance
    assert said["+0.06 ±0.01"] == "normal"  # .057, of which chance reaches .06
    assert legend_labels(figure)[0] == "a seed"


def test_seeds_without_such_contexts_are_left_out():
    judges, matrix = JUDGES.copy(), MATRIX.copy()
    judges[0] = matrix[0] = np.nan
    nothing = Endorsed(judges * np.nan, matrix * np.nan, matrix * np.nan)
    given = {"near-a": Endorsed(judges, matrix, FOUND.chance), "near-b": nothing}
    figure = endorsement_matrices(given, ["a", "b"], [ORANGE, BLUE])
    assert drawn(figure, "a grows", "a")[0].value == pytest.approx(0.2 * 1.2)
    assert figure.axes[3].texts[0].get_text().startswith("not tried")
    assert save_bytes(figure).startswith(b"\x89PNG")
