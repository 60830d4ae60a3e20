"""Which single component of a layer follows a shard's gate: clusters, NMF, dictionary, units.

Components are found without gates on half of the levels. There the one that correlates most with a
gate, of either sign, is chosen; the correlation told is that on the other half. Of the first
three methods every one is fitted with each of `SIZES` components, and those of all sizes stand
together, so that every method and as many random directions have an equal choice.

* clusters: membership in a k-means cluster, 0 or 1 (Lloyd 1982);
* NMF: what each non-negative part contributes (Lee & Seung 1999, "Learning the parts of objects by
  non-negative matrix factorization"; by the coordinate descent of Cichocki & Phan 2009); units of
  both signs are split in two;
* dictionary: sparse non-negative weights on columns of any sign (`sparse_columns`);
* units: the layer's own.

Axis letters: S agents (seeds) · C contexts · D units · J components · K shards · Y layers ·
M methods · N controls.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from shardsim.base.parallel import each
from shardsim.base.statistics import plain_interval
from shardsim.shards.evidence.sparse_code import code_weights, far_apart, sparse_columns
from shardsim.shards.schema import by_seed

SIZES = (2, 4, 8, 16)
UNITS = 256  # of a view: those that vary most
LEAST_CONTEXTS = 32  # in each half
AXES = 32  # principal ones, in which clusters and the dictionary are sought
ROUNDS = 30  # of the factorisation
CLUSTERS, PARTS, DICTIONARY, SINGLE = "clusters", "NMF", "dictionary", "units"
METHODS = (CLUSTERS, PARTS, DICTIONARY, SINGLE)
RANDOM, UNTRAINED, RAW, SHUFFLED = "random directions", "untrained", "raw input", "shuffled gates"
CONTROLS = (RANDOM, UNTRAINED, RAW, SHUFFLED)


class Followed(NamedTuple):
    """The component of a pool [C, J] that was chosen for each gate, and how well it does."""

    component: np.ndarray  # int64[K], its place in the pool
    chosen: np.ndarray  # float64[K], correlation on the levels it was chosen on, 0..1
    score: np.ndarray  # float64[K], with the same sign, on the other levels, -1..1


class Components(NamedTuple):
    """Every method in every layer, beside its controls."""

    layers: tuple[str, ...]  # Y
    component: np.ndarray  # int64[S, Y, M, K], see `named`
    chosen: np.ndarray  # float64[S, Y, M, K], where the component was chosen
    score: np.ndarray  # float64[S, Y, M, K], held-out levels; 0 for a constant gate
    null: np.ndarray  # float64[S, Y, M, K, N], the same of `CONTROLS`; NaN where not to be had


def find(
    gates: Sequence[np.ndarray],
    layers: Mapping[str, np.ndarray],
    observations: np.ndarray,
    level_index: np.ndarray,
    *,
    untrained: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
) -> Components | None:
    """Find the components of every layer and how well one of them follows each gate.

    Args:
      gates: S times float[C, K], the same K.
      layers: name -> float[S, C, D], first to last.
      observations: float[C, H, W, planes], the raw input.
      level_index: int[C].
      untrained: the same layers before training.
      seed: of the halves, of starts, of random directions and of shuffling.

    Returns:
      None where there are no activations, no gates, or too few contexts or levels.
    """
    levels = np.random.default_rng(seed).permutation(np.unique(level_index))
    seen = np.isin(level_index, levels[: len(levels) // 2])
    enough = min(seen.sum(), (~seen).sum()) >= LEAST_CONTEXTS
    if not layers or not gates[0].shape[1] or not enough:
        return None
    raw = pools(observations.reshape(len(seen), -1), seen, seed)

    def of(where: tuple[int, str]) -> tuple[np.ndarray, ...]:
        agent, name = where
        own, view = gates[agent], layers[name][agent]
        mixed = np.random.default_rng(seed).permutation(own)
        blank = None if not untrained else pools(untrained[name][agent], seen, seed)
        return _compared(pools(view, seen, seed), raw, blank, view, own, mixed, seen)

    rows = each(of, product(range(len(gates)), layers))
    shape = (len(gates), len(layers))
    table = [np.array([row[n] for row in rows]) for n in range(4)]
    return Components(tuple(layers), *(one.reshape(*shape, *one.shape[1:]) for one in table))


def _compared(pool, raw, blank, view, gates, mixed, seen):
    """Component, chosen, score [M, K] and null [M, K, N] of one agent's layer."""
    best = [follow(pool[method], gates, seen) for method in METHODS]
    own = _most_varied(np.asarray(view, np.float64), seen)
    best[-1] = best[-1]._replace(component=own[best[-1].component])
    chance = follow(random_directions(view, seen), gates, seen).score
    none = np.full(gates.shape[1], np.nan)
    null = [
        (
            chance,
            none if blank is None else follow(blank[method], gates, seen).score,
            follow(raw[method], gates, seen).score,
            follow(pool[method], mixed, seen).score,
        )
        for method in METHODS
    ]
    found = [np.array([getattr(one, name) for one in best]) for name in Followed._fields]
    return (*found, np.array(null).transpose(0, 2, 1))


def follow(pool: np.ndarray, gates: np.ndarray, seen: np.ndarray) -> Followed:
    """Choose for each gate [C, K] a component of a pool [C, J] on `seen`, and try it elsewhere."""
    first, rest = correlation(pool[seen], gates[seen]), correlation(pool[~seen], gates[~seen])
    place, shard = np.abs(first).argmax(0), np.arange(gates.shape[1])
    there = first[place, shard]
    return Followed(place, np.abs(there), np.sign(there) * rest[place, shard])


def correlation(pool: np.ndarray, gates: np.ndarray) -> np.ndarray:
    """Return float64[J, K], Pearson's; 0 where either is constant."""
    return _standard(pool).T @ _standard(gates) / len(pool)


def _standard(values: np.ndarray) -> np.ndarray:
    centred = np.asarray(values, np.float64) - np.mean(values, 0, dtype=np.float64)
    spread = centred.std(0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)


def pools(view: np.ndarray, seen: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return method -> float64[C, J] of a view [C, D], found on the contexts `seen`."""
    units = np.asarray(view, np.float64)
    units = units[:, _most_varied(units, seen)]
    few = _principal(units, seen)
    makers: dict[str, tuple[Callable[..., np.ndarray], np.ndarray]] = {
        CLUSTERS: (memberships, few),
        PARTS: (parts, _split(units)),
        DICTIONARY: (sparse_weights, few),
    }
    found = {}
    # Small problems: threads cost more than they give. Contexts may differ less than there are
    # clusters, and a factorisation stops after its rounds.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, (make, values) in makers.items():
            found[name] = np.hstack([make(values, seen, size, seed) for size in SIZES])
    return {**found, SINGLE: units}


def memberships(view: np.ndarray, seen: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return float64[C, count], 1 where a context is of the cluster."""
    means = KMeans(count, n_init=1, random_state=seed)  # pyright: ignore[reportArgumentType]
    return np.eye(count)[means.fit(view[seen]).predict(view)]


def parts(view: np.ndarray, seen: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return float64[C, count] >= 0, weights on the parts of a view that is >= 0."""
    own = view[seen]
    basis = own[far_apart(own, count, np.random.default_rng(seed))] + 1e-9
    rule = NMF(count, init="custom", max_iter=ROUNDS, tol=0)  # pyright: ignore[reportArgumentType]
    rule.fit(own, W=np.ones((len(own), count)), H=basis)
    return rule.transform(view)


def sparse_weights(view: np.ndarray, seen: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return float64[C, count] >= 0, weights on a sparse dictionary, in the view's own units."""
    length = np.linalg.norm(view, axis=1, keepdims=True)
    return code_weights(view, sparse_columns(view[seen], count, seed)) * length


def random_directions(view: np.ndarray, seen: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return float64[C, J]: as many random projections as a method has components."""
    units = np.asarray(view, np.float64)
    units = units[:, _most_varied(units, seen)]
    turned = np.random.default_rng(seed).normal(size=(units.shape[1], sum(SIZES)))
    return units @ turned


def _most_varied(view: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.sort(np.argsort(-view[seen].var(0), kind="stable")[:UNITS])


def _principal(view: np.ndarray, seen: np.ndarray) -> np.ndarray:
    centred = view - view[seen].mean(0)
    if view.shape[1] <= AXES:
        return centred
    values, vectors = np.linalg.eigh(centred[seen].T @ centred[seen])
    return centred @ vectors[:, np.argsort(-values)[:AXES]]


def _split(view: np.ndarray) -> np.ndarray:
    negative = (view < 0).any(0)
    return np.hstack([np.maximum(view, 0.0), np.maximum(-view[:, negative], 0.0)])


def named(method: str, place: int) -> str:
    """Say which component it is: "3 of 8", or "unit 12" of the layer, counted from 0."""
    if method == SINGLE:
        return f"unit {place}"
    ends = np.cumsum(SIZES)
    which = int(np.searchsorted(ends, place, side="right"))
    return f"{place - int(ends[which]) + SIZES[which] + 1} of {SIZES[which]}"


def values_of(found: Components | None) -> Mapping[str, np.ndarray]:
    """Return what was found as arrays of the shards' table; empty where nothing was."""
    if found is None:
        return {}
    return {
        "component_score": found.score,
        "component_chosen": found.chosen,
        "component": found.component,
        "component_null": found.null,
    }


def coordinates_of(found: Components | None) -> Mapping[str, list[str]]:
    """Return the coordinates that belong to them."""
    if found is None:
        return {}
    return {"component_method": list(METHODS), "component_control": list(CONTROLS)}


def summary(data: xr.Dataset) -> list[dict[str, Any]]:
    """Return for each shard the layer and method that do best where components are chosen.

    The score is that on the other levels, with Student's interval over seeds, so the choice does
    not favour it; `null` holds the controls of that layer and method, means over seeds.
    """
    if "component_score" not in data:
        return []
    chosen, score, place, null = (
        by_seed(data, name)
        for name in ("component_chosen", "component_score", "component", "component_null")
    )
    told = []
    for k in range(score.shape[-1]):
        mean = chosen[..., k].mean(0)
        y, m = (int(n) for n in np.unravel_index(mean.argmax(), mean.shape))
        controls = zip(CONTROLS, null[:, y, m, k].mean(0), strict=True)
        told.append(
            {
                "layer": str(data["layer"].values[y]),
                "method": METHODS[m],
                "components": [named(METHODS[m], int(n)) for n in place[:, y, m, k]],
                "score": plain_interval(score[:, y, m, k]),
                "null": {name: float(value) for name, value in controls if np.isfinite(value)},
            }
        )
    return told
