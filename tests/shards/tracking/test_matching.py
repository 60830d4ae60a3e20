"""Matching shards by what they do: identity, births, deaths, splits and merges."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.tracking.matching import assign, follow, null_similarity, similarity


@pytest.fixture
def pulls():
    """Four unrelated pulls over 300 contexts and 4 actions, each active in a part of them."""
    rng = np.random.default_rng(0)
    made = rng.normal(size=(4, 300, 4))
    return made * (rng.uniform(size=(4, 300, 1)) < 0.5)


def _kinds(events):
    return [(event.kind, event.shard) for event in events]


def test_similarity_ignores_scale_and_offset(pulls):
    alike = similarity(pulls, 3.0 * pulls + np.arange(300.0)[:, None])
    assert np.allclose(np.diag(alike), 1.0)
    assert np.abs(alike - np.eye(4)).max() < 0.15
    assert similarity(pulls, pulls[:0]).shape == (4, 0)


def test_a_permutation_is_no_event(pulls):
    assert follow(pulls, pulls[[2, 0, 3, 1]], 0.3) == []
    assert sorted(assign(similarity(pulls, pulls[[2, 0, 3, 1]]), 0.3)) == [
        (0, 1),
        (1, 3),
        (2, 0),
        (3, 2),
    ]


def test_births_and_deaths(pulls):
    assert _kinds(follow(pulls[:2], pulls[:3], 0.3)) == [("birth", 2)]
    assert _kinds(follow(pulls[:3], pulls[[0, 2]], 0.3)) == [("death", 1)]
    assert _kinds(follow(pulls[:0], pulls[:1], 0.3)) == [("birth", 0)]
    assert follow(pulls[:0], pulls[:0], 0.3) == []


def test_weak_resemblance_is_a_death_and_a_birth(pulls):
    assert _kinds(follow(pulls[:1], pulls[1:2], 0.3)) == [("death", 0), ("birth", 0)]


def test_splits_and_merges(pulls):
    both = (pulls[0] + pulls[1])[None]
    assert _kinds(follow(both, pulls[:2], 0.3)) == [("split", 0)]
    assert _kinds(follow(pulls[:2], both, 0.3)) == [("merge", 0)]


def test_shuffled_batteries_give_the_null(pulls):
    threshold = null_similarity([pulls], 0)
    assert 0.0 < threshold < 0.2
    shifted = np.ones((1, 300, 4)) * np.array([3.0, 0.0, 0.0, 0.0])
    assert np.isclose(null_similarity([shifted], 0), 1.0)  # a habit looks the same everywhere
