"""The causal check on a network built by hand, in which two units carry two shards."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.network import Network
from shardsim.shards.evidence.causal import (
    Causal,
    displacement,
    erase,
    erases_another,
    strength_measure,
)
from shardsim.shards.influence.shares import Parts


@pytest.fixture(scope="module")
def built():
    """One layer that copies its inputs: unit 0 drives action 0, unit 1 action 1, the rest none."""
    network = Network(num_actions=3, kind="allocentric", widths=(8,), channels=1)
    rng = np.random.default_rng(0)
    observations = rng.uniform(size=(400, 1, 8, 1)).astype(np.float32)
    head = np.zeros((8, 3), np.float32)
    head[0, 0], head[1, 1] = 4.0, 4.0
    parameters = {
        "params": {
            "dense_1": {"kernel": jnp.eye(8), "bias": jnp.zeros(8)},
            "actor": {"kernel": jnp.asarray(head), "bias": jnp.zeros(3)},
            "critic": {"kernel": jnp.zeros((8, 1)), "bias": jnp.zeros(1)},
        }
    }
    units = observations.reshape(400, 8).astype(np.float64)
    pulls = np.zeros((400, 3, 2))
    pulls[:, 0, 0], pulls[:, 1, 1] = 4 * units[:, 0], 4 * units[:, 1]
    parts = Parts(pulls, np.zeros(3), np.zeros((400, 3)), units @ head)
    many = {
        "params": {
            name: {key: value[None] for key, value in layer.items()}
            for name, layer in parameters["params"].items()
        }
    }
    return network, many, observations, parts


def test_strength_is_the_factor_on_each_shard(built):
    parts = built[3]
    measure = strength_measure(parts)
    logits = parts.shards @ np.array([0.5, 2.0])
    centred = (logits - logits.mean(1, keepdims=True)).ravel()
    assert np.allclose(measure @ centred, [0.5, 2.0], atol=1e-5)


def test_ablating_what_carries_a_shard_removes_it_and_it_alone(built):
    network, parameters, observations, parts = built
    found = erase(network, parameters, observations, [parts], directions=10)[0]
    assert found.layers == ("dense_1",)
    assert np.allclose(np.diag(found.effect[0]), 1.0, atol=0.1)
    assert abs(found.effect[0, 0, 1]) < 0.1
    assert abs(found.effect[0, 1, 0]) < 0.1
    assert found.specific.all()
    assert found.random.shape == (1, 2, 10)
    assert np.abs(found.random).max() < 0.9


def test_a_shard_that_no_unit_carries_is_not_specific(built):
    network, parameters, observations, parts = built
    rng = np.random.default_rng(5)
    other = parts.shards.copy()
    other[:, :, 1] = 0.0
    other[:, 2, 1] = rng.permutation(parts.shards[:, 1, 1])
    found = erase(network, parameters, observations, [parts._replace(shards=other)], directions=10)[
        0
    ]
    assert found.specific[0].tolist() == [True, False]


def test_a_shard_is_another_s_where_erasing_it_costs_the_other_more_in_every_layer():
    def check(own: float, other: float) -> bool:
        effect = np.array([[[own, other], [0.0, 1.0]]])
        random = np.full((1, 2, 3), 0.05)
        one = Causal(("dense_1",), effect, random, np.ones((1, 2), bool))
        return bool(erases_another(one)[0])

    assert not check(0.8, 0.1)
    assert not check(0.05, 0.08)  # less than what counts as an effect
    assert check(0.2, 0.6)


def test_random_displacements_have_the_ablation_s_norm(built):
    parts = built[3]
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(1, 400, 8))
    moved = displacement(hidden, parts.shards[None], 5, rng)
    patterns = np.asarray(moved.patterns)[0]
    own = patterns[:, 0] @ patterns[:, 0].transpose(0, 2, 1)
    for turned in range(1, 6):
        gram = patterns[:, turned] @ patterns[:, turned].transpose(0, 2, 1)
        assert np.allclose(gram, own, atol=1e-5)
