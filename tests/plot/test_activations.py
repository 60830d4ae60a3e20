"""Maps of activations and agreement by layer hold the numbers of their tables."""

from __future__ import annotations

import numpy as np

from shardsim.plot import activations
from shardsim.plot.style import BLUE, ORANGE
from tests.plot.drawn import legend_labels


def test_components_are_those_of_the_covariance_with_fixed_signs():
    data = np.random.default_rng(3).normal(size=(200, 6)) * np.array([3, 2, 1, 0.5, 0.2, 0.1])
    found = activations.principal_components(data)
    values, vectors = np.linalg.eigh(np.cov(data.T))
    np.testing.assert_allclose(found.explained, values[::-1][:2] / values.sum())
    expected = (data - data.mean(0)) @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(found.points), np.abs(expected), atol=1e-9)
    again = activations.principal_components(-data)
    np.testing.assert_allclose(np.abs(again.points), np.abs(found.points))


def test_a_layer_of_one_unit_has_an_empty_second_component():
    found = activations.principal_components(np.arange(5.0)[:, None])
    assert found.points.shape == (5, 2)
    np.testing.assert_allclose(found.explained, [1.0, 0.0])
    assert not found.points[:, 1].any()


def test_the_activation_map_colours_by_the_strongest_shard():
    points = activations.Projection(np.array([[0.0, 0], [1, 0], [2, 0]]), np.array([0.8, 0.1]))
    gates = np.array([[2.0, 1.0], [0.0, 0.5], [0.0, 0.0]])
    figure = activations.activation_map({"dense": points}, gates, ["a", "b"], [ORANGE, BLUE])
    first, gate_a = figure.axes[0].collections[0], figure.axes[1].collections[0]
    faces = [tuple(np.round(face[:3], 3)) for face in first.get_facecolors()]
    assert len(set(faces)) == 3
    np.testing.assert_array_equal(gate_a.get_array(), gates[:, 0] / 2.0)
    assert legend_labels(figure) == ["a", "b", "no shard active"]
    assert "80%" in figure.axes[0].get_xlabel()
