"""Doses on a network built by hand, in which two units carry two shards."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.network import Network
from shardsim.shards.evidence import dose_response
from shardsim.shards.influence.shares import Parts

SIZE, UNITS = 720, 8


@pytest.fixture(scope="module")
def built():
    """One layer that copies its inputs: unit 0 drives action 0, unit 1 action 1, the rest none."""
    network = Network(num_actions=3, kind="allocentric", widths=(UNITS,), channels=1)
    rng = np.random.default_rng(0)
    # Inputs that are exactly uncorrelated, and positive, so that nothing is cut off.
    noise = rng.uniform(size=(SIZE, UNITS))
    white = np.linalg.qr(noise - noise.mean(0))[0] * np.sqrt(SIZE)
    units = (10.0 + white).astype(np.float32)
    head = np.zeros((UNITS, 3), np.float32)
    head[0, 0], head[1, 1] = 0.5, 0.5
    parameters = {
        "params": {
            "dense_1": {"kernel": jnp.eye(UNITS)[None], "bias": jnp.zeros((1, UNITS))},
            "actor": {"kernel": jnp.asarray(head)[None], "bias": jnp.zeros((1, 3))},
            "critic": {"kernel": jnp.zeros((1, UNITS, 1)), "bias": jnp.zeros((1, 1))},
        }
    }
    pulls = np.zeros((SIZE, 3, 2))
    pulls[:, 0, 0], pulls[:, 1, 1] = 0.5 * units[:, 0], 0.5 * units[:, 1]
    parts = Parts(pulls, np.zeros(3), np.zeros((SIZE, 3)), units @ head)
    observations = units.reshape(SIZE, 1, UNITS, 1)
    return network, parameters, observations, parts


def test_the_dose_curve_is_the_line(built):
    found = dose_response.dose_curves(built[0], built[1], built[2], [built[3]], rotations=40)[0]
    line = 1.0 + found.dose
    for own, other in ((0, 1), (1, 0)):
        np.testing.assert_allclose(found.strength[0, own, :, own], line, atol=0.02)
        np.testing.assert_allclose(found.strength[0, own, :, other], 1.0, atol=0.02)
    np.testing.assert_allclose(found.slope[0], np.eye(2), atol=0.02)
    # The other slope is nothing, so the ratio is the own one over the least that counts.
    np.testing.assert_allclose(found.selectivity[0], 1 / dose_response.LEAST_SLOPE, rtol=0.02)


def test_random_rotations_move_nothing_on_average(built):
    found = dose_response.dose_curves(built[0], built[1], built[2], [built[3]], rotations=200)[0]
    slope = dose_response.slopes(found.random, found.dose)  # [Y, K, R, K]
    own = np.einsum("ykrk->ykr", slope)
    error = own.std(-1) / np.sqrt(own.shape[-1])
    assert (np.abs(own.mean(-1)) < 3 * error).all()
    assert np.median(np.abs(own)) < 0.5
