"""How good a forecast was: exact answers for forecasts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.forecast.foresee import CLOSED, FITTED, Forecast, Foreseen
from shardsim.reflection.forecast.score import (
    WITHOUT,
    Cases,
    best_rate,
    cases_of,
    fitted_without,
    rank_correlation,
    score,
    together,
    verdicts_right,
)
from shardsim.reflection.forecast.written import goal_first, told
from shardsim.runs.io import json_from_bytes, json_to_bytes

BEFORE = np.array([[0.5, 0.4, 0.3], [0.6, 0.5, 0.2], [0.5, 0.1, 0.5]])
DRIFT = np.array([[0.2, -0.1, 0.0], [0.1, -0.3, 0.01], [0.3, -0.04, 0.02]])


def outcomes(first: np.ndarray) -> np.ndarray:
    return np.stack([first, 1 - first, 0 * first], -1)


def forecast(drift: np.ndarray, reach: float = 0.05) -> Forecast:
    after = outcomes(BEFORE + drift)
    change = np.stack([drift, -drift], -1)
    one = Foreseen(after, after - reach, after + reach, change)
    path = BEFORE[..., None] + drift[..., None] * np.linspace(0, 1, 5)
    return Forecast(
        ("near-b", "near-a", "contested"),
        ("a", "b"),
        np.ones((3, 3), bool),
        outcomes(BEFORE),
        {("turns", CLOSED): one, ("turns", FITTED): one, ("replicator", CLOSED): one},
        {"turns": path},
        {"voting": outcomes(BEFORE - drift)},
    )


def written(drift: np.ndarray, **changes):
    said = told(forecast(drift), ReflectConfig(), [7, 8, 9], None)
    return json_from_bytes(json_to_bytes(said | changes), "")


def scored(drift: np.ndarray, found: np.ndarray = DRIFT):
    return score(cases_of(written(drift), {"turns": BEFORE + found}), 0.05)["turns"]


def test_a_perfect_forecast_has_no_error():
    found = scored(DRIFT)
    assert (found["cases"], found["agents"], found["moved"]) == (9, 3, 5)
    for name in (CLOSED, FITTED, "replicator", WITHOUT):
        one = found["forecasts"][name]
        assert (one["sign_right"], one["rank"]["mean"]) == pytest.approx((1.0, 1.0))
        assert one["error"] == pytest.approx(0.0, abs=1e-6)
    assert found["forecasts"][CLOSED]["coverage"] == 1.0
    assert found["rate"] == 1.0


def test_the_opposite_is_as_wrong_as_can_be():
    found = scored(DRIFT)["forecasts"]["voting"]
    assert (found["sign_right"], found["rank"]["mean"]) == pytest.approx((0.0, -1.0))
    assert found["coverage"] is None


def test_coverage_counts_what_lies_in_the_interval():
    off = np.where(np.abs(DRIFT) > 0.15, 0.06, 0.04)
    found = scored(DRIFT + off)["forecasts"][CLOSED]
    assert found["coverage"] == pytest.approx(6 / 9)
    assert found["coverage_moved"] == pytest.approx(2 / 5)
    assert found["error"] == pytest.approx(off.mean(), abs=1e-6)


def test_nulls_are_no_change_and_the_others_mean():
    nulls = scored(DRIFT)["nulls"]
    assert nulls["no change"] == pytest.approx(np.abs(DRIFT).mean())
    others = (DRIFT.sum(0) - DRIFT) / 2
    assert nulls["other agents' mean"] == pytest.approx(np.abs(DRIFT - others).mean(), abs=1e-6)
    assert nulls["training's trend"] is None


def test_an_agent_has_no_part_in_its_own_rate():
    """Two agents go half of the way and one all of it, which is foreseen at their rate."""
    found = DRIFT * np.array([0.5, 0.5, 1.0])[:, None]
    cases = cases_of(written(DRIFT), {"turns": BEFORE + found})["turns"]
    said = fitted_without(cases)
    assert said[cases.agent == 2] == pytest.approx(0.5 * DRIFT[2], abs=1e-5)
    assert best_rate(cases._replace(found=0.5 * DRIFT.ravel())) == pytest.approx(0.5)


def test_agents_without_an_onset_are_left_out():
    found = DRIFT.copy()
    found[1, 2] = np.nan
    assert scored(DRIFT, found)["cases"] == 8


def test_runs_are_scored_together_with_their_agents_apart():
    one = cases_of(written(DRIFT), {"turns": BEFORE + DRIFT})
    both = together([one, one])["turns"]
    assert isinstance(both, Cases)
    assert both.agent.tolist() == [*one["turns"].agent, *(3 + one["turns"].agent)]
    assert len(np.unique(both.onset)) == 6
    assert score({"turns": both}, 0.05)["turns"]["agents"] == 6


def test_the_rank_correlations_interval_is_the_jackknifes():
    said = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    agent = np.array([0, 0, 1, 1, 2, 2])
    assert rank_correlation(said, 2 * said, agent) == pytest.approx((1.0, 1.0, 1.0))
    mean, low, high = rank_correlation(said, said[[1, 0, 2, 3, 5, 4]], agent)
    assert mean == pytest.approx(1 - 6 * 4 / (6 * 35))
    assert low < mean < high <= 1.0
    assert np.isnan(rank_correlation(said, np.zeros(6), agent).mean)


def test_verdicts_stand_beside_those_found():
    change = np.stack([DRIFT, -DRIFT], -1)
    found = verdicts_right(written(DRIFT), {"turns": 0 * change})["turns"]
    assert set(found["found"].values()) == {"constant"}
    assert found[CLOSED]["contested"] == "constant"
    assert found[CLOSED]["near-b"] == "undecided"


def test_what_is_written_says_on_what_it_was_fitted():
    said = written(DRIFT)
    assert said["seeds"] == [7, 8, 9] and said["outcomes"] == ["a", "b", "neither"]
    assert said["fitted"]["rate"] == ReflectConfig().forecast_rate
    assert "seeds 100" in said["fitted"]["on"] and not said["fitted"]["rate_given"]
    assert goal_first(said["before"]) == pytest.approx(BEFORE)
    other = ReflectConfig(forecast_rate=0.5)
    mine = told(forecast(DRIFT), other, [7, 8, 9], None)
    assert mine["fitted"]["rate_given"]
