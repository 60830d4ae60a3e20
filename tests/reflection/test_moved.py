"""An object moved away from the onset: exact distances, nothing else changed, and thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.plot.extinction import curated
from shardsim.plot.moved import AtDistances, extinct_below, extinct_from, loses_from
from shardsim.reflection.config import REPLICATOR
from shardsim.reflection.moved import mean_distance, moved_away, reflect_as_it_moves
from shardsim.reflection.site import Subjects, site_of
from tests.reflection.test_reflect import CONFIG, small  # noqa: F401


def falling(change: list[float]) -> AtDistances:
    """Three seeds whose P changes by so much at distances 1, 2, 3; judges .5, .3, .1; h = 2."""
    before = np.full((3, 3), 0.5)
    spread = np.array([[-0.01], [0.0], [0.01]])
    return AtDistances(
        concept="cheese",
        other="corner",
        distances=np.array([1.0, 2.0, 3.0]),
        contexts=np.array([8, 8, 6]),
        judges=np.tile([0.5, 0.3, 0.1], (3, 1)),
        before=before,
        after={"turns": before + np.array(change) + spread},
        hardness=np.full((3, 3), 2.0),
    )


def test_the_closed_form_is_extinct_exactly_below_its_threshold() -> None:
    hardness = np.array([0.5, 2.0, 10.0])
    least = extinct_below(hardness)
    ends = [curated(np.array([q]), float(h))[0] for q, h in zip(least, hardness, strict=True)]
    assert ends == pytest.approx([0.0] * 3, abs=1e-12)
    assert all(
        curated(np.array([q + 0.01]), float(h))[0] > 0 for q, h in zip(least, hardness, strict=True)
    )
    assert extinct_from(falling([0, 0, 0])) == 3.0  # .1 < 1 / (2 + 2) < .3


def test_reflection_loses_from_the_first_distance_that_only_such_follow() -> None:
    assert loses_from(falling([0.1, -0.1, -0.1]), "turns") == 2.0
    assert loses_from(falling([-0.1, 0.1, -0.1]), "turns") == 3.0
    assert loses_from(falling([-0.1, -0.1, 0.0]), "turns") == np.inf


def test_a_context_that_does_not_count_may_have_the_object_out_of_reach() -> None:
    away, weight = np.array([[1.0, np.inf], [2.0, 2.0]]), np.array([[1.0, 0.0], [0.5, 0.5]])
    assert mean_distance(away, weight).tolist() == [1.0, 2.0]


@pytest.mark.slow
def test_the_object_stands_at_every_exact_distance_and_nothing_else_moves(
    small: Subjects,  # noqa: F811
) -> None:
    site, _ = site_of(small, CONFIG, onset=None, seed=1)
    goal = site.goal_names.index("cheese")
    battery, each = moved_away(site, goal, 4, seed=0)
    number = small.env.concept_index("cheese")
    weight = battery.weight.reshape(-1, each)
    away = battery.distance[:, number].reshape(weight.shape)
    for place, distance in enumerate(range(1, len(weight) + 1)):
        assert (away[place][weight[place] > 0] == distance).all()
    level = battery.states.level
    for leaf in (level.walls, battery.states.cell):
        every = np.asarray(leaf).reshape(len(weight), each, -1)
        assert (every == every[:1]).all()
    position = np.asarray(level.position).reshape(len(weight), each, len(small.env.concepts), -1)
    others = [n for n in range(len(small.env.concepts)) if n != number]
    assert (position[:, :, others] == position[:1, :, others]).all()


@pytest.mark.slow
def test_judges_and_outcomes_stand_at_every_distance(small: Subjects) -> None:  # noqa: F811
    found = reflect_as_it_moves(small, CONFIG, farthest=3, seed=1)
    assert (found.concept, found.other) == ("cheese", "corner")
    assert list(found.after) == ["turns", "sham", REPLICATOR]
    for values in (found.judges, found.before, *found.after.values()):
        assert values.shape == (2, len(found.distances))
        assert ((values >= 0) & (values <= 1)).all()
    assert found.distances.tolist() == sorted(found.distances.tolist())
    with pytest.raises(UserError, match="corner cannot be moved away in cheese-corner; give one"):
        reflect_as_it_moves(small, CONFIG, concept="corner", seed=1)
