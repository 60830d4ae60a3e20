"""Figures hold the numbers of their tables: lines, areas, arrows, labels."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.quiver import Quiver

from shardsim.plot import (
    compare,
    constancy,
    curves,
    evidence,
    influence,
    levels,
    outcomes,
    reflection,
    rivals,
    shares,
)
from shardsim.plot.canvas import save_bytes
from shardsim.plot.style import BLUE, ORANGE
from tests.plot import tables
from tests.plot.drawn import legend_labels, lines


def test_learning_curves_hold_every_seed_and_the_mean():
    table = tables.curves()
    figure = curves.learning_curves({"one": table, "two": table}, aim=0.95)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["one", "two"]
    drawn = lines(figure.axes[0])
    for split in ("held-out", "target"):
        for seed in table.ratio[split]:
            assert any(np.array_equal(line, seed) for line in drawn)
        assert any(
            np.allclose(line, table.ratio[split].mean(0)) for line in lines(figure.axes[0], 2)
        )
    assert {"held-out levels: mean", "target levels: mean", "optimum", "0.95"} <= set(
        legend_labels(figure)
    )
    assert figure.axes[0].get_ylabel() == "return ÷ optimal return"


def test_shares_with_intervals_name_parts_and_groups():
    table = tables.shares()
    figure = shares.share_intervals({"held-out": table}, tables.PARTS, tables.COLOURS)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(tables.PARTS)
    ends = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(ends, np.stack([table.low, table.high], 1))
    assert legend_labels(figure) == ["held-out", "each seed"]


def test_influence_lines_are_means_over_seeds_and_leave_unknown_bins_out():
    table = tables.influence()
    figure = influence.influence_by_distance({"run": table})
    drawn = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
    np.testing.assert_allclose(drawn["cheese"], table.signed["cheese"].mean(0))
    np.testing.assert_allclose(
        drawn["cheese, in the model"], table.model["cheese, in the model"].mean(0)
    )
    np.testing.assert_allclose(drawn["decoy"][:4], table.signed["decoy"].mean(0)[:4])
    assert np.isnan(drawn["decoy"][4])
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == list(table.bins)
    assert set(table.nulls) <= set(legend_labels(figure))


def test_the_mean_of_nothing_is_unknown():
    np.testing.assert_array_equal(
        influence.mean_known(np.array([[1.0, np.nan], [3.0, np.nan]])), [2.0, np.nan]
    )


def test_flow_is_the_mean_move():
    names = ("north", "east", "south", "west", "pick up")
    policy = np.array([[0.5, 0.25, 0.0, 0.25, 0.0], [0.0, 0.0, 0.2, 0.0, 0.8]])
    np.testing.assert_allclose(levels.flow(policy, names), [[-0.5, 0.0], [0.2, 0.0]])


def test_the_vector_field_draws_each_cells_arrow_and_influence():
    board = tables.board()
    arrows = np.zeros((5, 7, 2))
    arrows[0, 1] = (0.0, 1.0)
    arrows[4, 0] = (-0.5, 0.0)
    arrows[1, 1] = np.nan
    value = np.where(board.walls, np.nan, 0.25)
    value[2, 2] = -0.75
    figure = levels.vector_field(
        board,
        levels.Field("policy", arrows, None),
        [levels.Field("cheese", arrows, value)],
        "S (moves)",
    )
    policy, cheese, bar = figure.axes
    field = next(child for child in policy.get_children() if isinstance(child, Quiver))
    assert {
        (x, y, u, v) for x, y, u, v in zip(field.X, field.Y, field.U, field.V, strict=True)
    } == {
        (1, 0, 1.0, 0.0),
        (0, 4, 0.0, -0.5),
    }
    shown = cheese.images[0].get_array()
    assert shown[2, 2] == -0.75 and shown.mask[1, 1] and not shown.mask[0, 0]
    assert cheese.images[0].get_clim() == (-0.75, 0.75)
    assert bar.get_ylabel() == "S (moves)"
    assert legend_labels(figure) == ["cheese", "decoy", "corner", "wall"]


def test_gates_share_one_scale_from_zero():
    board = tables.board()
    gates = {"a": np.full((5, 7), 2.0), "b": np.full((5, 7), 0.5)}
    figure = levels.gates_on_level(board, gates, "gate (logits per move)")
    assert [axes.images[0].get_clim() for axes in figure.axes[:2]] == [(0.0, 2.0)] * 2
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["a", "b"]


def test_rivals_bars_are_means_and_differences_are_paired():
    models, bits = tables.bits()
    figure = rivals.rivals(models, {"all contexts": bits}, ["planner with gain"])
    bars = [patch.get_width() for patch in figure.axes[0].patches]
    np.testing.assert_allclose(bars, bits.mean(1))
    seeds = lines(figure.axes[0])
    assert len(seeds) == bits.shape[1]
    said = [text.get_text() for text in figure.axes[1].texts]
    assert said == ["+0.021 [+0.021, +0.021]"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == models


def test_evidence_lies_at_its_distance_in_tolerances():
    figure = evidence.evidence_gaps("wrong-code(advantage)", tables.evidence())
    axes = figure.axes[0]
    assert [row.value for row in figure.drawn] == pytest.approx([0.0, 1123.45, 1e-3])
    dots = [
        line.get_xdata()[0]
        for line in axes.lines
        if line.get_marker() == "o" and line.get_xdata().size
    ]
    assert dots[1] > 1.0 > dots[2] > dots[0] and max(dots) < axes.get_xlim()[1]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows[1] == "advantage: advantage recomputed"
    assert [text.get_text() for text in axes.texts] == ["agrees", "disagrees", "agrees"]
    assert axes.get_title(loc="left") == "wrong-code(advantage)"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (True, "yes"),
        (0.123456, "0.1235"),
        (-2.0, "−2"),
        ([1, 0.5], "1, 0.5"),
        ("a", "a"),
    ],
)
def test_cells_are_short(value, said):
    assert evidence.cell(value) == said


def test_two_runs_get_the_difference_with_its_interval():
    runs = {"first": np.array([0.5, 0.6, 0.7]), "second": np.array([0.1, 0.2, 0.3])}
    figure = compare.compare_runs({"share": {"corner": runs}, "bits": {"shardness": runs}})
    said = figure.axes[0].texts[0].get_text()
    assert said.startswith("+0.400 [+0.2") and figure.axes[0].get_xlabel() == "share"
    assert legend_labels(figure) == ["first", "second"]
    assert compare.difference([runs["first"]]) == ""
    assert compare.difference([runs["first"], np.array([1.0])]) == ""


def test_shares_of_runs_stay_in_their_bounds_and_absent_concepts_say_so():
    wide, other = np.array([0.0, 0.3]), np.array([0.9, 1.0])
    panels = {
        "share": {"corner": {"first": wide, "second": other}, "dish": {"second": other}},
        "bits": {"shardness": {"first": wide, "second": other}},
    }
    figure = compare.compare_runs(panels, bounds={"share": (0.0, 1.0)})
    share, bits = figure.axes
    ends = [line.get_xdata() for line in share.lines if len(line.get_xdata()) == 2]
    intervals = [x for x in ends if not set(x) <= {*wide, *other}]
    assert intervals and all(x.min() >= 0.0 and x.max() <= 1.0 for x in map(np.asarray, intervals))
    assert min(min(line.get_xdata(), default=0) for line in bits.lines) < 0  # no share: not cut
    said = [text.get_text() for text in share.texts]
    assert said[0].startswith("−0.800 [") and said[1:] == ["not in this world", ""]
    assert legend_labels(figure) == ["first", "second"]


def test_every_figure_can_be_saved_without_a_warning():
    steps, table = tables.trajectories()
    made = [
        curves.learning_curves({"one": tables.curves()}),
        shares.shard_distribution({"one": tables.distribution()}),
        influence.influence_by_distance({"one": tables.influence()}),
        outcomes.reflection_outcomes(steps, table),
        reflection.reflection_shares({"near": tables.shift()}, ["a", "b"], [ORANGE, BLUE]),
        constancy.value_changes({"near": tables.changes()}, 0.05, {"near": {"turns": "drifted"}}),
        evidence.evidence_gaps("healthy", tables.evidence()),
    ]
    assert all(len(save_bytes(figure)) > 5000 for figure in made)
