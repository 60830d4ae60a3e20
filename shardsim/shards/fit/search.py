"""Search for preferences: starts from clustered directions, growth by one, swaps.

Axes: J atoms, O concepts, K shards, D candidate directions.
"""

from __future__ import annotations

import numpy as np

from shardsim.shards.fit import solvers
from shardsim.shards.fit.gram import Problem
from shardsim.shards.fit.solvers import Factors

DIRECTIONS = 4
CLOSE = 0.985
HOPELESS = 1.1  # an exchange that is so much worse with its best gates is not followed up


def spherical_means(vectors: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Cluster rows [J, O] by direction, weighted by length (Dhillon & Modha 2001); [K, O]."""
    length = np.linalg.norm(vectors, axis=1)
    used = length > 1e-9 * max(length.max(initial=0.0), 1e-300)
    unit, length = vectors[used] / length[used, None], length[used]
    if len(unit) == 0:
        return np.zeros((0, vectors.shape[1]))
    centres = unit[[rng.choice(len(unit), p=length / length.sum())]]
    while len(centres) < min(count, len(unit)):
        gap = np.maximum(1 - (unit @ centres.T).max(1), 0) * length
        if gap.sum() <= 1e-12:
            break
        centres = np.vstack([centres, unit[rng.choice(len(unit), p=gap / gap.sum())]])
    for _ in range(15):
        nearest = (unit @ centres.T).argmax(1)
        for cluster in range(len(centres)):
            mine = nearest == cluster
            if mine.any():
                mean = (unit[mine] * length[mine, None]).sum(0)
                centres[cluster] = mean / np.linalg.norm(mean)
    return centres


def candidate_directions(coefficients: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Axes and the main directions of the group-lasso solution, none twice, [D, O]."""
    concepts = coefficients.shape[1]
    means = spherical_means(coefficients, DIRECTIONS, rng)
    kept: list[np.ndarray] = []
    for direction in [*np.eye(concepts), *means]:
        if all(direction @ other < CLOSE for other in kept):
            kept.append(direction)
    return np.stack(kept)


def _try(problem, preferences, penalty, gates, rounds) -> Factors:
    return solvers.alternate(problem, preferences, penalty, gates, rounds)


def grow(problem: Problem, fit: Factors, directions: np.ndarray, penalty: float) -> Factors:
    """The best fit with one shard more, over the candidate directions."""
    best = fit
    for direction in directions:
        if len(fit.preferences) and (fit.preferences @ direction).max() > 0.995:
            continue
        preferences = np.vstack([fit.preferences, direction])
        gates = np.column_stack([fit.gates, np.zeros(len(fit.gates))])
        trial = _try(problem, preferences, penalty, gates, 3)
        if trial.objective < best.objective - 1e-12:
            best = trial
    return _try(problem, best.preferences, penalty, best.gates, 30)


def swap(problem: Problem, fit: Factors, directions: np.ndarray, penalty: float) -> Factors:
    """Exchange one preference for a candidate while that lowers the objective."""
    improved, sweeps = True, 0
    while improved and sweeps < 2:
        improved, sweeps = False, sweeps + 1
        for shard in range(len(fit.preferences)):
            for direction in directions:
                if shard >= len(fit.preferences) or (fit.preferences @ direction).max() > 0.98:
                    continue
                preferences = fit.preferences.copy()
                preferences[shard] = direction
                trial = _try(problem, preferences, penalty, fit.gates, 1)
                if trial.objective > fit.objective * HOPELESS:
                    continue
                trial = _try(problem, trial.preferences, penalty, trial.gates, 2)
                if trial.objective < fit.objective * (1 - 1e-4):
                    fit = _try(problem, trial.preferences, penalty, trial.gates, 20)
                    improved = True
    return fit


def search(
    problem: Problem, count: int, penalty: float, seed: int, starts: int = 3
) -> list[Factors]:
    """Fits with 1 … `count` shards (fewer where more do not lower the objective)."""
    rng = np.random.default_rng(seed)
    empty = np.zeros_like(problem.linear)
    coefficients = solvers.group_lasso(problem, penalty, empty)
    if not coefficients.any():
        return []
    directions = candidate_directions(coefficients, rng)
    fits: list[Factors] = []
    nothing = Factors(np.zeros((len(empty), 0)), np.zeros((0, empty.shape[1])), np.inf)
    for number in range(1, count + 1):
        best = grow(problem, fits[-1] if fits else nothing, directions, penalty)
        for _ in range(starts if number > 1 else 0):
            means = spherical_means(coefficients, number, rng)
            trial = _try(problem, means, penalty, None, 15)
            best = trial if trial.objective < best.objective else best
        best = swap(problem, best, directions, penalty)
        if len(best.preferences) < number or (fits and best.objective >= fits[-1].objective):
            break
        fits.append(best)
    return fits
