"""Crossed designs: components that are known, and the coverage of the intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base import crossed
from shardsim.base.statistics import t_interval

COMPONENTS = {(0,): 1.0, (1,): 0.5, (2,): 0.3, (0, 1): 0.6, (0, 2): 0.2, (0, 1, 2): 0.4}


def drawn(parts, sizes, draws: int, seed: int = 0) -> np.ndarray:
    """Return f[N1, …, NF, draws] with these variance components and mean 0."""
    rng = np.random.default_rng(seed)
    found = np.zeros((*sizes, draws))
    for one, variance in parts.items():
        shape = [size if axis in one else 1 for axis, size in enumerate(sizes)]
        found = found + np.sqrt(variance) * rng.normal(size=(*shape, draws))
    return found


def test_mean_squares_add_up_to_the_whole_sum_of_squares():
    values = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    squares = crossed.mean_squares(values, 3)
    sizes = values.shape[:3]
    total = sum(square * np.prod([sizes[n] - 1 for n in one]) for one, square in squares.items())
    assert total == pytest.approx(((values - values.mean((0, 1, 2))) ** 2).sum((0, 1, 2)))


def test_components_are_found_without_bias():
    sizes = (4, 5, 6)
    squares = crossed.mean_squares(drawn(COMPONENTS, sizes, 4000), 3)
    found = {one: part.mean() for one, part in crossed.components(squares, sizes).items()}
    assert found == pytest.approx({**COMPONENTS, (1, 2): 0.0}, abs=0.06)
    expected = crossed.expected_squares(COMPONENTS, sizes)
    assert {one: square.mean() for one, square in squares.items()} == pytest.approx(
        expected, rel=0.06
    )


def test_one_factor_is_students_interval():
    values = np.random.default_rng(1).normal(size=(5, 1, 3))
    found = crossed.crossed_interval(values, 2)
    for end, other in zip(found, t_interval(values[:, 0], axis=0), strict=True):
        assert end == pytest.approx(other)


def test_one_seed_decides_nothing():
    found = crossed.crossed_interval(np.zeros((1, 4)), 2)
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_the_standard_error_is_that_of_the_grand_mean():
    sizes = (6, 5, 8)
    spread, _ = crossed.error(crossed.expected_squares(COMPONENTS, sizes), sizes)
    expected = sum(
        part / np.prod([sizes[axis] for axis in one]) for one, part in COMPONENTS.items()
    )
    assert spread**2 == pytest.approx(expected)


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        ({(0,): 1.0, (1,): 1.0, (0, 1): 1.0}, (8, 8)),
        ({(0,): 1.0, (0, 1): 1.0}, (4, 8)),
        ({(1,): 1.0, (0, 1): 1.0}, (8, 6)),
        ({(0, 1): 1.0}, (4, 4)),
        (COMPONENTS, (8, 8, 24)),
        ({(0, 1, 2): 1.0}, (4, 8, 24)),
    ],
)
def test_intervals_cover_what_they_promise(parts, sizes):
    found = crossed.crossed_interval(drawn(parts, sizes, 4000), len(sizes), 0.9)
    covered = ((found.low < 0) & (found.high > 0)).mean()
    assert 0.88 < covered <= 1.0


def test_seeds_alone_would_not_cover():
    """What intervals over seeds promise where onsets differ: the reason for this module."""
    values = drawn({(0,): 0.1, (1,): 1.0, (0, 1): 0.5}, (8, 8), 4000)
    alone = t_interval(values.mean(1), axis=0)
    together = crossed.crossed_interval(values, 2)
    alone, together = (((one.low < 0) & (one.high > 0)).mean() for one in (alone, together))
    assert alone < 0.6 and together > 0.87


def test_a_nested_factor_goes_to_its_interaction_and_means_leave_it_out():
    parts = {(0,): 1.0, (1,): 0.5, (0, 1): 0.25, (1, 2): 2.0}
    inside = crossed.nested(parts, 1, 0)
    assert inside == {(0,): 1.0, (0, 1): 0.75, (0, 1, 2): 2.0}
    assert crossed.averaged(inside, 1, 5) == pytest.approx({(0,): 1.15, (0, 2): 0.4})
