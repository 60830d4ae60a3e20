"""Splits of variance whose parts are known, and what their intervals cover."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.reflection.variance import split
from tests.base.test_crossed import drawn


def made(seed: int = 0, sizes=(8, 20, 2, 3), **parts: float) -> np.ndarray:
    """An outcome with these variances; the path is drawn anew in every cell."""
    factors = {"weights": (0,), "onset": (1,), "model": (2,), "path": (0, 1, 2, 3), "mixed": (0, 1)}
    return drawn({factors[name]: part for name, part in parts.items()}, sizes, 1, seed)[..., 0]


def test_what_alone_varies_has_all_of_the_variance():
    for name, factor in (("weights", "trained weights"), ("onset", "onset"), ("model", "model")):
        found = split(made(0, (8, 20, 2, 3), **{name: 1.0}))
        assert found.alone[factor].mean == pytest.approx(1.0)
        assert found.together[factor].mean == pytest.approx(1.0)
        others = [one.mean for other, one in found.alone.items() if other != factor]
        assert others == pytest.approx([0.0] * 3)
    assert split(made(path=1.0)).alone["path"].mean > 0.9


def test_shares_are_those_of_the_components():
    found = [split(made(seed, weights=1.0, onset=1.0, mixed=1.0, path=1.0)) for seed in range(20)]
    alone = {name: np.mean([one.alone[name].mean for one in found]) for name in found[0].alone}
    expected = {"trained weights": 0.25, "onset": 0.25, "model": 0.0, "path": 0.25}
    assert alone == pytest.approx(expected, abs=0.06)
    mixed = np.mean([one.interactions["trained weights × onset"].mean for one in found])
    assert mixed == pytest.approx(0.25, abs=0.06)
    total = [sum(i.mean for i in (*s.alone.values(), *s.interactions.values())) for s in found]
    assert total == pytest.approx([1.0] * len(found))


def test_intervals_cover_the_true_share():
    covered = []
    for seed in range(40):
        found = split(made(seed, sizes=(8, 12, 2, 2), weights=1.0, onset=1.0, mixed=0.5, path=0.5))
        for factor in ("trained weights", "onset"):
            covered.append(found.alone[factor].low <= 1 / 3 <= found.alone[factor].high)
    assert np.mean(covered) > 0.82  # asked for 0.9; the jackknife of a ratio with few seeds


def test_without_variance_nothing_has_a_share():
    found = split(np.ones((4, 3, 2, 2)))
    assert found.variance == 0.0 and found.alone["onset"].mean == 0.0


def test_two_seeds_are_too_few():
    with pytest.raises(ValueError, match="at least three seeds, got 2"):
        split(np.ones((2, 3, 2, 1)))
