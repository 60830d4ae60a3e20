"""Reflection's figures: shares before and after, differences from the sham, outcomes, verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.statistics import Interval, t_interval
from shardsim.plot import basins, constancy, drift, extinction, outcomes, reflection
from shardsim.plot.style import BLUE, ORANGE
from tests.plot import tables
from tests.plot.drawn import legend_labels, lines


def drawn(figure, series: str, at: str) -> list:
    return [row for row in figure.drawn if row.series == series and row.at == at]


def test_shares_stand_before_and_after_by_seed_and_beside_the_sham():
    table = tables.shift()
    figure = reflection.reflection_shares({"near-a": table}, ["a", "b"], [ORANGE, BLUE])
    left = figure.axes[0]
    assert left.get_title(loc="left") == "onset near-a \N{EN DASH} turns: drifted"
    for one, other in zip(table.before[:, 0], table.after["turns"][:, 0], strict=True):
        assert any(np.array_equal(line, (one, other)) for line in lines(left))
    after = drawn(figure, "share", "a, turns")
    assert [row.value for row in after[1:]] == pytest.approx(list(table.after["turns"][:, 0]))
    assert after[0].value == pytest.approx(0.15)
    assert legend_labels(figure) == ["after the sham", "turns"]


def test_the_right_panel_is_paired_with_the_sham():
    table = tables.shift()
    figure = reflection.reflection_shares({"near-a": table}, ["a", "b"], [ORANGE, BLUE])
    mean, *seeds = drawn(figure, "turns minus sham", "a")
    gap = table.after["turns"][:, 0] - table.after["sham"][:, 0]
    assert [row.value for row in seeds] == pytest.approx(list(gap))
    ends = t_interval(gap)
    assert (mean.value, mean.low, mean.high) == pytest.approx(tuple(map(float, ends)))
    assert any(list(line.get_xdata()) == [0, 0] for line in figure.axes[1].lines)
    assert [text.get_text() for text in figure.axes[1].texts] == ["−0.10", "+0.01"]


def test_without_a_sham_the_difference_is_from_before():
    table = tables.shift()
    alone = table._replace(after={"turns": table.after["turns"]})
    figure = reflection.reflection_shares({"near-a": alone}, ["a", "b"], [ORANGE, BLUE])
    assert drawn(figure, "turns minus before", "b")[0].value == pytest.approx(0.02)
    assert figure.axes[1].get_xlabel() == "change of share"


def test_seeds_without_such_contexts_are_left_out_of_the_means():
    table = tables.shift()
    after = table.after["turns"].copy()
    after[2] = np.nan
    partial = table._replace(after={"turns": after, "sham": table.after["sham"]})
    figure = reflection.reflection_shares({"near-a": partial}, ["a", "b"], [ORANGE, BLUE])
    assert drawn(figure, "share", "a, turns")[0].value == pytest.approx(0.15)


def test_outcomes_that_move_are_curves_and_the_others_a_sentence():
    steps, table = tables.trajectories()
    figure = outcomes.reflection_outcomes(steps, table)
    assert len([axes for axes in figure.axes if axes.axison]) == 6
    row = figure.axes[4]
    assert row.get_title(loc="left") == "onset contested \N{EN DASH} neither stays at 0.05"
    shown = {line.get_label(): np.asarray(line.get_ydata()) for line in row.lines}
    for model in ("turns", "summed", "sham"):
        np.testing.assert_allclose(shown[model], table["contested"]["cheese first"][model].mean(1))
    assert legend_labels(figure) == ["turns", "summed", "sham"]


def test_an_onset_where_nothing_moves_has_no_panel():
    still = {"a first": {"turns": np.full((3, 2), 0.4)}, "neither": {"turns": np.full((3, 2), 0.6)}}
    figure = outcomes.reflection_outcomes(np.arange(3.0), {"near-a": still})
    assert not any(axes.axison for axes in figure.axes)
    assert (
        figure.axes[0]
        .get_title(loc="left")
        .endswith("a first stays at 0.40, neither stays at 0.60")
    )


def test_the_forest_has_a_row_a_shard_and_place_with_its_verdict():
    rows = {"near-a": tables.changes()}
    figure = constancy.value_changes(rows, 0.05, {"near-a": {"turns": "drifted"}})
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "cheese, target levels",
        "cheese, at the onset",
        "corner, target levels",
        "corner, at the onset",
    ]
    assert [text.get_text() for text in axes.texts] == ["constant"] * 2 + ["drifted"] * 2
    assert axes.get_title(loc="left") == "onset near-a \N{EN DASH} turns: drifted"
    strip = axes.patches[0].get_bbox()
    assert (strip.x0, strip.x1) == (-0.05, 0.05)
    assert drawn(figure, "turns", "corner, at the onset")[0].value == pytest.approx(-0.197)


def test_one_seed_decides_nothing():
    row = constancy.Change("a", "target", {"turns": np.array([0.0])})
    figure = constancy.value_changes({"near-a": [row]}, 0.05, {"near-a": {}})
    assert [text.get_text() for text in figure.axes[0].texts] == ["undecided"]


def test_single_onsets_are_thin_lines_and_nulls_have_bands():
    steps, table = tables.trajectories()
    single = {"contested": {"cheese first": {"turns": np.tile(steps[:, None] / 50, 3)}}}
    figure = outcomes.reflection_outcomes(steps, table, by_onset=single)
    row = figure.axes[4]
    thin = [line for line in row.lines if np.array_equal(line.get_ydata(), steps / 50)]
    assert len(thin) == 3
    assert len(row.collections) == 3  # a band each for turns, summed and the sham
    assert drawn(figure, "turns, onset 2", 4.0)[0].value == pytest.approx(0.08)


def test_an_interval_that_is_given_is_drawn_and_decides():
    row = constancy.Change(
        "a", "target", {"turns": np.array([0.2, 0.2])}, {"turns": Interval(0.2, -0.1, 0.5)}
    )
    figure = constancy.value_changes({"near-a": [row]}, 0.05, {})
    assert [text.get_text() for text in figure.axes[0].texts] == ["undecided"]
    assert drawn(figure, "turns", "a, target levels")[0].low == -0.1


def test_a_cross_marks_where_the_likelier_outcome_turns():
    before = np.full((5, 7), np.nan)
    before[0, :4] = [0.9, 0.9, 0.1, 0.1]
    after = before.copy()
    after[0, 1], after[0, 2] = 0.2, 0.4
    figure = basins.basin_map(tables.board(), before, {"turns": after}, "cheese")
    panel = figure.axes[1]
    assert panel.get_title(loc="left") == "after turns: 1 turned"
    crosses = next(line for line in panel.lines if line.get_marker() == "x")
    assert (list(crosses.get_xdata()), list(crosses.get_ydata())) == ([1], [0])
    assert len([row for row in figure.drawn if row.series == "turns turns"]) == 1


def test_the_tabular_limit_has_its_extinction_threshold():
    """Case 5 of `bench reflection`: h = 3 and q = .3 end at 1/6, and q below 1/5 is extinct."""
    assert extinction.curated(np.array([0.3, 0.2, 0.1, 0.9]), 3.0) == pytest.approx(
        [1 / 6, 0.0, 0.0, 1.0]
    )


def test_onsets_are_drawn_before_and_after_by_class():
    table = extinction.Onsets(
        np.array([0.2, 0.6]),
        np.array([0.5, 0.4]),
        {"turns": np.array([0.1, 0.7]), "sham": np.array([0.5, np.nan])},
        ["near-a", "contested"],
        3.0,
    )
    figure = extinction.extinction(table, "a", "b")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["turns", "sham (null)"]
    assert drawn(figure, "turns, contested", 0.6)[0].value == 0.7
    assert "before" in legend_labels(figure) and "after, near-a" in legend_labels(figure)


def test_drift_is_drawn_against_steps_beside_the_margin():
    steps = np.array([0.0, 5.0, 20.0])
    models = {"turns": np.outer([1.0, 1.2], steps / 100), "sham": np.zeros((2, 3))}
    one = drift.Drift("a", steps, models)
    figure = drift.drift_over_steps({"contested": [one]}, 0.05, where="at the onset")
    axes = figure.axes[0]
    strip = axes.patches[0].get_bbox()
    assert (strip.y0, strip.y1) == (-0.05, 0.05)
    shown = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines}
    assert shown["turns"] == pytest.approx([0.0, 0.055, 0.22])
    assert len(axes.collections) == 2 and "no change (±0.05)" in legend_labels(figure)
