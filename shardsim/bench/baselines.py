"""What else one might do to find shards: the methods that `bench shards` stands beside.

Each says how many shards there are, gives every context to one of them (or weighs it among them),
and gets the best preferences and strengths under that from one maximum-likelihood fit, so that
only the gates decide. Axes: C contexts, A actions, O concepts, K shards, D features.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans

from shardsim.bench.scores import Shards
from shardsim.shards.fit import likelihood
from shardsim.shards.fit.data import DecisionData, cross_entropy_bits, log_softmax
from shardsim.shards.fit.likelihood import Linear
from shardsim.shards.influence import shares

MOST = 6
RIDGE = 1e-4
SIGN_GAIN = 0.1  # relative fall of excess loss for which negative preferences are taken
ENOUGH = 0.9  # of the activations' sum of squares, for the number of NMF components
UPDATES = 300  # of NMF
DEMONSTRATIONS = 20  # decisions that a context's distribution counts as, for BIC
ROUNDS = 8  # of expectation and maximisation


def design(gates: np.ndarray, data: DecisionData) -> np.ndarray:
    """Return float64[C, A, K·O + 1 + A]: gated advantages, affordance, habit."""
    size, actions = data.logits.shape
    pulls = gates[:, None, :, None] * data.advantages[:, :, None, :]
    habit = np.broadcast_to(np.eye(actions), (size, actions, actions))
    blocked = data.blocked.astype(np.float64)[..., None]
    return np.concatenate([pulls.reshape(size, actions, -1), blocked, habit], 2)


def _model(gates: np.ndarray, data: DecisionData, signed: bool) -> Linear:
    columns = design(gates, data)
    count = columns.shape[2]
    bounded = np.zeros(count, bool)
    bounded[: gates.shape[1] * data.advantages.shape[2]] = not signed
    return Linear(columns, bounded, np.zeros(count), np.full(count, RIDGE))


def weights_of(gates: np.ndarray, data: DecisionData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights float64[K, O], affordance and habit [1 + A], and predicted logits [C, A].

    Weights are >= 0 unless negative ones lower the excess over the agent's own entropy by a tenth.
    """
    target = np.exp(log_softmax(data.logits))
    floor = -(target * log_softmax(data.logits)).sum(1).mean()
    tried = []
    for signed in (False, True):
        model = _model(gates, data, signed)
        found = likelihood.fit(model, target)
        predicted = model.logits(found)
        excess = -(target * log_softmax(predicted)).sum(1).mean() - floor
        tried.append((excess, found, predicted))
    (plain, *first), (free, *second) = tried
    found, predicted = second if free < (1 - SIGN_GAIN) * plain else first
    count = gates.shape[1] * data.advantages.shape[2]
    return found[:count].reshape(gates.shape[1], -1), found[count:], predicted


def shards_of(gates: np.ndarray, data: DecisionData) -> Shards:
    """Return the shards that gates float64[C, K] make, with the preferences of best fit."""
    weights, rest, _ = weights_of(gates, data)
    norm = np.maximum(np.linalg.norm(weights, axis=1), 1e-12)
    parts = shares.Parts(
        shards=shares.shard_pulls(gates, weights, data.advantages),
        habit=rest[1:],
        affordance=rest[0] * data.blocked,
        logits=data.logits,
    )
    strength = shares.strengths(parts)
    count = len(weights)
    return Shards(
        strength=strength[:, :count],
        preferences=weights / norm[:, None],
        shares=shares.shares_of(strength, data.weight)[:count],
    )


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return float64[C, K] of labels int[C]; −1 is in no cluster."""
    names = np.unique(labels[labels >= 0])
    return (labels[:, None] == names).astype(np.float64)


def k_means(view: np.ndarray, seed: int) -> np.ndarray:
    """Return int[C]: labels of k-means of a view float[C, D], their number by BIC.

    Spherical Gaussians of one variance (Pelleg & Moore 2000, "X-means"), one cluster allowed.
    """
    size, width = view.shape
    best, labels = np.inf, np.zeros(size, int)
    for count in range(1, MOST + 1):
        found = KMeans(count, n_init=2, random_state=seed).fit(view)  # pyright: ignore[reportArgumentType]
        variance = max(float(found.inertia_ or 0.0) / (size * width), 1e-6)
        now = np.asarray(found.labels_)
        weight = np.bincount(now, minlength=count) / size
        fit = -0.5 * size * width * np.log(variance) + size * (weight * np.log(weight)).sum()
        bic = -2 * fit + count * (width + 1) * np.log(size)
        if bic < best:
            best, labels = bic, now
    return labels


def density(view: np.ndarray) -> np.ndarray:
    """Return int[C]: labels of HDBSCAN over standardised principal components, −1 for noise.

    Campello, Moulavi & Sander 2013, "Density-based clustering based on hierarchical density
    estimates"; the number of clusters is its own.
    """
    centred = view - view.mean(0)
    _, values, rows = np.linalg.svd(centred, full_matrices=False)
    kept = values > 0.1 * max(values.max(), 1e-12)
    scores = centred @ rows[kept].T
    scores = scores / np.maximum(scores.std(0), 1e-9) if kept.any() else centred
    least = max(15, len(view) // 40)
    found = HDBSCAN(min_cluster_size=least, allow_single_cluster=True, copy=True)  # pyright: ignore
    return np.asarray(found.fit_predict(scores))


def factors(view: np.ndarray, seed: int) -> np.ndarray:
    """Return float64[C, K] >= 0 with peak 1: how active each NMF component of activations is.

    Lee & Seung 1999, "Learning the parts of objects by non-negative matrix factorization"; the
    smallest number that explains `ENOUGH` of the sum of squares, at most `MOST`.
    """
    whole = np.maximum(view, 0.0)
    found = np.ones((len(view), 1))
    for count in range(1, MOST + 1):
        found, parts = _factorised(whole, count, seed)
        if ((whole - found @ parts) ** 2).sum() <= (1 - ENOUGH) * (whole**2).sum():
            break
    return found / np.maximum(found.max(0), 1e-12)


def _factorised(whole: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative factors [C, K] and [K, D] by multiplicative updates of Lee & Seung."""
    rng = np.random.default_rng(seed)
    scale = np.sqrt(max(float(whole.mean()), 1e-12) / count)
    found = scale * rng.uniform(0.5, 1.5, (len(whole), count))
    parts = scale * rng.uniform(0.5, 1.5, (count, whole.shape[1]))
    for _ in range(UPDATES):
        parts *= found.T @ whole / np.maximum(found.T @ found @ parts, 1e-12)
        found *= whole @ parts.T / np.maximum(found @ (parts @ parts.T), 1e-12)
    return found, parts


def context_weights(data: DecisionData) -> np.ndarray:
    """Return float64[C, O]: the utility that explains each context by itself (ridge)."""
    centred = data.advantages - data.advantages.mean(1, keepdims=True)
    gram = np.einsum("cao,cap->cop", centred, centred) + np.eye(centred.shape[2])
    slope = np.einsum("cao,ca->co", centred, data.logits)
    return np.linalg.solve(gram, slope[..., None])[..., 0]


def mixture(data: DecisionData, seed: int) -> np.ndarray:
    """Return int[C]: which of several utilities explains each context best, by EM.

    Babeş-Vroman et al. 2011, "Apprenticeship learning about multiple intentions", with hard
    assignment, a context being a demonstration; the number of utilities by BIC.
    """
    target = np.exp(log_softmax(data.logits))
    size = len(target)
    view = context_weights(data)
    view = view / (np.linalg.norm(view, axis=1, keepdims=True) + 0.5)
    best, labels = np.inf, np.zeros(size, int)
    for count in range(1, MOST + 1):
        start = KMeans(count, n_init=2, random_state=seed).fit_predict(view)  # pyright: ignore[reportArgumentType]
        now, bits = _expectation_maximisation(data, target, start, count)
        excess = (bits - cross_entropy_bits(data.logits, data.logits)).sum() * np.log(2)
        free = count * data.advantages.shape[2] + count - 1
        bic = 2 * DEMONSTRATIONS * excess + free * np.log(size * DEMONSTRATIONS)
        if bic < best:
            best, labels = bic, now
    return labels


def _expectation_maximisation(data, target, labels, count):
    """Labels int[C] after `ROUNDS`, and the bits float64[C] of each context under its own."""
    concepts = data.advantages.shape[2]
    found, bits = None, np.zeros(len(target))
    for _ in range(ROUNDS):
        model = _model((labels[:, None] == np.arange(count)).astype(np.float64), data, False)
        found = likelihood.fit(model, target, found, 3)
        weights = found[: count * concepts].reshape(count, concepts)
        base = model.design[:, :, count * concepts :] @ found[count * concepts :]
        every = [cross_entropy_bits(data.logits, base + data.advantages @ one) for one in weights]
        bits, new = np.min(every, 0), np.argmin(every, 0)
        if (new == labels).all():
            break
        labels = new
    return labels, bits
