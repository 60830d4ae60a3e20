"""Clusters, axes and read-outs on made-up activations whose answer is known."""

from __future__ import annotations

import numpy as np

from shardsim.shards.evidence.activations import (
    cluster,
    principal,
    read_out,
    ridge,
    sample,
)


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


def test_axes_are_the_same_where_there_are_more_features_than_contexts():
    view = np.random.default_rng(4).normal(size=(40, 60)) * np.linspace(1, 3, 60)
    wide = principal(view, 5)
    tall = principal(np.pad(view, ((0, 0), (0, 0))).repeat(2, 0), 5)[::2]  # 80 x 60, same axes
    np.testing.assert_allclose(np.abs(wide), np.abs(tall), rtol=1e-6, atol=1e-9)


def test_fewer_points_than_clusters_are_no_error():
    found = cluster(np.array([[0.0], [0.0], [1.0], [1.0]]), 3, 0, 2)
    assert found[0] == found[1] != found[2] == found[3]
