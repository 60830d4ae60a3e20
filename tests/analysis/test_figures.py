"""Every figure that ships, on a run that has everything and on one that is only trained."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from shardsim.base.errors import UserError
from shardsim.plot.canvas import save_bytes
from shardsim.runs import figures
from shardsim.runs.figure_data import outcomes
from shardsim.shards.shardset import ShardSet
from tests.analysis.summary import DIAGNOSIS

pytestmark = pytest.mark.slow

TRAINED_ENOUGH = {
    "cheese-vector",
    "decision-square",
    "influence-over-time",
    "learning-curves",
    "locality",
    "vector-field",
}
SWEEPS = {"sweep-results", "sweep-improvement"}  # of runs that differ: tests/runs/comparison
NAMES = sorted(figures.list_figures().keys() - SWEEPS)


def runs_for(name: str, run) -> list:
    return [run, run] if name in {"compare", "proxy-share"} else [run]


@pytest.mark.parametrize("name", NAMES)
def test_it_draws_in_the_size_asked_for_and_keeps_its_numbers(name, finished):
    figure = figures.draw(name, runs_for(name, finished), {"size": "9x5"})
    assert tuple(figure.get_size_inches()) == (9.0, 5.0)
    assert figure.axes and save_bytes(figure).startswith(b"\x89PNG")
    assert figures.table_as_csv(name, figure).startswith("run,panel,series,seed,at_label,at,")


@pytest.mark.parametrize("name", NAMES)
def test_without_its_results_it_says_what_is_missing(name, trained):
    if name in TRAINED_ENOUGH:
        assert figures.draw(name, [trained]).axes
        return
    with pytest.raises(
        UserError, match=r"has no (shards|track|reflection|stability|diagnosis)\.\w+ yet"
    ):
        figures.draw(name, runs_for(name, trained))


def test_the_learning_curves_are_those_of_the_run(finished):
    figure = figures.draw("learning-curves", [finished])
    training = finished.training
    expected = (training["achieved"] / training["optimum"]).sel(split="target").values
    drawn = [np.asarray(line.get_ydata()) for line in figure.axes[0].lines]
    for seed in expected:
        assert any(np.array_equal(line, seed) for line in drawn)
    assert figure.axes[0].get_title(loc="left") == ""  # no path in a single run's figure


def test_from_python(finished):
    import shardsim as ss
    import shardsim.plot.style  # a sub-package's name must not hide the function

    one = ss.figure(ss.load(finished.path), "vector-field", level=2)
    assert one.axes[0].get_title(loc="left") == "policy, seed 0, level 2"
    assert len(ss.figure([finished, finished], "learning-curves").axes) == 2


def test_two_runs_stand_side_by_side(finished, trained):
    figure = figures.draw("learning-curves", [finished, trained])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["finished", "trained"]


def test_the_distribution_names_shards_by_what_they_push_for(finished):
    figure = figures.draw("shard-distribution", [finished])
    assert [text.get_text() for text in figure.axes[0].texts] == ["2 corner", "1 cheese"]
    assert figure.axes[0].get_title(loc="left") == "target levels, n = 2 seeds"
    one = figures.draw("shard-distribution", [finished], {"seed": "1"})
    assert one.axes[0].get_title(loc="left") == "target levels, seed 1"
    last = [row.value for row in one.drawn if row.at == finished.track["steps"].values[-1]]
    shares = finished.track["share"].isel(checkpoint=-1, seed=1).values
    assert last[:2] == pytest.approx(list(shares))


def test_one_battery_and_one_seed_of_the_shares(finished):
    figure = figures.draw("shares", [finished], {"battery": "held-out", "seed": "1"})
    rows = {row.at: row for row in figure.drawn if row.seed is None}
    data = finished.shards.dataset.sel(battery="held-out")
    assert {row.series for row in figure.drawn} == {"held-out"}
    assert rows["1 cheese"].value == pytest.approx(float(data["share"][1, 0]))
    ends = data["share_interval_by_seed"][1, 0].values
    assert (rows["1 cheese"].low, rows["1 cheese"].high) == pytest.approx(tuple(ends))


def test_a_place_has_its_mirror_test_and_an_object_its_removal(finished):
    figure = figures.draw("influence-by-distance", [finished])
    drawn = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
    np.testing.assert_allclose(drawn["cheese"], [0.8, 0.3, 0.05, 0.02, 0.0])
    np.testing.assert_allclose(drawn["cheese, in the model"], [0.4, 0.15, 0.025, 0.01, 0.0])
    np.testing.assert_allclose(drawn["corner (mirror test)"], 0.6)
    assert "corner" not in drawn and "cheese (mirror test)" not in drawn


def test_a_level_may_be_chosen(finished):
    figure = figures.draw("vector-field", [finished], {"level": "3", "seed": "1", "split": "train"})
    assert figure.axes[0].get_title(loc="left") == "policy, seed 1, level 3"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("vector-field", {"level": "99"}, "no level 99 among 8; give one from 0 to 7"),
        ("vector-field", {"split": "targte"}, "did you mean 'target'"),
        ("vector-field", {"seed": "5"}, "2 seeds, so no number 5"),
        ("vector-field", {"checkpoint": "50"}, "checkpoints, so no number 50"),
        ("activation-map", {"layer": "dense_9"}, "did you mean 'dense_"),
        ("dose-curves", {"layer": "dense_9"}, "did you mean 'dense_"),
        ("constancy", {"place": "targte"}, "did you mean 'target'"),
        ("what-built", {"shard": "cheeze"}, "did you mean 'cheese'"),
    ],
)
def test_what_is_not_there_is_refused(name, options, said, finished):
    with pytest.raises(UserError, match=said):
        figures.draw(name, [finished], options)


def test_rivals_are_those_near_the_shards(finished):
    figure = figures.draw("rivals", [finished])
    said = [text.get_text() for text in figure.axes[-1].texts]
    assert [text.split()[0] for text in said] == ["+0.200", "+0.080", "+0.020"]
    assert len(figure.axes) == 3


def test_without_contexts_in_conflict_there_is_no_panel_of_them(finished, monkeypatch):
    data = finished.shards.to_dataset()
    data["bits_conflict"] = data["bits_conflict"] * np.nan  # as in a world with one concept
    same = ShardSet(data, finished.shards.source)
    monkeypatch.setattr(type(finished), "shards", property(lambda run: same))
    assert len(figures.draw("rivals", [finished]).axes) == 2


def test_dose_curves_are_of_the_layer_that_is_most_selective(finished):
    figure = figures.draw("dose-curves", [finished])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [f"{name}, dense_2: selectivity 10.0" for name in ("1 cheese", "2 corner")]
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
    np.testing.assert_allclose(lines["the shard itself"], [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(lines["the other shard that moves most"], [1.1, 1.0, 0.9, 0.8])
    other = figures.draw("dose-curves", [finished], {"layer": "dense_1"})
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in other.axes[0].lines}
    np.testing.assert_allclose(lines["the other shard that moves most"], [1.5, 1.0, 0.5, 0.0])


def test_what_built_a_shard_stands_beside_chance(finished):
    figure = figures.draw("what-built", [finished], {"shard": "corner"})
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "2 corner"
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["cheese paid\n75% of episodes", "nothing paid\n25% of episodes"]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    np.testing.assert_allclose(bars, [(0.2, 0.6), (-0.3, 0.5)])
    means = {float(line.get_xdata()[0]): line for line in axes.lines if line.get_marker() == "o"}
    np.testing.assert_allclose(list(means), [0.95, -0.05])  # over two seeds and checkpoints
    assert [line.get_markerfacecolor() == line.get_color() for line in means.values()] == [
        True,
        False,
    ]
    assert [text.get_text() for text in axes.texts] == ["p = 0.005", "p = 0.7"]
    assert len(figures.draw("what-built", [finished]).axes) == 2


def test_a_figure_of_one_run_is_drawn_for_each_of_several(finished, trained):
    figure = figures.draw("reflection", [finished, finished])
    assert [part.get_suptitle() for part in figure.subfigs] == [
        "1: runs0/finished",
        "2: runs0/finished",
    ]
    assert {row.run for row in figure.drawn} == {"1: runs0/finished", "2: runs0/finished"}
    with pytest.raises(UserError, match=r"has no reflection\.nc yet"):
        figures.draw("reflection", [finished, trained])
    with pytest.raises(UserError, match="is of 1 run, and 2 are given"):
        figures.draw("locality", [finished, finished])


SLOW = {"basins", "cheese-vector", "decision-square", "extinction-by-distance"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - SLOW))
def test_it_goes_where_it_is_told(name, finished):
    page = Figure(figsize=(8, 6), layout="constrained")
    left, right = page.subfigures(1, 2)
    assert figures.draw(name, runs_for(name, finished), {"ax": right}) is page
    assert right.axes and not left.axes


def test_equal_runs_do_not_differ(finished):
    figure = figures.draw("compare", [finished, finished])
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said and all(text.startswith(("+0.000", "−0.000")) for text in said)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["cheese", "decoy", "corner", "habit", "affordance", "residual"]


def test_shares_by_concept_divide_the_shards_and_sum_to_one(finished):
    found = outcomes.concept_shares(finished.shards, "target")
    np.testing.assert_allclose(sum(found.values()), 1.0, atol=0.02)  # norms written to two digits
    expected = finished.shards.shares @ np.array([0.99**2, 0.1**2])
    np.testing.assert_allclose(found["cheese"], expected)


def test_gates_over_a_level_are_the_fitted_ones(finished):
    figure = figures.draw("gates-on-level", [finished])
    shown = {axes.get_title(loc="left"): axes.images[0].get_array() for axes in figure.axes[:2]}
    # The models written have one shard that acts, for the corner, with a gate of 0.8 everywhere.
    np.testing.assert_allclose(shown["2 corner"].compressed(), 0.8, atol=0.1)
    np.testing.assert_allclose(shown["1 cheese"].compressed(), 0.0, atol=0.1)


def test_the_activation_map_shows_every_context_in_every_layer(finished):
    figure = figures.draw("activation-map", [finished], {"contexts": "100"})
    scatter = figure.axes[0].collections[0]
    assert len(scatter.get_offsets()) == 100
    layers = finished.agent().layers
    assert [axes.get_title(loc="left") for axes in figure.axes[: len(layers)]] == [
        f"{layer}: strongest shard" for layer in layers
    ]


def test_the_evidence_is_all_there(finished):
    figure = figures.draw("diagnosis", [finished])
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for row, said in zip(DIAGNOSIS["evidence"], rows, strict=True):
        assert said.endswith(row["measurement"])
    assert figure.axes[0].get_title(loc="left") == "Diagnosis: representation(corner)"
