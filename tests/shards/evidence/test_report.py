"""What the three views together make of a shard, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.evidence.causal import Causal
from shardsim.shards.evidence.report import (
    Opinion,
    activation_view,
    behaviour_view,
    counted,
    own_kind,
    parameter_opinion,
    report,
    status_of,
)
from shardsim.shards.evidence.updates import ParameterView

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
        ((YES, YES, NO), "unconfirmed"),
        ((NO, NO, ABSENT), "unconfirmed"),
        ((YES, AGAINST, YES), "conflicting"),
        ((NO, ABSENT, AGAINST), "conflicting"),
        ((ABSENT, ABSENT, ABSENT), "unconfirmed"),
    ],
)
def test_status(views, status):
    assert status_of(list(views)) == status
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
    assert behaviour_view("shards", ~most, 0.5).reason.startswith("only 1 of 4")


def _checks(own: float, other: float, specific: bool) -> list[Causal]:
    effect = np.array([[[own, other], [0.0, 1.0]]])
    random = np.full((1, 2, 3), 0.05)
    said = np.array([[specific, True]])
    return [Causal(("dense_1",), effect, random, np.zeros((1, 2)), said)] * 3


def test_activations_support_doubt_or_contradict():
    read = np.ones((3, 2), bool)
    assert activation_view(0, _checks(0.8, 0.1, True), read).says == "supports"
    assert activation_view(0, _checks(0.8, 0.1, True), ~read).says == "does not support"
    assert activation_view(0, _checks(0.05, 0.08, False), read).says == "does not support"
    assert activation_view(0, _checks(0.2, 0.6, False), read).says == "contradicts"
    assert activation_view(0, None, None).says == "not taken"


def _view(p_value: float, push: list[float]) -> ParameterView:
    """One checkpoint, four seeds, two shards; what water does to the second."""
    provenance = np.zeros((1, 4, 3, 2))
    provenance[0, :, 1, 1] = push
    p_values = np.full((3, 2), 0.9)
    p_values[1, 1] = p_value
    return ParameterView(
        checkpoints=(10,),
        kinds=("food", "water", "none"),
        counts=np.full((1, 4, 3), 20),
        provenance=provenance,
        reached=np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        p_value=p_values,
    )


def test_parameters_support_doubt_or_contradict():
    wants = np.eye(2)
    assert own_kind(wants[1], _view(0.5, [0.0] * 4)) == 1
    assert own_kind(np.array([0.2, 0.2]), _view(0.5, [0.0] * 4)) is None
    raised = _view(0.01, [1.0, 1.2, 0.9, 1.1])
    assert parameter_opinion(1, wants, raised).says == "supports"
    assert parameter_opinion(0, wants, raised).says == "does not support"
    # Two shards: 0.05 / 2 is the level.
    assert parameter_opinion(1, wants, _view(0.026, [1.0] * 4)).says == "does not support"
    # A small p of a kind that is not the shard's own counts for nothing.
    assert parameter_opinion(1, wants[:, ::-1], raised).says == "does not support"
    assert parameter_opinion(1, 0.2 * wants, raised).figures == {"p_value": None, "event": None}
    against = parameter_opinion(1, wants, _view(0.01, [-1.0, -1.2, -0.9, -1.1]))
    assert against.says == "contradicts"
    assert "water" in against.reason
    unsure = _view(0.5, [-1.0, 1.2, -0.9, 1.1])
    assert parameter_opinion(1, wants, unsure).says == "does not support"
    assert parameter_opinion(1, wants, None).says == "not taken"
