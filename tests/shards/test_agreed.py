"""The three views of built agents together, through the whole of identification."""

from __future__ import annotations

import json

import numpy as np

from shardsim.shards.agreed import agreed_dataset, agreed_summary
from shardsim.shards.parameters import parameters_of, positions
from shardsim.shards.tables import population_dataset
from tests.shards.built import CONFIG


def test_nothing_but_checkpoints_gives_a_parameter_view(found):
    none = CONFIG.model_copy(update={"update_events": 0})
    assert parameters_of(found, [0, 10], lambda _: None, none, 0.9, 0.9) is None
    summary = agreed_summary(found, None)
    assert all(one["parameters"]["says"] == "not taken" for one in summary["views"])
    assert summary["shardness_test"]["smallest_p"] == 0.25


def test_the_whole_report_is_plain_and_labelled(found):
    pick = [found.agents.untrained, found.agents.parameters]
    view = parameters_of(found, [0, 10], lambda n: pick[n], CONFIG, 0.9, 0.9)
    assert view is not None
    assert (view.counts.sum(-1) == 24).all()
    summary = agreed_summary(found, view)
    assert json.loads(json.dumps(summary)) == summary
    assert len(summary["views"]) == len(found.preferences)
    assert sum(summary["statuses"].values()) == len(found.preferences)
    bits = [summary["ceiling"][name]["mean"] for name in ("ceiling", "ceiling permuted")]
    assert bits[0] < bits[1]
    table = agreed_dataset(population_dataset(found), view)
    assert table["update_provenance"].dims[-2:] == ("event_kind", "shard")
    assert ((table["update_p_value"] > 0) & (table["update_p_value"] <= 1)).all()


def test_checkpoints_lie_at_the_phases_of_training():
    assert positions([0, 2, 15, 50, 100]) == [1, 2, 3, 4]
    assert positions([0, 7]) == [1]
    assert np.all(np.diff(positions(list(range(101)))) > 0)
