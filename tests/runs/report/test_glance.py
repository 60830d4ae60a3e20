"""The five answers on the report's first screen."""

from __future__ import annotations

from typing import Any

import pytest

from shardsim.runs.report.glance import NOT_KNOWN, glance


def answers(summary: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one.question: (one.answer, one.detail) for one in glance(summary, None)}


def test_a_run_without_results_answers_nothing():
    assert set(answers({}).values()) == {(NOT_KNOWN, "")}


def test_means_over_seeds_leave_out_what_is_not_known():
    found = answers({"return_ratio": {"held_out": [0.9, 0.7, None], "target": [None]}})
    assert found["Did the agents learn?"] == (
        "80\N{NO-BREAK SPACE}%",
        "of the optimum on held-out levels",
    )


def test_shards_stand_with_intervals_and_how_many_are_confirmed():
    share = {"target": {"mean": 0.24, "low": 0.19, "high": 0.27}}
    shards = [
        {"name": "corner", "share": share, "confirmed": True},
        {"name": "cheese", "share": share, "confirmed": False},
    ]
    said = answers({"verdict": "cannot tell", "shards": shards})["Which shards, and how sure?"]
    assert said == (
        "Cannot tell",
        "share on target levels: corner 0.24 [0.19, 0.27], cheese 0.24 [0.19, 0.27]; "
        "1 of 2 supported by all kinds of evidence",
    )


@pytest.mark.parametrize(
    ("verdicts", "answer", "detail"),
    [
        (
            {"near-cheese": "constant", "contested": "undecided", "near-corner": "drifted"},
            "Drifted from 1 of 3 onsets",
            "drifted: reflecting near the corner; undecided: reflecting in contested contexts; "
            "constant: reflecting near the cheese",
        ),
        (
            {"near-cheese": "constant", "near-corner": "constant"},
            "Constant from 2 of 2 onsets",
            "constant: reflecting near the cheese and near the corner",
        ),
    ],
)
def test_the_worst_verdict_on_reflection_is_said_first(verdicts, answer, detail):
    found = answers({"constancy": verdicts})["Do values last under reflection?"]
    assert found == (answer, detail)


@pytest.mark.parametrize(
    ("diagnosis", "answer"),
    [
        ({"world": "healthy"}, "Yes"),
        ({"world": "wrong-code", "section": "loss"}, "Wrong code"),
        ({"world": "representation", "representation": "corner"}, "Wrong goal: corner"),
        ({"world": "representation"}, "Wrong goal: none of the concepts"),
        ({"world": "no-update"}, "No-update"),
    ],
)
def test_the_diagnosis_in_a_word_or_two(diagnosis, answer):
    assert answers({"diagnosis": diagnosis})["Is the agent healthy?"][0] == answer
