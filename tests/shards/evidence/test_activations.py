"""Clusters, agreement and read-outs on made-up activations whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.evidence.activations import (
    RAW,
    SHUFFLED,
    ami_by_layer,
    influence_vectors,
    number_of_clusters,
    principal,
    read_out,
    ridge,
    sample,
)


@pytest.fixture(scope="module")
def grouped():
    """Contexts of three kinds: vectors, activations that hold the kind, and ones that do not."""
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(3), 100)
    vectors = np.eye(3)[kind] + 0.02 * rng.normal(size=(300, 3))
    holds = (4 * np.eye(5)[kind]) @ rng.normal(size=(5, 12)) + 0.1 * rng.normal(size=(300, 12))
    return vectors, holds, rng.normal(size=(300, 12)), rng.normal(size=(300, 2, 2, 2))


def test_the_number_of_clusters_is_found(grouped):
    assert number_of_clusters(grouped[0], 0) == 3


def test_agreement_is_one_for_a_layer_that_holds_the_kinds(grouped):
    vectors, holds, empty, observations = grouped
    found = ami_by_layer(
        vectors, {"holds": holds, "empty": empty}, observations, untrained={"holds": empty}
    )
    assert found["holds"] > 0.99
    for control in ("empty", "untrained holds", RAW, SHUFFLED):
        assert abs(found[control]) < 0.05


def test_influence_vectors_take_places_from_the_model_and_bound_length():
    signed = np.array([[3.0, np.nan], [0.0, np.nan]])
    model = np.array([[9.0, 4.0], [9.0, 0.0]])
    found = influence_vectors(signed, model)
    assert np.allclose(found[0], np.array([3.0, 4.0]) / 5.1)
    assert np.allclose(found[1], 0.0)


def test_a_linear_gate_is_read_and_a_shuffled_one_is_not():
    rng = np.random.default_rng(1)
    view = rng.normal(size=(600, 8))
    gate = view @ np.arange(8.0)[:, None] + 5.0
    level = np.arange(600) // 10
    assert read_out(view, gate, level, 0).score[0] > 0.999
    assert read_out(view, rng.permutation(gate), level, 0).score[0] < 0.05
    direction = read_out(view, gate, level, 0).direction[:, 0]
    assert np.isclose(np.linalg.norm(direction), 1.0)
    assert direction @ np.arange(8.0) / np.linalg.norm(np.arange(8.0)) > 0.999


def test_ridge_recovers_weights_where_there_is_no_noise():
    rng = np.random.default_rng(2)
    view, weights = rng.normal(size=(2000, 3)), np.array([[1.0], [-2.0], [0.5]])
    found, mean, offset = ridge(view, view @ weights + 7.0)
    assert np.allclose(found, weights, rtol=0.03)
    assert np.allclose(offset, 7.0 + mean @ weights)


def test_principal_components_keep_what_varies_most():
    rng = np.random.default_rng(3)
    strong = 10 * rng.normal(size=(200, 1)) @ rng.normal(size=(1, 30))
    scores = principal(strong + 0.01 * rng.normal(size=(200, 30)), 1)
    centred = strong[:, 0] - strong[:, 0].mean()
    assert abs(np.corrcoef(scores[:, 0], centred)[0, 1]) > 0.999


def test_a_sample_is_ordered_without_repeats():
    rows = sample(50, 0, 20)
    assert len(set(rows.tolist())) == 20
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(sample(5, 0, 20), np.arange(5))
