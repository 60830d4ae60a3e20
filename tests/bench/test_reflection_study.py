"""`benchmarks/reflection.py` says what was decided and why, and which goals are met."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.plot.extinction import Onsets, curated
from shardsim.reflection.schema import REFLECTION

FILE = Path(__file__).parents[2] / "benchmarks" / "reflection.py"
MODELS = ["turns", "distillation", "sham", "replicator"]
SAID = ["drifted", "constant", "constant", "undefined"]


@pytest.fixture(scope="module")
def study():
    sys.path.insert(0, str(FILE.parent))
    spec = importlib.util.spec_from_file_location("reflection_study", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FILE.parent))


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    """Two classes of three onsets, four seeds, two repeats: the onset alone decides the outcome."""
    seeds, first = 4, np.array([0.1, 0.3, 0.5, 0.6, 0.7, 0.9])
    path = np.broadcast_to(first[:, None, None, None], (6, 4, 3, seeds)).copy()
    path[3:, :, :, 3] = np.nan  # one seed lacks the second class
    hit = np.stack([path, 1.0 - path, 0.0 * path], -1)
    values = {
        "hit": hit,
        "target_hit": hit,
        "repeat_hit": np.stack([hit[:, :, -1]] * 2, 3),
        "repeat_target_hit": np.stack([hit[:, :, -1]] * 2, 3),
        "value_change": np.where(np.arange(4)[:, None, None, None] < 3, 0.0, np.nan)
        + np.zeros((6, 4, seeds, 2, 1)),
        "kind_verdict": np.array([SAID] * 2),
        "kind_says": np.array([SAID] * 2)[..., None, None].repeat(2, 2),
        "shared_contexts": np.array([True] * 3 + [False] * 3),
    }
    coordinates = {
        "onset": [f"{kind} {n}" for kind in ("near-b", "contested") for n in (1, 2, 3)],
        "onset_class": ["near-b"] * 3 + ["contested"] * 3,
        "kind": ["near-b", "contested"],
        "model": MODELS,
        "step": np.arange(3),
        "seed": np.arange(seeds),
        "outcome": ["a", "b", "neither"],
        "repeat": [0, 1],
        "place": ["onset", "target"],
        "shard": [1],
        "shard_name": ["a"],
    }
    return labelled(REFLECTION, values, coordinates, {"epsilon": 0.05})


def test_goals_count_values_of_the_sham_and_classes_that_are_decided(study, table):
    found = {goal: (said, met) for goal, said, met in study.goals({"one": table, "two": table})}
    assert found["values constant under sham ≥ 95%"] == ("100% of 8", "met")
    assert found["classes of onsets decided under turns ≥ 80%"] == ("100% of 4: 4 drifted", "met")
    undecided = table.assign(kind_verdict=table["kind_verdict"].copy(data=[["undecided"] * 4] * 2))
    found = {goal: (said, met) for goal, said, met in study.goals({"one": undecided})}
    assert found["classes of onsets decided under turns ≥ 80%"][1] == "not met"


def test_the_variance_is_all_the_onsets(study, table):
    rows = study.splits("run", table)
    after = next(row for row in rows if row[1] == "P(a first), onset, after" and row[4] == "alone")
    found = dict(zip(study.SPLITS, after, strict=True))
    assert found["onset"].startswith("1.00 [") and found["trained weights"].startswith("0.00 [")
    change = next(row for row in rows if row[1] == "P(a first), onset, change")
    assert change[3] == "0"


def test_seeds_and_onsets_without_contexts_are_left_out(study):
    values = np.zeros((3, 4, 1, 2))
    values[:, 1] = values[2] = np.nan
    values[2, 0] = 0.0
    assert study.known_cells(values).shape == (3, 1, 1, 2)
    values[2, 0] = np.nan
    assert study.known_cells(values).shape == (2, 3, 1, 2)


def test_outcomes_on_the_tabular_limit_have_no_distance(study):
    active = np.array([0.1, 0.3, 0.5, 0.8])
    found = Onsets(active, active[::-1], {"turns": curated(active, 5.0)}, ["c"] * 4, 5.0)
    before, turns = study.beside_theory("run", found)
    assert turns[3:] == ("0.000", "+1.00") and before[4] == "-1.00"


def test_numbers_that_nothing_decides_are_words(study):
    assert [study.count(value) for value in (12.0, np.inf, np.nan)] == ["12", "none", "–"]
    assert study.steps(np.array([2.0, 4.0, np.nan, 3.0])) == "3, 25% moving"
    assert study.steps(np.array([np.nan])) == "moving"


def test_a_class_that_drifts_by_distance_alone_is_decided(study, table):
    far = np.array([["drifted", "undecided", "constant", "undefined"], ["undecided"] * 4])
    means = np.array([["undecided"] * 4, ["undecided", "constant", "constant", "undefined"]])
    asked = table.assign(
        distance_verdict=(("kind", "model"), far), kind_verdict=(("kind", "model"), means)
    )
    goals = sys.modules[study.goals.__module__]
    ((goal, words, met),) = goals.either_way("turns", [asked])
    assert goal.startswith("classes decided under turns on means or by distance")
    assert (words, met) == ("50% of 2, 1 of them drifted by distance alone", "not met")
    assert goals.either_way("turns", [table]) == []
