"""The activation side: clusters and axes of activations, and gates read from them.

Axis letters: C contexts · K shards · D units of a layer, or features of a control.
Every figure stands beside controls: the raw input, an untrained network, shuffled labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

RAW, SHUFFLED = "raw input", "shuffled labels"
COMPONENTS = 16
CONTEXTS = 2000
RIDGE = 1e-2  # of the mean variance of a feature
BETTER = 0.02  # of the variance: how far a layer must read a gate better than chance


class Readout(NamedTuple):
    """How well gates are read from a view on levels that the reading never saw."""

    score: np.ndarray  # float64[K], part of the variance explained, held-out levels
    direction: np.ndarray  # float64[D, K], weights on the view's units, unit norm
    mean: np.ndarray  # float64[D]


def sample(size: int, seed: int, most: int = CONTEXTS) -> np.ndarray:
    """Return int64[C']: at most `most` of `size` contexts, in order."""
    order = np.random.default_rng(seed).permutation(size)
    return np.sort(order[:most])


def cluster(view: np.ndarray, count: int, seed: int, starts: int = 1) -> np.ndarray:
    """Return int[C]: k-means labels of the first principal components of a view [C, D].

    The best of some random starts; fewer clusters where fewer points differ.
    """
    means = KMeans(count, n_init=starts, random_state=seed)  # pyright: ignore[reportArgumentType]
    with warnings.catch_warnings(), _libraries().limit(limits=1):  # small: threads cost more
        warnings.simplefilter("ignore", ConvergenceWarning)
        return means.fit_predict(principal(view))


@cache
def _libraries() -> ThreadpoolController:
    """Finding out which numerical libraries are loaded costs as much as a small clustering."""
    return ThreadpoolController()


def principal(view: np.ndarray, components: int = COMPONENTS) -> np.ndarray:
    """Return float64[C, at most `components`]: scores on the leading principal components."""
    centred = np.asarray(view, np.float64) - view.mean(0)
    if min(centred.shape) <= components:
        return centred
    if len(centred) < centred.shape[1]:  # the same scores from the smaller of the two squares
        values, vectors = np.linalg.eigh(centred @ centred.T)
        most = np.argsort(-values)[:components]
        return vectors[:, most] * np.sqrt(np.maximum(values[most], 0.0))
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return centred @ vectors[:, np.argsort(-values)[:components]]


def read_out(view: np.ndarray, gates: np.ndarray, level_index: np.ndarray, seed: int) -> Readout:
    """Read gates [C, K] linearly from a view [C, D]: ridge on half the levels, tested on the rest.

    The direction is from all levels; the score is from the levels that were held out.
    """
    levels = np.unique(level_index)
    shuffled = np.random.default_rng(seed).permutation(levels)
    seen = np.isin(level_index, shuffled[: max(1, len(levels) // 2)])
    weights, mean, offset = ridge(view[seen], gates[seen])
    error = gates[~seen] - (view[~seen] - mean) @ weights - offset
    spread = ((gates[~seen] - gates[~seen].mean(0)) ** 2).sum(0)
    score = 1.0 - (error**2).sum(0) / np.maximum(spread, 1e-12)
    direction, centre, _ = ridge(view, gates)
    norm = np.maximum(np.linalg.norm(direction, axis=0), 1e-12)
    return Readout(np.where(spread > 1e-9, score, 0.0), direction / norm, centre)


def read_outs(
    gates: Sequence[np.ndarray],
    layers: Mapping[str, np.ndarray],
    observations: np.ndarray,
    level_index: np.ndarray,
    untrained: Mapping[str, np.ndarray],
    seed: int,
) -> dict[str, np.ndarray]:
    """Return layer or control -> float64[S, K]: how well the gates of S agents are read from it.

    Args:
      gates: S times float[C, K].
      layers: name -> float[S, C, D].
      observations: float[C, H, W, planes], a control.
      level_index: int[C].
      untrained: layers before training, a control.
      seed: of the halves and of the shuffling.
    """
    raw = observations.reshape(len(observations), -1)
    views = {**layers, RAW: np.broadcast_to(raw, (len(gates), *raw.shape))}
    views |= {f"untrained {name}": values for name, values in untrained.items()}

    def scores(values: np.ndarray, wanted: Sequence[np.ndarray]) -> np.ndarray:
        pairs = zip(values, wanted, strict=True)
        return np.stack([read_out(v, g, level_index, seed).score for v, g in pairs])

    mixed = np.random.default_rng(seed).permutation(len(level_index))
    shuffled = scores(layers[list(layers)[-1]], [own[mixed] for own in gates])
    return {name: scores(values, gates) for name, values in views.items()} | {SHUFFLED: shuffled}


def ridge(view: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights float64[D, K], the view's mean [D] and the target's mean [K]."""
    mean, offset = np.asarray(view, np.float64).mean(0), target.mean(0)
    centred = np.asarray(view, np.float64) - mean
    square = centred.T @ centred / len(centred)
    square[np.diag_indices(len(square))] += RIDGE * np.trace(square) / len(square) + 1e-9
    return np.linalg.solve(square, centred.T @ (target - offset) / len(centred)), mean, offset
