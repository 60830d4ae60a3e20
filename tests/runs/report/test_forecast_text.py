"""How good the forecast was, in words and as a table."""

from __future__ import annotations

from typing import Any

from shardsim.runs.report.forecast_text import as_text, foreseen, table


def one(sign: float | None, rank: float | None, coverage: float | None, error: float) -> dict:
    ends = {"low": None, "high": None} if rank is None else {"low": rank - 0.1, "high": 0.95}
    return {
        "sign_right": sign,
        "rank": {"mean": rank, **ends},
        "coverage": coverage,
        "error": error,
    }


def scored(moved: int = 10) -> dict[str, Any]:
    return {
        "margin": 0.05,
        "goal": "cheese",
        "models": {
            "turns": {
                "cases": 24,
                "agents": 8,
                "moved": moved,
                "rate": 0.275,
                "forecasts": {
                    "voting": one(0.5, 0.1, None, 0.2),
                    "fitted": one(1.0, 0.9, 0.875, 0.012),
                    "closed form": one(0.9, 0.8, 0.5, 0.03),
                },
                "nulls": {"no change": 0.06, "training's trend": None},
            },
            "sham": {
                "cases": 24,
                "agents": 8,
                "moved": 1,
                "rate": None,
                "forecasts": {"closed form": one(None, None, 0.9, 0.02)},
                "nulls": {"no change": 0.02},
            },
        },
    }


def test_the_sentence_says_what_was_right_beside_the_null():
    (line,) = foreseen({"forecast": scored()})
    assert line.startswith("Before any weight moved, the closed form foresaw how often the cheese")
    assert "for turns the direction was right in 90" in line
    assert "of 10 cases that moved by more than 0.05, rank correlation 0.80" in line
    assert "mean error 0.030 (0.060 if nothing changed)" in line


def test_without_a_forecast_nothing_is_said():
    assert foreseen({}) == [] and table({})[2] == []
    (line,) = foreseen({"forecast": scored(moved=0)})
    assert "for turns no case moved by more than the margin; rank correlation 0.80" in line


def test_the_table_has_the_rules_own_forecasts_first_and_the_nulls_last():
    rows = table({"forecast": scored()})[2]
    assert [row[:2] for row in rows[:5]] == [
        ["turns", "closed form"],
        ["turns", "fitted"],
        ["turns", "voting"],
        ["turns", "null: no change"],
        ["turns", "null: training's trend"],
    ]
    assert rows[1][2:] == ["1.00", "0.90 [0.80, 0.95]", "0.88", "0.012"]
    assert rows[5][2:] == ["–", "–", "0.90", "0.020"]


def test_as_text_it_counts_cases():
    lines = as_text(scored()["models"], 0.05).splitlines()
    assert lines[0].split()[:1] == ["rule"]
    assert lines[-2] == ("turns: 24 cases of 8 agents, 10 moved by more than 0.05; best rate 0.275")
