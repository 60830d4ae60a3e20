"""Clusters of contexts agree with labels where a view holds them, and by chance elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.evidence.agreement import (
    ACTIVATIONS,
    EFFECTS,
    RAW,
    RESIDUALS,
    SHUFFLED,
    SIZES,
    VIEWS,
    agreement,
    behaviour_clusters,
    grouped,
    influence_vectors,
    less_logits,
    number_of_clusters,
    views_of,
)
from shardsim.shards.evidence.effects import Effects

KINDS = np.repeat(np.arange(3), 100)


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def vectors(rng):
    """Influence vectors of contexts of three kinds."""
    return np.eye(3)[KINDS] + 0.02 * rng.normal(size=(300, 3))


def test_the_number_of_behavioural_clusters_is_found(vectors):
    assert number_of_clusters(vectors, 0) == 3
    found = behaviour_clusters(vectors, 0)
    assert len({(kind, one) for kind, one in zip(KINDS, found, strict=True)}) == 3


def test_influence_vectors_take_places_from_the_model_and_bound_length():
    signed = np.array([[3.0, np.nan], [0.0, np.nan]])
    model = np.array([[9.0, 4.0], [9.0, 0.0]])
    found = influence_vectors(signed, model)
    assert np.allclose(found[0], np.array([3.0, 4.0]) / 5.1)
    assert np.allclose(found[1], 0.0)


def test_what_holds_the_labels_agrees_wholly_and_what_does_not_by_chance(rng):
    action = rng.integers(0, 3, 300)
    views = {SIZES: 5.0 * np.eye(3)[KINDS], ACTIVATIONS: 5.0 * np.eye(3)[action]}
    found = agreement({"shard": KINDS, "action": action}, grouped(views, 3, 0), 0)
    place = {name: number for number, name in enumerate(VIEWS)}
    assert found[0, place[SIZES]] == found[1, place[ACTIVATIONS]] == pytest.approx(1.0)
    crossed = found[0, place[ACTIVATIONS]], found[1, place[SIZES]], found[0, place[SHUFFLED]]
    assert np.abs(crossed).max() < 0.03
    assert np.isnan(found[0, place[RAW]])  # not given


def test_shuffled_labels_agree_by_nothing_in_the_mean():
    groups = {SIZES: KINDS}
    place = VIEWS.index(SHUFFLED)
    drawn = [agreement({"shard": KINDS}, groups, seed)[0, place] for seed in range(60)]
    assert abs(np.mean(drawn)) < 3 * np.std(drawn) / np.sqrt(len(drawn))


def test_what_is_linear_in_the_logits_is_taken_out(rng):
    logits, rest = rng.normal(size=(300, 4)), rng.normal(size=(300, 2))
    rest -= (
        np.column_stack([logits, np.ones(300)])
        @ np.linalg.lstsq(np.column_stack([logits, np.ones(300)]), rest)[0]
    )
    hidden = logits @ rng.normal(size=(4, 2)) + 3.0 + rest
    np.testing.assert_allclose(less_logits(hidden, logits), rest, atol=1e-9)


def test_views_are_of_one_agent_and_those_not_to_be_had_are_left_out(rng):
    layers = {"dense": rng.normal(size=(2, 300, 6))}
    changes = rng.normal(size=(2, 300, 3, 6))
    none = Effects((), np.zeros((300, 0, 0)), {}, {})
    logits = rng.normal(size=(2, 300, 4))
    assert set(views_of(1, "dense", layers, {}, logits, none)) == {ACTIVATIONS, RESIDUALS}
    found = views_of(1, "dense", layers, {}, logits, none._replace(layers={"dense": changes}))
    np.testing.assert_array_equal(found[ACTIVATIONS], layers["dense"][1])
    np.testing.assert_allclose(found[SIZES], np.linalg.norm(changes[1], axis=-1))
    np.testing.assert_array_equal(found[EFFECTS], changes[1].reshape(300, -1))
