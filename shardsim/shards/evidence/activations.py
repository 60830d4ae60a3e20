"""The activation side: do contexts fall apart inside the network as they do in behaviour?

Axis letters: C contexts · O concepts · K shards · D units of a layer, or features of a control.
Every figure stands beside controls: the raw input, an untrained network, shuffled labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score
from threadpoolctl import threadpool_limits

RAW, SHUFFLED = "raw input", "shuffled labels"
SOFTENING = 0.1  # moves: influence vectors shorter than this count for little
COMPONENTS = 16
CLUSTERS = (2, 3, 4, 5)
CONTEXTS = 2000
SILHOUETTE_CONTEXTS = 600
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


def influence_vectors(signed: np.ndarray, in_model: np.ndarray) -> np.ndarray:
    """Return float64[C, O]: each context's influence vector, bounded so that its direction counts.

    Args:
      signed: float[C, O], signed influence in moves, NaN for places and for what is not there.
      in_model: float[C, O], the same with each concept removed from the fitted model, which is
        what stands for places.
    """
    vectors = np.where(np.isfinite(signed), signed, in_model)
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + SOFTENING)


def cluster(view: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return int[C]: k-means labels of the first principal components of a view [C, D]."""
    means = KMeans(count, n_init=1, random_state=seed)  # pyright: ignore[reportArgumentType]
    with threadpool_limits(limits=1):  # small problems: threads cost more than they give
        return means.fit_predict(principal(view))


def principal(view: np.ndarray, components: int = COMPONENTS) -> np.ndarray:
    """Return float64[C, at most `components`]: scores on the leading principal components."""
    centred = np.asarray(view, np.float64) - view.mean(0)
    if min(centred.shape) <= components:
        return centred
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return centred @ vectors[:, np.argsort(-values)[:components]]


def number_of_clusters(vectors: np.ndarray, seed: int) -> int:
    """Return the number of behavioural clusters of the best silhouette (Rousseeuw 1987)."""
    few = principal(vectors[sample(len(vectors), seed, SILHOUETTE_CONTEXTS)])
    if len(np.unique(few.round(9), axis=0)) <= max(CLUSTERS):
        return min(CLUSTERS)
    scores = [silhouette_score(few, cluster(few, count, seed)) for count in CLUSTERS]
    return CLUSTERS[int(np.argmax(scores))]


def ami_by_layer(
    vectors: np.ndarray,
    activations: Mapping[str, np.ndarray],
    observations: np.ndarray,
    *,
    untrained: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Compare the behavioural clusters of contexts with those of every layer.

    Args:
      vectors: float[C, O], of `influence_vectors`.
      activations: layer -> float[C, D].
      observations: float[C, H, W, planes], the raw input, as a control.
      untrained: the same layers of an untrained network, as a control.
      seed: of k-means and of the shuffling.

    Returns:
      Layer or control -> adjusted mutual information (Vinh et al. 2010, "Information theoretic
      measures for clusterings comparison"): 1 the same clusters, 0 what chance gives.
    """
    count = number_of_clusters(vectors, seed)
    labels = cluster(vectors, count, seed)
    views = {**activations, RAW: observations.reshape(len(observations), -1)}
    views |= {f"untrained {name}": values for name, values in (untrained or {}).items()}
    groups = {name: cluster(view, count, seed) for name, view in views.items()}
    groups[SHUFFLED] = np.random.default_rng(seed).permutation(next(iter(groups.values())))
    return {
        name: float(adjusted_mutual_info_score(labels, found)) for name, found in groups.items()
    }


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
