"""The search once more; equal fits; more shards than concepts can count."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted import rules
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.shards.fit.alternatives import Alternative, margins
from shardsim.shards.fit.fit import fit
from shardsim.shards.fit.restarts import Restart, correlation
from shardsim.shards.fit.verdict import Judgement, doubted

pytestmark = pytest.mark.slow


def fitted(mazes, gates, preferences, strengths):
    spec = PlantedSpec(
        kind="shards",
        concepts=mazes.concepts,
        gates=gates,
        preferences=preferences,
        strengths=strengths,
        habit=(0.2, 0.0, -0.1, 0.0),
        affordance=-2.0,
        noise=0.1,
        seed=3,
    )
    logits = rules.planted_logits(spec, mazes.covariates, mazes.advantages, mazes.blocked)
    return spec, fit(mazes.decisions(logits))


@pytest.fixture(scope="module")
def apart(mazes):
    """Two shards in contexts that never meet."""
    gates = (PlantedGate("row", threshold=3), PlantedGate("row", threshold=3, flipped=True))
    return fitted(mazes, gates, ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), (3.0, 2.0))


def test_other_starts_come_to_the_same_shards(apart):
    _, found = apart
    assert len(found.restarts) == 2
    for one in found.restarts:
        assert one.same
        np.testing.assert_allclose(one.preferences, found.preferences, atol=0.05)


def test_shards_that_never_meet_have_no_equal_fit(apart):
    _, found = apart
    assert not found.alternatives
    np.testing.assert_array_equal(found.margin, 1.0)


def test_a_gate_that_never_closes_may_be_lent_to_an_always_active_shard(mazes):
    """'Always θ₁, and θ₂ a little everywhere' is also 'always θ₁ with some of θ₂'."""
    gates = (PlantedGate("constant"), PlantedGate("row", threshold=3, width=3.0))
    spec, found = fitted(mazes, gates, ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), (2.0, 3.0))
    assert found.num_shards == 2
    always = int(found.preferences[:, 0].argmax())
    moved = [one.preferences[always] for one in found.alternatives if one.shard == always]
    reach = [one[2] / one[0] for one in moved] + [found.preferences[always, 2]]
    floor = rules.planted_gates(spec, mazes.covariates)[:, 1].min()
    assert min(reach) < 0.1  # the planted one among them
    assert max(reach) > 0.4 * floor / 2.0
    assert all(one.cosine <= 0.999 for one in found.alternatives)


def test_only_another_preference_lowers_a_margin():
    shared = {"preferences": np.eye(2), "gates": np.zeros((1, 2)), "other": 1}
    near = Alternative(shard=0, margin=0.0, cosine=0.99, **shared)
    other = Alternative(shard=0, margin=0.4, cosine=0.9, **shared)
    np.testing.assert_array_equal(margins((near, other), 2), [0.4, 1.0])
    assert near.credible and not near.different
    assert other.different and not other.credible


def test_more_shards_than_concepts_cannot_be_counted(mazes):
    gates = tuple(
        PlantedGate(kind, threshold=3, flipped=flip)
        for kind in ("row", "column")
        for flip in (False, True)
    )
    half = np.sqrt(0.5)
    wanted = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (half, half, 0.0))
    _, found = fitted(mazes, gates, wanted, (3.0, 3.0, 3.0, 3.0))
    assert found.num_shards == 3
    assert found.verdict == "cannot tell"


def test_gates_are_compared_up_to_their_scale():
    gate = np.array([0.0, 1.0, 3.0])
    assert correlation(gate, 2 * gate) == pytest.approx(1.0)
    assert correlation(gate, np.array([5.0, 0.0, 0.0])) == 0.0
    assert correlation(np.ones(4), np.array([1.0, 0, 0, 0])) == pytest.approx(0.5)
    assert Restart(np.eye(2), np.ones((3, 2)), 0.95, 0.92).same
    assert not Restart(np.eye(2), np.ones((3, 2)), 0.95, 0.4).same


@pytest.mark.parametrize(
    ("said", "again", "left"),
    [
        ("shards", [], "shards"),
        ("shards", [False, True], "shards"),
        ("shards", [False, False], "cannot tell"),
        ("one utility", [False, False], "one utility"),
    ],
)
def test_shards_that_no_other_start_finds_are_doubted(said, again, left):
    judgement = Judgement(said, "planner with gain", 0.1, np.zeros(2), 0.9)
    assert doubted(judgement, again).verdict == left
