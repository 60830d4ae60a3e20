"""Do contexts fall apart inside the network as they do in behaviour? Clusters of several views.

Every view of a layer is cut into as many clusters: one for each action that something can pull to,
and one where nothing does. Clusters are compared with three labels of the same contexts: plain
clusters of influence vectors, the shard that pulls most, and the action taken.

Axis letters: S agents (seeds) · C contexts · O objects that can be removed · K shards · A actions ·
D units of a layer · G labels · V views · Y layers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score

from shardsim.shards.evidence.activations import RAW, SHUFFLED, cluster, principal, sample
from shardsim.shards.evidence.effects import Effects, sizes

BEHAVIOUR, STRONGEST, ACTION = "behaviour", "strongest shard", "action taken"
LABELS = (BEHAVIOUR, STRONGEST, ACTION)
SIZES, EFFECTS, ACTIVATIONS = "effect sizes", "effects", "raw activations"
RESIDUALS = "activations less logits"
BLANK_SIZES, BLANK_EFFECTS = "untrained effect sizes", "untrained effects"
BLANK = "untrained activations"
RAW_EFFECTS = "raw input effects"
VIEWS = (
    SIZES,
    EFFECTS,
    ACTIVATIONS,
    RESIDUALS,
    BLANK_SIZES,
    BLANK_EFFECTS,
    BLANK,
    RAW,
    RAW_EFFECTS,
    SHUFFLED,
)
SOFTENING = 0.1  # moves: influence vectors shorter than this count for little
CLUSTERS = (2, 3, 4, 5)
SILHOUETTE_CONTEXTS = 600
STARTS = 4  # of k-means: effects are mostly near nothing, and one start often misses


def influence_vectors(signed: np.ndarray, in_model: np.ndarray) -> np.ndarray:
    """Return float64[C, concepts]: influence vectors, bounded so that their direction counts.

    Args:
      signed: float[C, concepts], signed influence in moves, NaN for places and for what is not
        there.
      in_model: float[C, concepts], the same with each concept removed from the fitted model, which
        is what stands for places.
    """
    vectors = np.where(np.isfinite(signed), signed, in_model)
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + SOFTENING)


def behaviour_clusters(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Return int[C]: clusters of influence vectors, as many as `number_of_clusters` says."""
    return cluster(vectors, number_of_clusters(vectors, seed), seed)


def number_of_clusters(vectors: np.ndarray, seed: int) -> int:
    """Return the number of behavioural clusters of the best silhouette (Rousseeuw 1987)."""
    few = principal(vectors[sample(len(vectors), seed, SILHOUETTE_CONTEXTS)])
    if len(np.unique(few.round(9), axis=0)) <= max(CLUSTERS):
        return min(CLUSTERS)
    scores = [silhouette_score(few, cluster(few, count, seed)) for count in CLUSTERS]
    return CLUSTERS[int(np.argmax(scores))]


def less_logits(hidden: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return float64[C, D]: activations less what is linear in logits [C, A], by least squares."""
    design = np.column_stack([logits, np.ones(len(logits))]).astype(np.float64)
    return hidden - design @ np.linalg.lstsq(design, np.asarray(hidden, np.float64))[0]


def views_of(
    agent: int,
    layer: str,
    layers: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    logits: np.ndarray,
    effects: Effects,
) -> dict[str, np.ndarray]:
    """Return view -> float[C, features] of one agent's layer; what is not to be had is left out.

    Args:
      agent: its place.
      layer: name.
      layers: name -> float[S, C, D].
      untrained: the same before training.
      logits: float[S, C, A].
      effects: of the agents.
    """
    hidden = layers[layer][agent]
    views = {ACTIVATIONS: hidden, RESIDUALS: less_logits(hidden, logits[agent])}
    if layer in untrained:
        views[BLANK] = untrained[layer][agent]
    for found, size, whole in (
        (effects.layers, SIZES, EFFECTS),
        (effects.untrained, BLANK_SIZES, BLANK_EFFECTS),
    ):
        if layer in found:
            own = found[layer][agent]
            views |= {size: sizes(own), whole: own.reshape(len(own), -1)}
    return views


def grouped(views: Mapping[str, np.ndarray], count: int, seed: int) -> dict[str, np.ndarray]:
    """Return view -> int[C]: `count` clusters of every view [C, features]."""
    return {name: cluster(view, count, seed, STARTS) for name, view in views.items()}


def agreement(
    labels: Mapping[str, np.ndarray], groups: Mapping[str, np.ndarray], seed: int
) -> np.ndarray:
    """Compare the clusters of every view with every labelling of the same contexts.

    Args:
      labels: name -> int[C].
      groups: view -> int[C], of `grouped`.
      seed: of the shuffling.

    Returns:
      float64[G, V], V in the order of `VIEWS`: adjusted mutual information (Vinh et al. 2010,
      "Information theoretic measures for clusterings comparison"), 1 the same clusters, 0 what
      chance gives; NaN for a view that is not given. Shuffled labels are the clusters of the first
      view that is given, dealt out over the contexts.
    """
    first = next(name for name in VIEWS if name in groups)
    mixed = np.random.default_rng(seed).permutation(groups[first])
    found = np.full((len(labels), len(VIEWS)), np.nan)
    for row, label in enumerate(labels.values()):
        for name, group in {**groups, SHUFFLED: mixed}.items():
            found[row, VIEWS.index(name)] = adjusted_mutual_info_score(label, group)
    return found
