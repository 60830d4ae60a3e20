"""What the report says of reflection, in sentences."""

from __future__ import annotations

import pytest

from shardsim.runs.report.text import headlines


def changed(mean, verdict):
    """A change at target levels, beside none at the onset."""
    none = {"mean": 0.0, "low": -0.01, "high": 0.01, "verdict": "constant"}
    ends = {"mean": mean, "low": mean - 0.02, "high": mean + 0.02, "verdict": verdict}
    return {"onset": none, "target": ends}


@pytest.mark.parametrize(
    ("onset", "changes", "said"),
    [
        (
            "near-corner",
            [changed(0.0, "constant"), changed(-0.08, "drifted")],
            "Reflecting near the corner leaves the corner shard's value unchanged and lowers the "
            "cheese shard's value by 0.08 of its range on target levels (tolerance 0.05).",
        ),
        (
            "contested",
            [changed(0.0, "constant"), changed(0.0, "constant")],
            "Reflecting in contested contexts leaves the corner shard's and the cheese shard's "
            "values unchanged (tolerance 0.05).",
        ),
        (
            "given",
            [changed(0.09, "drifted"), changed(0.04, "undecided")],
            "Reflecting from the onset given raises the corner shard's value by 0.09 of its range "
            "on target levels (tolerance 0.05); it is undecided whether other values change by "
            "more: cheese shard +0.040 [+0.020, +0.060] of its range on target levels.",
        ),
        (
            "near-cheese",
            [changed(-0.04, "undecided"), changed(0.04, "undecided")],
            "It is undecided whether reflecting near the cheese changes values by more than the "
            "tolerance (0.05): corner shard −0.040 [−0.060, −0.020] of its range on target levels "
            "and cheese shard +0.040 [+0.020, +0.060] of its range on target levels.",
        ),
    ],
)
def test_what_reflection_does_to_each_shards_value(onset, changes, said):
    summary = {
        "shards": [{"name": "corner"}, {"name": "cheese"}],
        "constancy": {onset: "V"},
        "reflection": {onset: {"tolerance": 0.05, "value_change": changes}},
    }
    assert headlines(summary)[-1] == said


def test_it_says_what_was_reached_before_and_what_would_decide():
    change = [
        {place: one | {"detectable": 0.0812} for place, one in row.items()}
        for row in [changed(0.04, "undecided")]
    ]
    told = {
        "tolerance": 0.05,
        "value_change": change,
        "first": {"corner": {"mean": 0.875}, "neither": {"mean": 0.125}},
        "saturated": 0.25,
        "model": "turns",
        "models": {"turns": {"seeds_needed": 12, "onsets_needed": None}},
    }
    summary = {
        "shards": [{"name": "corner"}],
        "constancy": {"contested": "undecided"},
        "reflection": {"contested": told},
    }
    assert headlines(summary)[-1].endswith(
        " Reached first before: corner 0.88, neither 0.12; 25\N{NO-BREAK SPACE}% of these contexts "
        "are saturated. A change of 0.08 would have been found with probability 0.8; 12 seeds "
        "would decide it, if the means are true."
    )
    told["saturated"] = 0.0
    summary["constancy"]["contested"] = "constant"
    assert headlines(summary)[-1].endswith(" Reached first before: corner 0.88, neither 0.12.")


def test_drift_by_distance_is_said_beside_the_means():
    far = {"verdict": "drifted", "mean": 0.09, "low": 0.06, "high": 0.12}
    told = {"verdict": "undecided", "beyond": {"mean": 0.5}, "distance": far}
    summary = {
        "shards": [{"name": "corner"}],
        "constancy": {"contested": "undecided"},
        "reflection": {
            "contested": {
                "tolerance": 0.05,
                "model": "turns",
                "value_change": [changed(0.0, "undecided")],
                "models": {"turns": told},
            }
        },
    }
    line = headlines(summary)[-1]
    assert "whichever way, they go by 0.09 [0.06, 0.12] of the range beyond the sham" in line
    assert "drifted by distance, which the means do not show." in line
    told["distance"] = far | {"verdict": "undecided"}
    assert "whichever way" not in headlines(summary)[-1]
