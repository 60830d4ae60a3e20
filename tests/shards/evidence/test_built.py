"""Which kinds of reinforcement event a shard is said to be built by."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.evidence.built import built
from tests.analysis import results


def table(p_value: float = 0.005, counts=(12, 4), push: float = 0.0):
    """The table of two seeds in which cheese strengthens shard 2 with a p-value."""
    data = results.shards(2)
    data["update_p_value"].values[0, 1] = p_value
    data["event_counts"].values[:] = counts
    data["update_push"] += push
    return data


def selective(**changes) -> list[tuple[int, str]]:
    return [(one.shard, one.event) for one in built(table(**changes)) if one.selective]


def test_pushes_are_means_over_checkpoints_by_seed():
    one = next(one for one in built(table()) if (one.shard, one.event) == (2, "cheese"))
    np.testing.assert_allclose(one.seeds, [0.9, 1.0])
    assert (one.name, one.part, one.chance, one.p_value) == ("corner", 0.75, (0.2, 0.6), 0.005)


def test_a_kind_that_strengthens_a_shard_selectively_built_it():
    assert selective() == [(2, "cheese")]


@pytest.mark.parametrize(
    "changes",
    [
        {"p_value": 0.03},  # one kind, two shards: 0.05 / 2
        {"counts": (1, 99)},  # too seldom
        {"push": -2.0},  # weakens it, if less than the other
    ],
)
def test_it_takes_a_frequent_kind_that_strengthens_beyond_chance(changes):
    assert selective(**changes) == []


def test_older_tables_and_those_without_updates_do_without():
    data = table()
    assert {one.chance for one in built(data.drop_vars("update_push_chance"))} == {None}
    assert built(data.drop_vars("update_push")) == []


def test_one_seed_has_no_interval():
    told = built(table().isel(seed=[0]))[0].as_data()
    assert told["push"] == {"mean": pytest.approx(-0.4), "low": None, "high": None}
