"""Components that follow a gate, on made-up activations in which one unit is the gate."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.schema import labelled
from shardsim.shards.evidence.components import (
    CLUSTERS,
    CONTROLS,
    DICTIONARY,
    METHODS,
    PARTS,
    RANDOM,
    RAW,
    SHUFFLED,
    SINGLE,
    UNTRAINED,
    coordinates_of,
    correlation,
    find,
    follow,
    named,
    parts,
    pools,
    summary,
    values_of,
)
from shardsim.shards.schema import SHARDS

SIZE, UNITS = 600, 12


@pytest.fixture(scope="module")
def made():
    """Unit 7 is the gate, on or off; the others are noise above zero, as before training."""
    rng = np.random.default_rng(0)
    gate = rng.integers(0, 2, size=(2, SIZE, 1)).astype(float)
    blank = 0.1 * np.abs(rng.normal(size=(2, SIZE, UNITS)))
    layer = blank.copy()
    layer[..., 7] = 3.0 * gate[..., 0]
    return gate, layer, blank, rng.normal(size=(SIZE, 3, 3, 2)), np.arange(SIZE) // 10


@pytest.fixture(scope="module")
def found(made):
    gate, layer, blank, raw, level = made
    layers, untrained = {"empty": blank, "holds": layer}, {"empty": blank, "holds": blank}
    result = find(list(gate), layers, raw, level, untrained=untrained)
    assert result is not None
    return result


def test_the_layer_and_unit_that_are_the_gate_are_found(found):
    assert np.allclose(found.score[:, 1, METHODS.index(SINGLE), 0], 1.0)
    assert (found.component[:, 1, METHODS.index(SINGLE), 0] == 7).all()
    coordinates = {"layer": found.layers, "shard": [1], **coordinates_of(found)}
    (told,) = summary(labelled(SHARDS, values_of(found), coordinates))
    assert told["layer"] == "holds"
    assert told["score"]["mean"] > 0.99


@pytest.mark.parametrize("method", [CLUSTERS, PARTS, DICTIONARY])
def test_every_method_finds_it(found, method):
    assert (found.score[:, 1, METHODS.index(method), 0] > 0.97).all()


def test_controls_do_not_follow_it(found):
    null = dict(zip(CONTROLS, np.moveaxis(found.null[:, 1], -1, 0), strict=True))
    for control in (UNTRAINED, RAW, SHUFFLED):
        assert np.abs(null[control].mean(0)).max() < 0.15
    # a unit that is nearly all that varies lies in any direction: the gate is one of many below
    assert (null[RANDOM] <= 1.0).all()
    assert np.abs(found.score[:, 0].mean(0)).max() < 0.15


def test_a_random_direction_follows_one_of_many_strong_units_less():
    rng = np.random.default_rng(1)
    layer = np.abs(rng.normal(size=(1, SIZE, 40)))
    gate = layer[0, :, 5:6]
    result = find([gate], {"layer": layer}, np.zeros((SIZE, 1)), np.arange(SIZE) // 10)
    assert result is not None
    null = dict(zip(CONTROLS, result.null[0, 0, METHODS.index(SINGLE), 0], strict=True))
    assert np.isclose(result.score[0, 0, METHODS.index(SINGLE), 0], 1.0)
    assert null[RANDOM] < 0.6
    assert null[RAW] == 0.0
    assert np.isnan(null[UNTRAINED])


def test_the_choice_is_made_on_one_half_and_tried_on_the_other():
    gate = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0])[:, None]
    seen = np.arange(8) < 4
    downward = np.array([0.0, -1.0, 0.0, -1.0, 1.0, 0.0, 1.0, 0.0])
    opposite = np.array([0.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0])
    plain = follow(np.stack([np.zeros(8), downward], 1), gate, seen)
    assert plain.component[0] == 1
    assert np.isclose(plain.chosen[0], 1.0)
    assert np.isclose(plain.score[0], 1.0)  # negative in both halves
    assert np.isclose(follow(opposite[:, None], gate, seen).score[0], -1.0)


def test_correlation_is_that_of_numpy_and_nothing_for_constants():
    rng = np.random.default_rng(2)
    pool, gates = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    expected = np.corrcoef(pool.T, gates.T)[:3, 3:]
    assert np.allclose(correlation(pool, gates), expected)
    assert (correlation(np.ones((50, 1)), gates) == 0).all()


def test_parts_rebuild_a_product_of_non_negative_factors():
    rng = np.random.default_rng(3)
    view = rng.random((200, 2)) @ np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 3.0]])
    weights = parts(view, np.arange(200) < 100, 2, 0)
    assert (weights >= 0).all()
    back = weights @ np.linalg.lstsq(weights, view, rcond=None)[0]
    assert np.linalg.norm(back - view) < 0.01 * np.linalg.norm(view)


def test_units_of_both_signs_have_parts_that_are_not_negative():
    view = np.random.default_rng(4).normal(size=(120, 5))
    pool = pools(view, np.arange(120) < 60)
    assert (pool[PARTS] >= 0).all()
    assert {len(values.T) for name, values in pool.items() if name != SINGLE} == {30}
    assert np.allclose(pool[CLUSTERS].sum(1), 4)  # a cluster of each size


def test_components_are_named_by_size_and_place():
    said = [named(PARTS, place) for place in (0, 1, 2, 5, 6, 13, 14, 29)]
    assert said == [
        *("1 of 2", "2 of 2", "1 of 4", "4 of 4"),
        *("1 of 8", "8 of 8", "1 of 16", "16 of 16"),
    ]
    assert named(SINGLE, 12) == "unit 12"


def test_without_activations_gates_or_levels_there_is_nothing():
    gate, raw = np.ones((80, 1)), np.zeros((80, 2))
    level, layer = np.arange(80) // 10, {"layer": np.ones((1, 80, 3))}
    assert find([gate], {}, raw, level) is None
    assert find([gate[:, :0]], layer, raw, level) is None
    assert find([gate], layer, raw, np.zeros(80, int)) is None
