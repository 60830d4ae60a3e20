"""What objects do, from a table with known numbers to plain figures and sentences."""

from __future__ import annotations

import json

import pytest

from shardsim.runs.report.object_text import by_objects, rows
from shardsim.runs.report.text import headlines
from shardsim.shards.object_summary import summary
from tests.analysis.results import shards


@pytest.fixture(scope="module")
def found() -> dict:
    return summary(shards(3))


def test_shares_stand_beside_the_fitted_ones(found):
    told = found["objects"]["shares"]
    assert list(told) == ["base", "cheese", "decoy", "interactions"]
    assert told["cheese"]["mean"] == pytest.approx(0.25)
    assert told["cheese"]["low"] == pytest.approx(0.22)
    data = shards(3).sel(battery="target")
    one = data["share"].values @ data["preferences"].values ** 2  # [seed, concept]
    assert told["cheese"]["fitted"]["mean"] == pytest.approx(one[:, 0].mean())
    rest = data["rest_share"].sel(rest=["habit", "affordance"]).sum("rest").values
    assert told["base"]["fitted"]["mean"] == pytest.approx((one[:, 2] + rest).mean())
    assert told["interactions"]["fitted"] is None


def test_what_is_not_known_is_none_and_the_largest_gap_is_named(found):
    gates = found["objects"]["gates"]
    assert gates["decoy"]["correlation"] is None
    assert gates["cheese"]["largest_gap"]["distance"] == "1"
    assert gates["cheese"]["largest_gap"]["mean"] == pytest.approx(-2.0)
    json.dumps(found, allow_nan=False)


def test_sentences_hold_the_numbers(found):
    explained, left, place = by_objects(found)
    for part in ("shards explain 57", "explain 63", "and 88"):
        assert f"{part}\N{NO-BREAK SPACE}%" in explained
    assert "50\N{NO-BREAK SPACE}% is there without any object" in left
    assert "other gates (20\N{NO-BREAK SPACE}%)" in left and "straight lines" not in left
    assert "0.20 [0.20, 0.20] with the maze and 2.40 [2.40, 2.40] with the frame" in place
    assert "No maze can be shifted" in place
    assert by_objects({}) == [] and rows({}) == []
    assert [line for line in headlines(found) if line in (explained, left, place)] == [
        explained,
        left,
        place,
    ]


def test_a_model_worse_than_none_is_not_given_a_negative_part():
    data = shards(2)
    data["objects_explained"][:] = [-2.0, 0.5]
    found = summary(data)
    assert found["objects"]["explained"]["high"] == 1.0  # Student's interval of two, cut
    assert "no better than" in by_objects(found)[0]


def test_rows_of_the_table(found):
    table = {row[0]: row[1:] for row in rows(found)}
    assert table["cheese"][0] == "0.25 [0.22, 0.28]"
    assert table["interactions"][2:] == ["–", "–"]
