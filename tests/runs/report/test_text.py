"""Plain sentences: each says the summary's own numbers, and what is absent is not said."""

from __future__ import annotations

import pytest

from shardsim.runs.report.tables import returns
from shardsim.runs.report.terminal import in_words
from shardsim.runs.report.text import headlines, interval, listed, percent

SUMMARY = {
    "env": "cheese-corner",
    "seeds": [0, 1],
    "return_ratio": {"held_out": [0.95, 0.97], "target": [0.3, 0.4]},
    "num_shards": 1,
    "shards": [
        {
            "words": "active everywhere; pushes toward the corner",
            "share": {
                "held_out": {"mean": 0.5, "low": 0.4, "high": 0.6},
                "target": {"mean": 0.41, "low": 0.3, "high": 0.5},
            },
            "confirmed": True,
        }
    ],
    "verdict": "shards",
    "shardness": {"mean": 0.021, "low": -0.004, "high": 0.03},
    "explained": 0.55,
    "agreement": {"dense_1": 0.1, "dense_2": 0.23, "raw input": 0.04, "untrained dense_2": 0.02},
    "constancy": {"near-corner": "drifted", "contested": {"turns": "constant"}},
    "diagnosis": {"world": "representation", "section": None, "representation": "corner"},
}


def test_every_number_is_said():
    text = " ".join(headlines(SUMMARY)).replace("\N{NO-BREAK SPACE}", " ")
    for expected in (
        "Two agents trained on cheese-corner reached 96 % of the optimal return on held-out levels",
        "by seed 30 % to 40 %",
        "One shard found, one of them confirmed",
        "active everywhere; pushes toward the corner: its share of decision influence is "
        "0.50 [0.40, 0.60] on held-out levels and 0.41 [0.30, 0.50] on target levels",
        "0.021 [−0.004, 0.030] bits a decision",
        "explain 55 % of",
        "layer dense_2 agree with clusters of behaviour by an adjusted mutual information of 0.23",
        "the best control, raw input, reaches 0.04",
        "from the onset near-corner changes",
        "Reflection by turns from the onset contested keeps",
        "represents its goal as: corner",
    ):
        assert expected in text


def test_without_a_ratio_the_way_from_the_worst_return_to_the_best_is_said():
    summary = SUMMARY | {
        "return_ratio": {"held_out": [0.95, 0.97], "target": [None, None]},
        "normalised_regret": {"held_out": [0.1, 0.2], "target": [0.5, 0.7]},
    }
    line = headlines(summary)[0].replace("\N{NO-BREAK SPACE}", " ")
    assert line == (
        "Two agents trained on cheese-corner reached 85 % of the way from the worst to the best "
        "return on held-out levels (by seed 80 % to 90 %) and 40 % of the way from the worst to "
        "the best return on target levels (by seed 30 % to 50 %)."
    )
    told = in_words(summary, {}, "runs/x").splitlines()[1:3]
    assert told == [
        "return (worst 0, best 1), held-out  0.900, 0.800",
        "return (worst 0, best 1), target    0.500, 0.300",
    ]
    found = returns(summary)
    assert found.title.startswith("Return (worst policy 0, best 1)")
    assert found.rows == [["0", "0.900", "0.500"], ["1", "0.800", "0.300"]]


def test_with_a_ratio_everywhere_the_regret_changes_nothing():
    summary = SUMMARY | {"normalised_regret": {"held_out": [0.1, 0.2], "target": [0.5, 0.7]}}
    assert headlines(summary) == headlines(SUMMARY)


def test_an_empty_summary_says_nothing():
    assert headlines({}) == []


def test_only_what_is_there_is_said():
    lines = headlines({key: SUMMARY[key] for key in ("env", "seeds", "return_ratio")})
    assert len(lines) == 1 and "96\N{NO-BREAK SPACE}%" in lines[0]


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ({"world": "healthy"}, "nothing is wrong"),
        ({"world": "wrong-code", "section": "loss"}, "the code of the section loss is wrong"),
        (
            {"world": "no-update", "section": "update"},
            "did not change the agent (no-update(update))",
        ),
        ({"world": "undertrained"}, "needs more training"),
        ({"world": "something new"}, "something new"),
    ],
)
def test_each_world_has_its_sentence(world, said):
    (line,) = headlines({"diagnosis": world})
    assert said in line


def test_agreement_without_controls_or_layers():
    (line,) = headlines({"agreement": {"dense 1": 0.1, "dense 2": 0.3, "logits": None}})
    assert line.endswith("of 0.30 (0 is chance, 1 the same).")
    assert headlines({"agreement": {}}) == headlines({"agreement": {"raw input": 0.5}}) == []


def test_parts():
    assert percent(None) == "an unknown part" and percent(0.949) == "95\N{NO-BREAK SPACE}%"
    assert interval({"mean": None}) == "unknown" and interval(None) == "unknown"
    assert interval({"mean": -0.5, "low": None, "high": 1.0}) == "−0.500"
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"


ROWS = [
    {"hypotheses": ["shards", "planner"], "bits": 0.05, "random_bits": 0.01},
    {"hypotheses": ["shard 1 for cheese", "shard 1 for corner"], "bits": 0.2, "random_bits": 0.04},
]


def test_what_would_tell_two_hypotheses_apart_is_said_with_its_bits():
    found = SUMMARY | {"separable": {"contexts": 50, "hypotheses": ROWS}}
    assert (
        "Where it is still unsure, 50 other contexts would tell 0.200 bits an action between "
        "‘shard 1 for cheese’ and ‘shard 1 for corner’, where random ones tell 0.040 "
        "(shardsim identify RUN --refine adds them)."
    ) in headlines(found)
    assert not any("hypotheses" in line for line in headlines(SUMMARY))


def test_what_was_found_before_contexts_were_added_is_said_beside_what_is_found_now():
    before = {
        "contexts": 50,
        "verdict_before": "cannot tell",
        "num_shards_before": 2,
        "shardness_before": 0.001,
        "margin_before": [0.3, 0.02],
        "hypotheses": ROWS[:1],
    }
    lines = headlines(SUMMARY | {"refined": before})
    assert (
        "50 contexts were added that tell 0.050 bits an action between ‘shards’ and ‘planner’, "
        "where random ones tell 0.010. Before them the verdict was cannot tell, with two shards, "
        "a shardness of 0.001 and a least margin of 0.02; now it is shards, with one shard, a "
        "shardness of 0.021 [−0.004, 0.030] and a least margin of 1.00."
    ) in lines


def test_gates_read_from_activations_stand_beside_their_control():
    sources = {"dense_2": 0.62, "shuffled activations": 0.2}
    read = {"layer": "dense_2", "mean": 0.62, "low": 0.6, "high": 0.64, "sources": sources}
    (line,) = headlines({"explained": 0.59, "explained_by_activations": read})
    assert line.replace("\N{NO-BREAK SPACE}", " ") == (
        "The shards explain 59 % of what these concepts could explain at all; 62 % with gates read "
        "from layer dense_2 (activations of other contexts: 20 %)."
    )
