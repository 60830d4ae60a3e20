"""Gates read from activations, where one unit carries a gate that no covariate shows."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.evidence.activation_gates import (
    CONSTANT,
    COVARIATES,
    OTHERS,
    PERMUTED,
    activation_fit,
    components,
)
from shardsim.shards.fit.atoms import Atom
from shardsim.shards.fit.data import DecisionData, cross_entropy_bits
from shardsim.shards.fit.shard_model import ShardModel

pytestmark = pytest.mark.slow

SIZE, UNITS = 800, 6


@pytest.fixture(scope="module")
def planted():
    """Two goods, each wanted where a hidden unit is on or off, in 40 levels of 20 contexts."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(SIZE, UNITS))
    gates = np.log1p(np.exp(4.0 * hidden[:, :1] * [1.0, -1.0]))
    advantages = -1.0 * rng.integers(0, 3, size=(SIZE, 4, 2))
    logits = np.einsum("co,cao->ca", gates, advantages)
    logits -= logits.mean(1, keepdims=True)
    data = DecisionData(
        features=np.zeros((SIZE, 1)),
        feature_names=("nothing",),
        advantages=advantages,
        blocked=np.zeros((SIZE, 4), bool),
        reachable=np.ones((SIZE, 2), bool),
        logits=logits,
        level_index=np.arange(SIZE) // 20,
        weight=np.ones(SIZE),
        distance=np.ones((SIZE, 2)),
    )
    model = ShardModel(
        atoms=(Atom(),),
        coefficients=np.ones((1, 2)),
        preferences=np.eye(2),
        gates=gates,
        habit=np.zeros(4),
        affordance_coefficients=np.zeros(1),
        affordance=np.zeros(SIZE),
        predicted=logits,
    )
    none = cross_entropy_bits(logits, np.zeros_like(logits))
    bits = {
        "habits and affordance": none,
        "ceiling": cross_entropy_bits(logits, logits),
    }
    return model, data, bits, hidden @ rng.normal(size=(UNITS, 10))


@pytest.fixture(scope="module")
def found(planted):
    model, data, bits, layer = planted
    return activation_fit([model], [data], [bits], {"layer": layer[None]}, np.zeros((SIZE, 2, 2)))


def test_a_layer_that_carries_the_gates_explains_everything(found):
    assert found.best == "layer"
    assert found.of("layer")[0] > 0.97
    assert found.likeness[0, 0].min() > 0.98


def test_covariates_without_them_say_what_constant_gates_say(found):
    assert np.isclose(found.of(COVARIATES)[0], found.of(CONSTANT)[0], atol=1e-3)
    assert found.of(CONSTANT)[0] < 0.6


def test_other_contexts_activations_say_no_more_than_constant_gates(found):
    assert abs(found.of(OTHERS)[0] - found.of(CONSTANT)[0]) < 0.05
    assert abs(found.of(f"{OTHERS}, 3 terms")[0] - found.of(CONSTANT)[0]) < 0.1


def test_other_contexts_advantages_leave_little_to_be_said(found):
    assert found.of(PERMUTED)[0] < 0.05


def test_refitted_preferences_come_to_the_same(planted):
    model, data, bits, layer = planted
    views = {"layer": layer[None]}
    refit = activation_fit([model], [data], [bits], views, np.zeros((SIZE, 2, 2)), refit=True)
    assert refit is not None
    assert refit.of("layer")[0] > 0.97


def test_without_activations_or_shards_there_is_no_fit(planted):
    model, data, bits, _ = planted
    blank = np.zeros((SIZE, 2, 2))
    assert activation_fit([model], [data], [bits], {}, blank) is None


def test_components_keep_what_a_view_says():
    view = np.random.default_rng(0).normal(size=(50, 3)) * [5.0, 1.0, 0.1]
    scores = components(view)
    assert scores.shape == (64, 50)
    assert np.isclose((scores[:3] ** 2).mean(), 1.0, atol=1e-5)
    centred = view - view.mean(0)
    ratio = (scores.T @ scores)[0] / (centred @ centred.T)[0]
    assert np.allclose(ratio, ratio[0], rtol=1e-3)
