"""What models on the shard distribution say of a fork."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.reflection.forecast.options import deciding, menu, predicted
from tests.reflection.forecast.test_plans import DISCOUNT, plans_at

ONE = np.ones(1)


def test_the_menu_is_to_stay_or_to_have_one_kind_of_plan_alone():
    posed, reached = menu(plans_at(0.3), np.array([[0.6, 0.4]]), ONE)
    now = np.array([0.3 * DISCOUNT**2, 0.7 * DISCOUNT**3])
    assert posed.gains[:, 0] == pytest.approx(0.0)
    assert posed.gains[:, 1] == pytest.approx(np.array([DISCOUNT**2, 0.0]) - now)
    assert posed.gains[:, 2] == pytest.approx(np.array([0.0, DISCOUNT**3]) - now)
    assert posed.gains[:, 3] == pytest.approx(0.0)  # the agent has no such plan
    assert reached[0] == pytest.approx([0.3, 0.7, 0.0])
    assert reached[1:3] == pytest.approx(np.eye(3)[:2])


def test_bids_go_to_whom_the_judges_favour_and_a_veto_keeps_all_as_it_is():
    for judge, goal in ((0.9, 0), (0.1, 1)):
        posed, reached = menu(plans_at(0.3), np.array([[judge, 1 - judge]]), ONE)
        said = predicted(posed, reached, ("additive bids", "unanimity"))
        assert said["additive bids"] == pytest.approx(np.eye(3)[goal])
        assert said["unanimity"] == pytest.approx([0.3, 0.7, 0.0])


def test_contexts_without_a_kind_of_plan_stay_as_they_are():
    plans = plans_at(0.3)
    sure = plans_at(1.0)
    both = plans._replace(chance=np.concatenate([plans.chance, sure.chance]))
    _, reached = menu(both, np.full((2, 2), 0.5), np.array([0.25, 0.75]))
    assert reached[2] == pytest.approx([0.75, 0.25, 0.0])  # to the second goal, where that is open


def test_only_models_that_choose_are_asked():
    with pytest.raises(UserError, match="does not choose among plans; those that do: additive"):
        deciding("endorsement replicator")
    with pytest.raises(UserError, match="no model of reflection 'voitng'"):
        deciding("voitng")
