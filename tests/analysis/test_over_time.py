"""What is made over checkpoints, runs pooled over seeds, and tables for notebooks and pandas."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from shardsim.base.errors import UserError
from shardsim.runs import figures
from shardsim.runs.figure_data import gate_maps, outcomes, over_time, pooled
from shardsim.runs.run import load
from shardsim.shards.evidence.activations import sample
from shardsim.shards.fit.data import decisions_on, gate_features
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.influence.influence import by_distance, edit, influence_of
from tests.analysis.results import CONTEXTS, PREFERENCES

pytestmark = pytest.mark.slow


def test_influence_at_the_last_checkpoint_is_that_of_the_agents(finished):
    found = over_time.influence(finished, "target", [0, -1], 400)
    run = over_time.influence(finished, "target", [-1], 400, seed=1)
    np.testing.assert_allclose(run.concepts["cheese"][0, 0], found.concepts["cheese"][1, 1])
    battery = finished.battery("target")
    agents = [finished.agent(seed) for seed in (0, 1)]

    def logits(states, observations):
        return np.stack([np.asarray(agent.policy(observations)) for agent in agents])

    signed = influence_of(logits, battery, edit(battery)).signed
    expected = by_distance(signed, battery.distance, battery.weight)[0]
    np.testing.assert_allclose(found.concepts["cheese"][1], expected[:, 0], atol=1e-6)
    assert set(found.concepts) == {"cheese", "decoy", "corner (mirror test)"}


def test_gates_at_an_earlier_checkpoint_are_fitted_to_it(finished):
    covariates = {k: v[:9] for k, v in finished.battery("target").covariates.items()}
    last = gate_maps.gates_at(finished, 0, covariates)
    same = gate_maps.gates_at(finished, 0, covariates, len(finished.updates) - 1)
    np.testing.assert_array_equal(last["1 cheese"], same["1 cheese"])
    config = finished.config.identify
    few = finished.shards.battery.take(sample(CONTEXTS, config.seed, config.track_contexts))
    data = decisions_on(few, np.asarray(finished.agent(0, 1).policy(few.observations)))
    fitted = fit_gates(PREFERENCES, data, seed=config.seed)
    wanted, _ = gate_features(covariates, finished.shards.concepts)
    first = gate_maps.gates_at(finished, 0, covariates, 1)
    np.testing.assert_allclose(np.stack(list(first.values()), 1), fitted.gate(wanted))


def test_the_simplex_is_of_groups_or_of_two_shards(finished):
    last = finished.track.isel(checkpoint=-1, seed=0)
    for options, corner, share in (
        ({}, "all shards", float(last["share"].sum())),
        ({"first": "2", "second": "1"}, "2 corner", float(last["share"][1])),
    ):
        figure = figures.draw("simplex-path", [finished], options)
        drawn = [row.value for row in figure.drawn if row.series == corner and row.seed == 0]
        assert drawn[-1] == pytest.approx(share)
    with pytest.raises(UserError, match="numbers of two shards, from 1 to 2"):
        figures.draw("simplex-path", [finished], {"first": 1, "second": 3})


def test_streams_are_of_the_checkpoints_that_were_fitted_alone(finished):
    figure = figures.draw("identities", [finished])
    steps = finished.track["steps"].values[[1, -1]]
    times = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert times == [over_time.steps_in_words(float(one)) for one in steps]
    assert [text.get_text() for text in figure.axes[0].texts] == ["2, 2", "2, 2"]
    cosine = [row.value for row in figure.drawn if row.series == "1 cheese: cosine"]
    assert cosine == pytest.approx([0.8766] * 2)


def test_an_animation_has_a_frame_a_checkpoint(finished, tmp_path):
    figure = figures.draw("animation", [finished], {"checkpoints": 2})
    path = figures.save(figure, tmp_path / "a.gif")
    with Image.open(path) as picture:
        assert (picture.format, picture.n_frames) == ("GIF", 2)
    with pytest.raises(UserError, match=r"does not move, so it is no \.gif"):
        figures.save(figures.draw("shares", [finished]), tmp_path / "b.gif")
    assert [one.name for one in tmp_path.iterdir()] == ["a.gif"]


def test_runs_that_differ_in_their_seeds_alone_are_one(finished, monkeypatch):
    other = load(finished.path)
    monkeypatch.setattr(
        type(other), "seeds", property(lambda run: [2, 3] if run is other else [0, 1])
    )
    runs = [finished, other]
    assert list(pooled.groups(runs)) == [""] and len(pooled.groups([*runs, finished])) == 2
    figure = figures.draw("shard-distribution", runs)
    assert figure.axes[0].get_title(loc="left") == "target levels, n = 4 seeds"
    curves = pooled.curves(runs)[""].ratio["target"]
    np.testing.assert_array_equal(curves[:2], curves[2:])
    both = outcomes.compared(runs)["best rival − shards (bits per decision)"]["shardness"]
    assert both["all runs"].shape == (4,)


def test_runs_and_shards_show_themselves_in_a_notebook(finished, trained):
    shown = finished._repr_html_()
    assert "cheese-corner" in shown and "<td style" in shown and "wants the corner" in shown
    assert "verdict: " in finished.shards.seed(0)._repr_html_()
    assert "verdict" not in trained._repr_html_()


def test_tables_go_to_pandas_with_long_names(finished):
    import shardsim as ss

    frame = ss.to_pandas(finished.track, "share")
    assert "share of decision influence" in frame and "steps" in frame and "shard_name" in frame
    assert len(frame) == finished.track["share"].size
    one = frame[(frame["checkpoint"] == 1) & (frame["seed"] == 1) & (frame["shard"] == 2)]
    expected = float(finished.track["share"].sel(checkpoint=1, seed=1, shard=2))
    assert one["share of decision influence"].item() == expected
    gates = ss.to_pandas(finished.shards.dataset, "gates")
    assert any(name.endswith("(logits per move)") or "gate" in name for name in gates.columns)
    for names, said in (
        (("shares",), "did you mean 'share'"),
        ((), "name the variables"),
        (("share", "rest_share"), "export them one by one"),
    ):
        with pytest.raises(UserError, match=said):
            ss.to_pandas(finished.track, *names)
