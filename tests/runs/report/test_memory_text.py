"""What a report says of agents with a memory."""

from __future__ import annotations

from shardsim.runs.report.memory_text import remembered

FOUND = {
    "gap": {"mean": 0.12, "low": 0.1, "high": 0.14},
    "told": {"mean": 0.01, "low": 0.0, "high": 0.02},
    "saved": {"mean": 0.03, "low": 0.02, "high": 0.04},
    "remembers": [True, False, True],
    "lived_verdict": ["shards", "one utility", "shards"],
    "lived_shards": [2, 1, 2],
    "lived_names": ["corner, cheese", "corner", "corner, cheese"],
    "lived_explained": [0.8, 0.7, 0.6],
}


def test_it_says_what_was_asked_what_that_misses_and_whether_they_remember():
    lines = remembered({"memory": FOUND})
    assert "with an empty memory" in lines[0] and "0.120 [0.100, 0.140] bits" in lines[0]
    assert "0.030 [0.020, 0.040] bits better" in lines[1] and "in two of three agents" in lines[1]
    assert "the verdict is ‘shards’ for two and ‘one utility’ for one; shards by" in lines[1]
    assert lines[1].endswith("by agent: corner, cheese (two); corner (one).")
    assert "cannot be told apart" in lines[2] and "no reflection" in lines[3]


def test_nothing_is_said_of_agents_without_a_memory_or_that_do_not_remember():
    assert remembered({}) == []
    assert len(remembered({"memory": FOUND | {"remembers": [True, False, False]}})) == 3
