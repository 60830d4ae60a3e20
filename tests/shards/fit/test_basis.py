"""The basis that an agent was planted in is the one that is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.shards.fit import basis
from shardsim.shards.fit.data import decision_data
from shardsim.shards.fit.rivals.planner import distance_after

pytestmark = pytest.mark.slow

MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])


def neutral(mazes):
    return mazes.decisions(np.zeros(mazes.blocked.shape))


@pytest.mark.parametrize("name", [basis.MOVES, basis.NORMALISED, "discount 0.7"])
def test_the_planted_basis_is_chosen(mazes, name):
    data = neutral(mazes)
    pulls = basis.hypotheses(data)[name].advantages
    logits = 2.0 * pulls[:, :, 0] + 1.0 * pulls[:, :, 2]
    found = basis.choose_basis(data._replace(logits=logits - logits.mean(1, keepdims=True)))
    assert found.name == name
    assert min(found.losses, key=lambda key: found.losses[key].mean()) == name


def test_another_basis_leaves_the_planner_its_distances(mazes):
    data = neutral(mazes)
    other = basis.discounted(data, 0.9)
    assert not np.allclose(other.advantages, data.advantages)
    np.testing.assert_array_equal(distance_after(other), distance_after(data))


def test_straight_line_prefers_the_action_that_ends_nearest(mazes):
    data = neutral(mazes)
    covariates = dict(mazes.covariates)
    for name in mazes.concepts:  # a goal two rows up and one column left of every agent
        covariates |= {f"rows_to_{name}": np.full(len(data.logits), -2.0)}
        covariates |= {f"columns_to_{name}": np.full(len(data.logits), -1.0)}
    rest = (mazes.advantages, np.zeros_like(mazes.blocked), mazes.reachable, data.logits)
    bearing = decision_data(covariates, mazes.concepts, *rest, mazes.level_index)
    lost = basis.straight_line(bearing, MOVES, mazes.concepts).advantages[:, :, 0]
    expected = -np.array([np.sqrt(2), np.sqrt(8), np.sqrt(10), 2.0])
    expected = expected - expected.max()
    np.testing.assert_allclose(
        lost / lost.min(), np.tile(expected / expected.min(), (len(lost), 1))
    )
    with pytest.raises(UserError, match="no bearing"):
        basis.straight_line(data, MOVES, mazes.concepts)
