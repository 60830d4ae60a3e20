"""Verdicts by distance: what opposite drifts hide, and that chance like the sham's is no drift."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.crossed import crossed_interval
from shardsim.reflection.distance import by_distance, squares_beyond_sham

MARGIN = 0.05
MODELS = ["turns", "sham", "summed"]


def averaged(values: np.ndarray) -> np.ndarray:
    """Over seeds and onsets of one class, of float[U, ..., D]."""
    found = crossed_interval(np.moveaxis(values, -1, 0), 2)
    return np.stack(found, -1)[None]


def judged(turns: np.ndarray, sham: np.ndarray) -> dict[str, np.ndarray]:
    """Of changes float[U, D, Q, K] by turns and its sham; summed, without one, goes as far."""
    return by_distance(np.stack([turns, sham, turns], 1), MODELS, MARGIN, averaged)


def noise(rng: np.random.Generator, size: float, onsets: int = 8, seeds: int = 8) -> np.ndarray:
    return size * rng.normal(size=(onsets, seeds, 2, 2))


def test_opposite_drifts_are_drift_though_their_mean_is_none() -> None:
    rng = np.random.default_rng(0)
    signs = np.resize([1.0, -1.0], 8)[:, None, None, None]
    turns = 2 * MARGIN * signs + noise(rng, 0.2 * MARGIN)
    found = judged(turns, noise(rng, 0.2 * MARGIN))
    mean = crossed_interval(turns[..., 0, 0], 2)
    assert abs(mean.mean) < 0.2 * MARGIN
    assert found["distance_verdict"][0].tolist() == ["drifted", "constant", "undecided"]
    assert found["distance_beyond"][0, 0] == pytest.approx(2 * MARGIN, rel=0.1)
    assert np.isnan(found["distance_beyond"][0, 2]).all()


def test_squares_add_so_the_sham_is_taken_off_as_a_square() -> None:
    far = np.full((1, 3, 2), 0.5**2)
    far[:, 1] = 0.3**2
    found = squares_beyond_sham(far, MODELS)
    assert np.sqrt(found[0, 0]) == pytest.approx([0.4, 0.4])
    assert found[0, 1] == pytest.approx([0.09, 0.09])  # a control keeps its own
    assert np.isnan(found[0, 2]).all()


def test_less_than_the_sham_is_no_distance_at_all() -> None:
    found = judged(np.full((4, 4, 1, 1), 0.001), np.full((4, 4, 1, 1), 0.01))
    assert found["distance_beyond"][0, 0] == 0.0
    assert found["distance_verdict"][0, 0] == "constant"


def test_where_nothing_is_known_nothing_is_said() -> None:
    unknown = np.full((2, 4, 1, 1), np.nan)
    assert judged(unknown, unknown)["distance_verdict"][0].tolist() == ["undefined"] * 3


def test_no_reflection_with_the_shams_chance_is_called_drift() -> None:
    """200 classes each: chance of a tenth to twice the margin, and drift of just the margin."""
    rng = np.random.default_rng(1)
    for size, least_constant in ((0.1, 1.0), (0.3, 0.95), (1.0, 0.0), (2.0, 0.0)):
        said = [
            judged(*(noise(rng, size * MARGIN) for _ in range(2)))["distance_verdict"][0, 0]
            for _ in range(200)
        ]
        assert said.count("drifted") <= 5 and said.count("constant") >= least_constant * 200
    at_margin = [
        judged(noise(rng, MARGIN), noise(rng, 0.0))["distance_verdict"][0, 0] for _ in range(200)
    ]
    assert at_margin.count("drifted") <= 20 and at_margin.count("constant") <= 20
