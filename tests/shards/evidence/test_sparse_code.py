"""The dictionary on updates whose groups are known, and its losses by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from shardsim.shards.evidence.episodes import make_sketch
from shardsim.shards.evidence.sparse_code import NONE, labels_of, normalised, sparse_code

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
    sketch = make_sketch(ACTIONS * 2 * BLOCK, 512, seed=1)
    flat = [sketch(jnp.asarray(one, jnp.float32).ravel()) for one in gradients]
    code = sparse_code(np.stack(flat), 2, seed=0)
    assert adjusted_mutual_info_score(event, labels_of(code)) == pytest.approx(1.0)
    assert ((code.weights > 0).sum(1) == 1).all()  # each event holds one column alone
    columns = normalised(gradients.reshape(EVENTS, -1))
    means = normalised(np.stack([columns[event == kind].mean(0) for kind in (0, 1)]))
    exact = sparse_code(gradients.reshape(EVENTS, -1), 2, seed=0).columns
    assert np.sort((exact @ means.T).max(1)).min() > 0.999


def test_weights_are_what_the_penalty_leaves_of_the_cosine():
    vectors = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 5.0], [0.0, 1.0], [0.0, 0.0]])
    code = sparse_code(vectors, 2, seed=0, penalty=0.25)
    assert np.allclose(np.sort(code.weights, 1)[:4], [0.0, 0.75])
    assert labels_of(code)[4] == NONE
    # Each of four: half of a square of 1/4 left, and 1/4 of the weight 3/4; none: 0.
    assert code.loss == pytest.approx(4 * (0.5 * 0.25**2 + 0.25 * 0.75) / 5)


def test_opposite_vectors_do_not_share_a_column():
    code = sparse_code(np.array([[1.0, 0.0], [-1.0, 0.0]] * 8), 2, seed=0)
    assert len(np.unique(labels_of(code))) == 2
    assert code.columns @ code.columns.T == pytest.approx(np.array([[1.0, -1.0], [-1.0, 1.0]]))
