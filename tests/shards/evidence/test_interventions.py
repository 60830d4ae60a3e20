"""Doses and subspaces on a network built by hand, in which two units carry two shards."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.network import Network
from shardsim.shards.evidence import dose_response, subspace
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
    assert (found.shift[0, :, 2] == 0).all() and (found.shift[0, :, 0] > 0.1).all()


def test_random_rotations_move_nothing_on_average(built):
    found = dose_response.dose_curves(built[0], built[1], built[2], [built[3]], rotations=200)[0]
    slope = dose_response.slopes(found.random, found.dose)  # [Y, K, R, K]
    own = np.einsum("ykrk->ykr", slope)
    error = own.std(-1) / np.sqrt(own.shape[-1])
    assert (np.abs(own.mean(-1)) < 3 * error).all()
    assert np.median(np.abs(own)) < 0.5


def test_the_subspace_is_the_unit_that_carries_the_shard(built):
    found = subspace.find_subspaces(
        built[0], built[1], built[2], [built[3]], np.arange(SIZE) // 12
    )[0]
    assert found.dimension.tolist() == [[1, 1]]
    for shard in (0, 1):
        reader = found.reader[0, shard, :, 0] / np.linalg.norm(found.reader[0, shard])
        assert abs(reader[shard]) > 0.98
        np.testing.assert_allclose(
            found.writer[0, shard] @ found.reader[0, shard], _first(), atol=1e-4
        )
    np.testing.assert_allclose(found.effect[0], np.eye(2), atol=0.1)
    np.testing.assert_allclose(found.flipped[0], -np.diag(found.effect[0]), atol=1e-4)
    assert (found.explained > 0.95).all()
    assert (found.specificity > 0.9).all()
    assert np.abs(found.random.mean()) < 0.3


def _first() -> np.ndarray:
    """A projection on the first of two dimensions."""
    return np.diag([1.0, 0.0])


def test_slopes_are_joint():
    rng = np.random.default_rng(1)
    pulls = rng.normal(size=(1, 2, 50, 3, 2))
    pulls[..., 1] += pulls[..., 0]
    change = 0.3 * pulls[..., 0] - 0.7 * pulls[..., 1]
    found = subspace.change_slopes(change[:, :, None], pulls)
    np.testing.assert_allclose(found[0, :, 0], [[0.3, -0.7]] * 2, atol=1e-6)


def test_sources_are_of_other_levels_and_the_like_ones_alike():
    rng = np.random.default_rng(2)
    levels = np.repeat(np.arange(10), 6)
    pulls = rng.normal(size=(1, 60, 2, 1))
    found = subspace.pairs(np.arange(60), levels, pulls, rng)
    assert (levels[found.any] != levels[found.base]).all()
    for place, base in enumerate(found.base):
        apart = ((pulls[0, :, :, 0] - pulls[0, base, :, 0]) ** 2).sum(1)
        apart[levels == levels[base]] = np.inf
        assert found.like[0, 0, place] == apart.argmin()


def test_few_levels_are_refused(built):
    with pytest.raises(ValueError, match="six levels"):
        subspace.find_subspaces(built[0], built[1], built[2], [built[3]], np.arange(SIZE) % 5)
    with pytest.raises(ValueError, match="need a 0"):
        dose_response.dose_curves(built[0], built[1], built[2], [built[3]], doses=(1.0,))


def test_specificity_counts_the_difference():
    found = subspace.specificity(np.array([0.3, 0.2, 0.0]), np.array([0.1, 0.2, 0.0]))
    np.testing.assert_allclose(found, [0.5, 0.0, 0.0])


def test_fewer_dimensions_win_where_more_bring_little():
    scores = np.array([[[0.5, 0.51, 0.6, 0.62], [0.1, 0.1, 0.1, 0.9]]])
    assert subspace.smallest(scores).tolist() == [[2, 3]]
