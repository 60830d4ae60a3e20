"""How alike the shards of two fits are by what they do, and by chance.

Axis letters: K, M shards of the two fits · C contexts · A actions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHUFFLES = 20
PERCENTILE = 95.0


def similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float64[K, M]: cosines of the pulls [K, C, A] and [M, C, A] over the battery.

    Centred over actions, since adding one number to all logits of a context changes nothing.
    """
    a, b = _flat(first), _flat(second)
    norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return np.divide(a @ b.T, norms, out=np.zeros(norms.shape), where=norms > 1e-12)


def _flat(pulls: np.ndarray) -> np.ndarray:
    centred = pulls - pulls.mean(-1, keepdims=True)
    return centred.reshape(len(pulls), pulls.shape[1] * pulls.shape[2])


def null_similarity(fields: Sequence[np.ndarray], seed: int) -> float:
    """Return the similarity that fields reach on shuffled batteries in one case of twenty.

    Every field [K, C, A] is compared with itself, its contexts dealt out anew.
    """
    rng = np.random.default_rng(seed)
    found = [
        similarity(pulls, pulls[:, rng.permutation(pulls.shape[1])]).ravel()
        for pulls in fields
        for _ in range(SHUFFLES)
    ]
    return float(np.percentile(np.concatenate(found), PERCENTILE))
