"""Figures of reflection, and the numbers behind them, against results that are known."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from shardsim.plot.reflection import say_where_untried
from shardsim.runs import figures
from shardsim.runs.figure_data import outcomes, value_drift
from shardsim.runs.figure_data.activation import activation

pytestmark = pytest.mark.slow


def test_reflection_has_a_row_an_onset(finished):
    figure = figures.draw("reflection", [finished])
    titles = [axes.get_title(loc="left") for axes in figure.axes[::2]]
    assert titles == [
        f"onset {name} – turns: drifted" for name in finished.reflection["onset"].values
    ]
    gaps = [
        row.value for row in figure.drawn if row.series == "turns minus sham" and row.seed is None
    ]
    assert gaps == pytest.approx([-0.1, 0.05] * 3)
    one = figures.draw("reflection", [finished], {"onset": "contested"})
    assert len(one.axes) == 2
    for name in ("reflection", "constancy"):  # verdicts are about all seeds, so not over one
        alone = figures.draw(name, [finished], {"onset": "contested", "seed": 0})
        assert alone.axes[0].get_title(loc="left") == "onset contested"


def test_outcomes_are_measured_from_the_onset_or_on_target_levels(finished):
    for battery in ("onset", "target"):
        figure = figures.draw("reflection-outcomes", [finished], {"battery": battery})
        line = next(line for line in figure.axes[0].lines if line.get_label() == "summed")
        np.testing.assert_allclose(line.get_ydata(), 0.3 + 0.04 * np.arange(5))


def test_seeds_without_contexts_are_left_out(finished):
    steps, hits = outcomes.hits(finished)
    assert hits["near-corner"]["cheese first"]["turns"].shape == (5, 2)
    assert hits["contested"]["cheese first"]["turns"].shape == (5, 1)
    assert list(steps) == [0, 1, 2, 3, 4]


def test_value_changes_have_a_row_a_shard_and_place(finished):
    changes = outcomes.changes(finished)
    rows = [(one.shard, one.place) for one in changes["near-corner"]]
    assert rows == [(name, at) for name in ("1 cheese", "2 corner") for at in ("onset", "target")]
    assert list(changes["near-corner"][0].models) == ["turns", "summed"]
    np.testing.assert_allclose(changes["near-corner"][2].models["turns"], [-0.2, -0.195])
    np.testing.assert_allclose(changes["contested"][0].models["turns"], [0.01, np.nan])
    assert [one.place for one in outcomes.changes(finished, place="target")["contested"]] == [
        "target"
    ] * 2
    assert outcomes.verdicts(finished)["contested"] == {"turns": "drifted", "summed": "drifted"}


def test_goals_are_drawn_by_how_active_their_shards_are(finished):
    found, goals = activation(finished)
    assert goals == ("cheese", "corner")
    known = [kind for kind in found.kinds if kind != "contested"]  # one seed has none of these
    assert (len(known), len(found.kinds)) == (4, 5)
    np.testing.assert_allclose(found.active, [0.2, 0.2, 0.7, 0.7, 0.5])
    np.testing.assert_allclose(found.before, 0.3 / 0.95)
    np.testing.assert_allclose(found.after["summed"], 0.46 / 0.95)
    assert found.hardness == pytest.approx(np.exp(2 * 0.9) - 1)


def test_outcomes_of_single_onsets_are_means_over_seeds(finished):
    found = outcomes.hits_by_onset(finished)["near-corner"]["cheese first"]["summed"]
    np.testing.assert_allclose(found, 0.3 + 0.04 * np.arange(5)[:, None])


def test_values_on_the_way_are_in_units_of_their_range(finished):
    found = value_drift.drifts(finished, place="target")["near-corner"]
    assert [one.shard for one in found] == ["1 cheese", "2 corner"]
    np.testing.assert_allclose(found[0].models["summed"], [0.4 * np.linspace(0, 1, 5)] * 2)
    np.testing.assert_allclose(found[1].models["sham"], 0.0)


def test_an_onset_that_no_seed_has_says_so():
    axes = Figure().subplots()
    say_where_untried(axes, [np.array([0.1, np.nan])])
    assert not axes.texts
    say_where_untried(axes, [np.array([np.nan, np.nan])])
    assert [text.get_text() for text in axes.texts] == ["not tried: no such context"]
