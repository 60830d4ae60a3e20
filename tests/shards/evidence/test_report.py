"""What the three views together make of a shard, case by case."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.shards.evidence.report import (
    Opinion,
    activation_view,
    behaviour_view,
    counted,
    own_kind,
    report,
    updates_view,
)
from shardsim.shards.schema import SHARDS

YES, NO, AGAINST, ABSENT = (
    Opinion(says, says, {}) for says in ("supports", "does not support", "contradicts", "not taken")
)


@pytest.mark.parametrize(
    ("views", "status"),
    [
        ((YES, YES, YES), "confirmed"),
        ((YES, YES, ABSENT), "confirmed"),
        ((YES, ABSENT, ABSENT), "unconfirmed"),
        ((YES, NO, YES), "unconfirmed"),
        ((YES, YES, NO), "confirmed"),
        ((YES, ABSENT, YES), "unconfirmed"),
        ((NO, NO, ABSENT), "unconfirmed"),
        ((YES, AGAINST, YES), "conflicting"),
        ((NO, ABSENT, AGAINST), "conflicting"),
        ((ABSENT, ABSENT, ABSENT), "unconfirmed"),
    ],
)
def test_status(views, status):
    assert report(*views).plain()["status"] == status


def test_counted():
    assert counted(
        [{"status": "confirmed"}, {"status": "conflicting"}, {"status": "confirmed"}]
    ) == {
        "confirmed": 2,
        "unconfirmed": 0,
        "conflicting": 1,
    }


def test_behaviour_needs_a_verdict_and_most_seeds():
    most = np.array([True, True, True, False])
    assert behaviour_view("shards", most, 0.5).says == "supports"
    assert behaviour_view("shards", most, 0.5).figures == {"seeds": 0.75, "margin": 0.5}
    assert behaviour_view("cannot tell", most, 0.5).says == "does not support"
    assert behaviour_view("one utility", most, 0.5).says == "does not support"
    assert behaviour_view("shards", ~most, 0.5).reason.startswith("found in only 1 of 4")


def test_activations_support_doubt_or_contradict():
    yes, no = np.ones(3, bool), np.zeros(3, bool)
    assert activation_view(yes, yes, no).says == "supports"
    assert activation_view(no, yes, no).says == "does not support"
    assert activation_view(yes, no, no).says == "does not support"
    assert activation_view(yes, no, yes).says == "contradicts"
    assert activation_view(yes, np.array([True, False, False]), no).says == "does not support"


def _table(p_value: float, push: list[float], wants: np.ndarray) -> xr.Dataset:
    """One checkpoint, four seeds, two shards; what water does to the second."""
    pushed = np.zeros((1, 4, 3, 2))
    pushed[0, :, 1, 1] = push
    p_values = np.full((3, 2), 0.9)
    p_values[1, 1] = p_value
    return labelled(
        SHARDS,
        {
            "preferences": wants,
            "event_counts": np.full((1, 4, 3), 20),
            "event_reached": np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
            "update_push": pushed,
            "update_p_value": p_values,
        },
        {"event_kind": ["food", "water", "none"]},
    )


def test_updates_support_doubt_or_contradict():
    wants = np.eye(2)
    assert own_kind(_table(0.5, [0.0] * 4, wants), 1) == 1
    assert own_kind(_table(0.5, [0.0] * 4, np.full((2, 2), 0.2)), 1) is None
    raised = [1.0, 1.2, 0.9, 1.1]
    assert updates_view(_table(0.01, raised, wants), 1).says == "supports"
    assert updates_view(_table(0.01, raised, wants), 0).says == "does not support"
    # Two shards: 0.05 / 2 is the level.
    assert updates_view(_table(0.026, raised, wants), 1).says == "does not support"
    # A small p of a kind that is not the shard's own counts for nothing.
    assert updates_view(_table(0.01, raised, wants[::-1]), 1).says == "does not support"
    nothing = updates_view(_table(0.01, raised, 0.2 * wants), 1)
    assert nothing.figures == {"p_value": None, "event": None}
    against = updates_view(_table(0.01, [-1.0, -1.2, -0.9, -1.1], wants), 1)
    assert against.says == "contradicts"
    assert "water" in against.reason
    unsure = _table(0.5, [-1.0, 1.2, -0.9, 1.1], wants)
    assert updates_view(unsure, 1).says == "does not support"
    assert updates_view(xr.Dataset(), 1).says == "not taken"
