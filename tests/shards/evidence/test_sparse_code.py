"""The dictionary on updates whose groups are known, and its losses by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import sparse_encode
from sklearn.metrics import adjusted_mutual_info_score

from shardsim.shards.evidence.sparse_code import (
    PENALTY,
    code_weights,
    normalised,
    sparse_columns,
)

EVENTS, STEPS, ACTIONS, BLOCK = 120, 5, 3, 6


@pytest.fixture(scope="module")
def linear():
    """A linear softmax agent whose features have two blocks, each paid by an event of its own.

    In block 0 the first action is reinforced, in block 1 the second. Returns updates
    [E, A, 2 BLOCK], the gradients of Σ log π(paid action), and the event of each.
    """
    rng = np.random.default_rng(0)
    weights = 0.1 * rng.normal(size=(ACTIONS, 2 * BLOCK))
    event = rng.integers(2, size=EVENTS)
    gradients = np.zeros((EVENTS, ACTIONS, 2 * BLOCK))
    for number, kind in enumerate(event):
        for _ in range(STEPS):
            features = np.zeros(2 * BLOCK)
            features[kind * BLOCK : (kind + 1) * BLOCK] = rng.uniform(0.2, 1.0, BLOCK)
            chance = np.exp(weights @ features)
            chance /= chance.sum()
            gradients[number] += np.outer((np.arange(ACTIONS) == kind) - chance, features)
    return gradients, event


def test_two_disjoint_blocks_recover_their_events_exactly(linear):
    gradients, event = linear
    vectors = gradients.reshape(EVENTS, -1)
    columns = sparse_columns(vectors, 2, seed=0)
    weights = code_weights(vectors, columns)
    assert adjusted_mutual_info_score(event, weights.argmax(1)) == pytest.approx(1.0)
    assert ((weights > 0).sum(1) == 1).all()  # each event holds one column alone
    unit = normalised(vectors)
    means = normalised(np.stack([unit[event == kind].mean(0) for kind in (0, 1)]))
    assert np.sort((columns @ means.T).max(1)).min() > 0.999


def test_weights_are_what_the_penalty_leaves_of_the_cosine():
    vectors = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 5.0], [0.0, 1.0], [0.0, 0.0]])
    weights = code_weights(vectors, np.eye(2))
    assert np.allclose(np.sort(weights, 1), [[0.0, 1.0 - PENALTY]] * 4 + [[0.0, 0.0]])


def test_weights_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6))
    columns = sparse_columns(vectors, 4, seed=0)
    wanted = sparse_encode(
        normalised(vectors), columns, algorithm="lasso_cd", alpha=PENALTY, positive=True
    )
    assert np.allclose(code_weights(vectors, columns), wanted, atol=1e-3)


def test_opposite_vectors_do_not_share_a_column():
    columns = sparse_columns(np.array([[1.0, 0.0], [-1.0, 0.0]] * 8), 2, seed=0)
    assert columns @ columns.T == pytest.approx(np.array([[1.0, -1.0], [-1.0, 1.0]]))
