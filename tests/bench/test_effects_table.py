"""`benchmarks/effects.py` prints what a run's table holds, and which goals are met."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from shardsim.shards.evidence.agreement import EFFECTS, SIZES
from tests.analysis import results

FILE = Path(__file__).parents[2] / "benchmarks" / "effects.py"


@pytest.fixture
def effects(monkeypatch):
    monkeypatch.syspath_prepend(FILE.parent)
    spec = importlib.util.spec_from_file_location("effects", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_and_goals(effects):
    data = results.shards(2)
    measures = effects.measures_of(data)
    rows = effects.lines("two", results.LAYERS, measures)
    assert ("two", effects.INFORMATION, SIZES, "dense_2", "0.30", "0.30 0.30") in rows
    assert ("two", effects.AREA, "cheese, untrained", "dense_1", "0.55", "0.55 0.55") in rows
    found = effects.goals(measures)
    assert found[EFFECTS] == {
        "mean": pytest.approx(0.25),
        "above": 4,
        "above_matched": 4,
        "of": 4,
    }
    assert found["auc"] == {"cheese": pytest.approx(0.9)}
    assert found["auc_untrained"] == pytest.approx(0.55)
    assert {row[3] for row in effects.judged("two", found)} == {"met"}


def test_a_goal_that_is_missed_is_said(effects):
    measures = effects.measures_of(results.shards(2))
    for rows in measures.values():
        for name in rows:
            rows[name] = rows[name] * 0.4
    measures[effects.INFORMATION]["raw input"] = measures[effects.INFORMATION][SIZES] + 0.1
    rows = effects.judged("two", effects.goals(measures))
    ends = {row[1]: row[2:] for row in rows}
    assert ends[f"AMI of {SIZES} ≥ 0.15"] == ("0.10", "not met")
    assert ends[f"{SIZES} above untrained and shuffled, seeds × layers"] == ("4 of 4", "met")
    assert ends[f"{SIZES} above every control, seeds × layers"] == ("0 of 4", "not met")
    assert ends["AUC, cheese ≥ 0.85"] == ("0.36", "not met")
