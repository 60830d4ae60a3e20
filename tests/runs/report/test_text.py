"""Plain sentences: each says the summary's own numbers, and what is absent is not said."""

from __future__ import annotations

import pytest

from shardsim.runs.report.formats import count, interval, listed, percent
from shardsim.runs.report.tables import returns
from shardsim.runs.report.terminal import in_words
from shardsim.runs.report.text import headlines

SUMMARY = {
    "env": "cheese-corner",
    "seeds": [0, 1],
    "return_ratio": {"held_out": [0.95, 0.97], "target": [0.3, 0.4]},
    "num_shards": 1,
    "shards": [
        {
            "name": "corner",
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
    "agreement": {
        "strongest shard": {
            "raw activations": {"mean": 0.03, "low": 0.0, "high": 0.06},
            "untrained activations": {"mean": 0.01, "low": 0.0, "high": 0.02},
            "effect sizes": {"mean": 0.2, "low": 0.15, "high": 0.25},
            "untrained effect sizes": {"mean": -0.01, "low": -0.02, "high": 0.02},
        },
        "action taken": {"raw activations": {"mean": 0.4, "low": 0.35, "high": 0.45}},
    },
    "activity_auc": {"cheese": {"mean": 0.9, "low": 0.85, "high": 0.95, "untrained": 0.52}},
    "constancy": {"near-corner": "drifted", "contested": "constant"},
    "diagnosis": {"world": "representation", "section": None, "representation": "corner"},
}


def test_every_number_is_said():
    text = " ".join(headlines(SUMMARY)).replace("\N{NO-BREAK SPACE}", " ")
    for expected in (
        "Two agents trained on cheese-corner reached 96 % of the optimal return on held-out levels "
        "(95 % to 97 % by seed)",
        "(30 % to 40 % by seed)",
        "The one shard found is supported by behaviour, activations and a causal intervention.",
        "Shard 1 (corner): active everywhere; pushes toward the corner. Its share of decision "
        "influence is 0.50 [0.40, 0.60] on held-out levels and 0.41 [0.30, 0.50] on target levels.",
        "predict each decision 0.021 [−0.004, 0.030] bits better than the best single-utility "
        "model.",
        "explain 55 % of the agents' behaviour",
        "Clusters of raw activations follow the action (adjusted mutual information 0.40 "
        "[0.35, 0.45]), not the strongest shard (0.03 [0.00, 0.06]; untrained 0.01); clusters by "
        "how much each object changes the activations follow the strongest shard "
        "(0.20 [0.15, 0.25]; untrained −0.01).",
        "(area under the ROC curve, chance 0.5): cheese 0.90 [0.85, 0.95], untrained 0.52.",
        "Reflecting near the corner changes the value of at least one shard by more than the",
        "Reflecting in contested contexts leaves the value of every shard unchanged",
        "because it learned the wrong goal: corner.",
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
        "return on held-out levels (80 % to 90 % by seed) and 40 % of the way from the worst to "
        "the best return on target levels (30 % to 50 % by seed)."
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
        ({"world": "healthy"}, "no problem found"),
        (
            {"world": "wrong-code", "section": "loss"},
            "the code of the training section ‘loss’ is wrong",
        ),
        (
            {"world": "no-update", "section": "update"},
            "did not change the agent (no-update(update))",
        ),
        ({"world": "undertrained"}, "needs more training"),
        ({"world": "representation"}, "the wrong goal, which is none of the concepts."),
        ({"world": "something new"}, "something new"),
    ],
)
def test_each_category_has_its_sentence(world, said):
    (line,) = headlines({"diagnosis": world})
    assert said in line


def test_agreement_without_effects_or_layers():
    raw = {"raw activations": {"mean": 0.3, "low": 0.2, "high": 0.4}}
    (line,) = headlines({"agreement": {"strongest shard": raw, "action taken": raw}})
    assert line.endswith("shard by an adjusted mutual information of 0.30 [0.20, 0.40].")
    assert headlines({"agreement": {}}) == []


def test_parts():
    assert percent(None) == "an unknown part" and percent(0.949) == "95\N{NO-BREAK SPACE}%"
    assert interval({"mean": None}) == "unknown" and interval(None) == "unknown"
    assert interval({"mean": -0.5, "low": None, "high": 1.0}) == "−0.500"
    assert count(0, "shard") == "no shards" and count(1, "shard") == "one shard" and count(9) == "9"
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"


ROWS = [
    {"hypotheses": ["shards", "planner"], "bits": 0.05, "random_bits": 0.01},
    {"hypotheses": ["shard 1 for cheese", "shard 1 for corner"], "bits": 0.2, "random_bits": 0.04},
]


def test_what_would_tell_two_hypotheses_apart_is_said_with_its_bits():
    found = SUMMARY | {"separable": {"contexts": 50, "hypotheses": ROWS}}
    assert (
        "50 chosen contexts would separate ‘shard 1 for cheese’ from ‘shard 1 for corner’ by 0.200 "
        "bits per action (random contexts: 0.040); ‘shardsim identify RUN --refine’ adds them."
    ) in headlines(found)
    assert not any("chosen contexts" in line for line in headlines(SUMMARY))


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
        "50 contexts were added that separate ‘shards’ from ‘planner’ by 0.050 bits per action "
        "(random contexts: 0.010). Before, the verdict was ‘cannot tell’, with two shards, a "
        "shardness of 0.001 and a smallest margin of 0.02; now it is ‘shards’, with one shard, a "
        "shardness of 0.021 [−0.004, 0.030] and a smallest margin of 1.00."
    ) in lines


def test_gates_read_from_activations_stand_beside_their_control():
    sources = {"dense_2": 0.62, "shuffled activations": 0.2}
    read = {"layer": "dense_2", "mean": 0.62, "low": 0.6, "high": 0.64, "sources": sources}
    (line,) = headlines({"explained": 0.59, "explained_by_activations": read})
    assert line.replace("\N{NO-BREAK SPACE}", " ") == (
        "On a scale from habits and affordance alone (0 %) to a separate fit in every context "
        "(100 %), the shards explain 59 % of the agents' behaviour; with gates read from layer "
        "dense_2, 62 % (shuffled activations: 20 %)."
    )


def test_a_spread_that_rounds_to_one_value_is_not_said():
    (line,) = headlines(
        {"env": "fork", "seeds": [0, 1], "return_ratio": {"target": [0.958, 0.962]}}
    )
    assert line.replace("\N{NO-BREAK SPACE}", " ") == (
        "Two agents trained on fork reached 96 % of the optimal return on target levels."
    )


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (
            4,
            " One-sided exact sign-flip test over seeds: p = 0.0625. "
            "With four seeds p cannot be below 0.0625.",
        ),
        (
            1,
            " One-sided exact sign-flip test over seeds: p = 0.5. "
            "With one seed p cannot be below 0.5.",
        ),
        (8, " One-sided exact sign-flip test over seeds: p = 0.003906."),
    ],
)
def test_the_least_p_is_said_only_where_it_is_no_small_one(seeds, said):
    test = {"p_value": 0.5**seeds, "smallest_p": 0.5**seeds}
    lines = headlines(
        SUMMARY | {"best_rivals": ["steep discounting"] * seeds, "shardness_test": test}
    )
    (line,) = (line for line in lines if "bits better" in line)
    assert line == (
        "Shards predict each decision 0.021 [−0.004, 0.030] bits better than the best "
        f"single-utility model, steep discounting.{said}"
    )


def test_a_rival_that_predicts_better_is_said_so_with_the_rivals_of_the_seeds():
    summary = {
        "verdict": "one utility",
        "shardness": {"mean": -0.004, "low": -0.005, "high": -0.003},
        "best_rivals": ["planner with gain", "steep discounting", "planner with gain"],
    }
    assert headlines(summary)[1] == (
        "Shards predict each decision 0.004 [0.003, 0.005] bits worse than the best single-utility "
        "model (planner with gain in two seeds and steep discounting in one seed)."
    )


@pytest.mark.parametrize(
    ("confirmed", "conflicting", "said"),
    [
        ([True, True], 0, "Both shards are supported by behaviour, activations and a causal"),
        ([True] * 3, 0, "All three shards are supported by"),
        ([True, False], 0, "Of two shards found, cheese is supported by"),
        ([False, False], 0, "Two shards found, none of them supported by"),
        ([True, False], 1, "intervention; one is contradicted by some of it."),
        ([], 0, "No shard was found."),
    ],
)
def test_which_shards_the_evidence_supports(confirmed, conflicting, said):
    names = ("cheese", "corner", "decoy")
    shards = [{"name": n, "confirmed": one} for n, one in zip(names, confirmed, strict=False)]
    summary = {"shards": shards, "statuses": {"conflicting": conflicting}}
    assert said in headlines(summary)[0]


def agreement_line(**changed):
    shard = SUMMARY["agreement"]["strongest shard"] | changed
    (line,) = headlines({"agreement": SUMMARY["agreement"] | {"strongest shard": shard}})
    return line


def test_effects_no_better_than_in_an_untrained_network_are_not_said_to_follow_shards():
    blank = {"mean": 0.2, "low": 0.1, "high": 0.3}
    assert "do not surely follow" in agreement_line(**{"untrained effect sizes": blank})
    assert "do not surely follow" in agreement_line(
        **{"effect sizes": {"mean": 0.2, "low": 0.04, "high": 0.36}}
    )


def test_raw_clusters_that_follow_shards_before_training_too_are_said_to():
    drive = {"mean": 0.3, "low": 0.2, "high": 0.4}
    line = agreement_line(**{"raw activations": drive, "untrained activations": drive})
    assert "and the strongest shard no more than in an untrained network (0.30" in line
    assert "and less the strongest shard (0.30" in agreement_line(**{"raw activations": drive})
