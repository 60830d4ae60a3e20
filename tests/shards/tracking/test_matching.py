"""How alike shards are by what they do, whatever their order, scale and offset."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.tracking.matching import null_similarity, similarity


@pytest.fixture
def pulls():
    """Four unrelated pulls over 300 contexts and 4 actions, each active in a part of them."""
    rng = np.random.default_rng(0)
    made = rng.normal(size=(4, 300, 4))
    return made * (rng.uniform(size=(4, 300, 1)) < 0.5)


def test_similarity_ignores_scale_and_offset(pulls):
    alike = similarity(pulls, 3.0 * pulls + np.arange(300.0)[:, None])
    assert np.allclose(np.diag(alike), 1.0)
    assert np.abs(alike - np.eye(4)).max() < 0.15
    order = [2, 0, 3, 1]
    assert similarity(pulls, pulls[order]).argmax(0).tolist() == order
    assert similarity(pulls, pulls[:0]).shape == (4, 0)


def test_shuffled_batteries_give_the_null(pulls):
    threshold = null_similarity([pulls], 0)
    assert 0.0 < threshold < 0.2
    shifted = np.ones((1, 300, 4)) * np.array([3.0, 0.0, 0.0, 0.0])
    assert np.isclose(null_similarity([shifted], 0), 1.0)  # a habit looks the same everywhere
