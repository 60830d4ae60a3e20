"""The three views of built agents together, through the whole of identification."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shardsim.env.registry import make
from shardsim.shards.agreed import agreed_dataset, agreed_summary
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.parameters import parameters_of, positions
from shardsim.shards.population import Agents, identify_population
from shardsim.shards.tables import population_dataset
from tests.shards.built import network_of, stacked, untrained
from tests.shards.built import parameters_of as built


@pytest.fixture(scope="module")
def found():
    """Two agents that want the cheese when it is near, and the corner."""
    env = make("cheese-corner")
    trained = stacked([built(env, 8.0, 3.0), built(env, 7.0, 3.5)])
    config = IdentifyConfig(
        target_contexts=600,
        held_out_contexts=300,
        null_contexts=300,
        view_contexts=300,
        random_directions=6,
        draws=100,
        update_events=24,
    )
    agents = Agents(env, network_of(env), trained, untrained(env, 2))
    return identify_population(agents, config), config


def test_nothing_but_checkpoints_gives_a_parameter_view(found):
    population, config = found
    none = config.model_copy(update={"update_events": 0})
    assert parameters_of(population, [0, 10], lambda _: None, none, 0.9, 0.9) is None
    summary = agreed_summary(population, None)
    assert all(one["parameters"]["says"] == "not taken" for one in summary["views"])
    assert "updates" not in summary
    assert summary["shardness_test"]["smallest_p"] == 0.25


def test_the_whole_report_is_plain_and_labelled(found):
    population, config = found
    pick = [population.agents.untrained, population.agents.parameters]
    view = parameters_of(population, [0, 10], lambda n: pick[n], config, 0.9, 0.9)
    assert view is not None
    assert (view.counts.sum(-1) == 24).all()
    summary = agreed_summary(population, view)
    assert json.loads(json.dumps(summary)) == summary
    assert len(summary["views"]) == len(population.preferences)
    assert sum(summary["statuses"].values()) == len(population.preferences)
    bits = [summary["ceiling"][name]["mean"] for name in ("ceiling", "ceiling permuted")]
    assert bits[0] < bits[1]
    table = agreed_dataset(population_dataset(population), view)
    assert table["update_provenance"].dims[-2:] == ("event_kind", "shard")
    assert ((table["update_p_value"] > 0) & (table["update_p_value"] <= 1)).all()


def test_checkpoints_lie_at_the_phases_of_training():
    assert positions([0, 2, 15, 50, 100]) == [1, 2, 3, 4]
    assert positions([0, 7]) == [1]
    assert np.all(np.diff(positions(list(range(101)))) > 0)
