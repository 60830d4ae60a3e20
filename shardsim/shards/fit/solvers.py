"""Solvers of the gated fit: non-negative quadratic programs, group lasso, factorisation.

The fit minimises, over gates C ≥ 0 [J, K] on atoms of peak 1 and preferences Θ ≥ 0 of unit norm,
    ½ vec(CΘ)ᵀ G vec(CΘ) − rᵀ vec(CΘ) + λ Σ_jk C_jk ρ(θ_k),    ρ(θ) = ½‖θ‖₂ + ½‖θ‖₁,
the penalty being the total peak strength of the shards. Axes: J atoms, O concepts, K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv  # pyright: ignore[reportAttributeAccessIssue]

from shardsim.shards.fit.gram import Problem

JITTER = 1e-10  # on the diagonal of what is solved: atoms may be exactly dependent
CHECKED = 5  # steps of a descent between looks at whether it has arrived


class Factors(NamedTuple):
    """A decomposition with its objective."""

    gates: np.ndarray  # C, [J, K] >= 0
    preferences: np.ndarray  # Θ, [K, O] >= 0, rows of unit norm
    objective: float


def strength(preferences: np.ndarray) -> np.ndarray:
    """ρ(θ) = ½‖θ‖₂ + ½‖θ‖₁ of each row, [K]."""
    return 0.5 * np.linalg.norm(preferences, axis=-1) + 0.5 * np.abs(preferences).sum(-1)


def nonnegative(quadratic: np.ndarray, linear: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Minimise ½ xᵀGx − rᵀx over x ≥ 0 from a feasible start.

    Active sets (Lawson & Hanson 1974, "Solving least squares problems"; Bro & de Jong 1997, a fast
    version on the Gram matrix).
    """
    found = np.maximum(start, 0.0)
    if not found.size:
        return found
    active = found > 0
    tolerance = 1e-9 * max(1.0, float(np.abs(linear).max(initial=0.0)))
    for _ in range(3 * len(linear) + 10):
        found, active = _restore(quadratic, linear, found, active)
        chosen = np.flatnonzero(active)
        slope = linear - quadratic[:, chosen] @ found[chosen]
        slope[active] = -np.inf
        best = int(slope.argmax())
        if slope[best] <= tolerance:
            break
        active[best] = True
    return found


def _restore(quadratic, linear, found, active):
    """Solve on the active set, dropping what turns negative."""
    found, active = found.copy(), active.copy()
    while active.any():
        chosen = np.flatnonzero(active)
        block = quadratic[chosen][:, chosen]
        block.flat[:: len(chosen) + 1] += JITTER
        wanted = _solve(block, linear[chosen])
        if (wanted > 0).all():
            found[:] = 0.0
            found[chosen] = wanted
            break
        current, falling = found[chosen], wanted <= 0
        step = (current[falling] / (current[falling] - wanted[falling] + 1e-300)).min()
        moved = current + min(step, 1.0) * (wanted - current)
        moved[falling & (moved <= 1e-12 * (1 + np.abs(current).max()))] = 0.0
        if (moved[falling] > 0).all():
            moved[np.flatnonzero(falling)[moved[falling].argmin()]] = 0.0
        found[:] = 0.0
        found[chosen] = np.maximum(moved, 0.0)
        active = found > 0
    return found, active


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a small positive definite system; by general elimination where it hardly is one."""
    _, found, failed = dposv(matrix, right)
    return np.linalg.solve(matrix, right) if failed else found


def shrink(values: np.ndarray, amount: np.ndarray | float) -> np.ndarray:
    """Proximal map of amount·ρ on rows ≥ 0: soft threshold, then shrink the norm."""
    half = 0.5 * np.asarray(amount)[..., None]
    kept = np.maximum(values - half, 0.0)
    norm = np.sqrt((kept * kept).sum(-1, keepdims=True))
    return kept * np.maximum(1.0 - half / np.maximum(norm, 1e-300), 0.0)


def penalty_limit(linear: np.ndarray) -> float:
    """The smallest penalty at which no atom enters: the dual norm of ρ, by bisection."""
    low, high = 0.0, 2.0 * float(np.abs(linear).sum(1).max(initial=0.0)) + 1e-12
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if shrink(linear, middle).any() else (low, middle)
    return high


def group_lasso(
    problem: Problem, penalty: float, start: np.ndarray, steps: int = 150
) -> np.ndarray:
    """B ≥ 0 [J, O] under penalty Σ_j ρ(B_j), by proximal gradient with restarts."""
    matrix = problem.quadratic.reshape(start.size, -1)
    pace = 1.0 / (_largest_eigenvalue(matrix) + 1e-12)
    return _descend(matrix, problem.linear, penalty, start, pace, steps, 1e-5, restart=True)


def _descend(
    matrix, linear, amount, start, pace: float, steps: int, tolerance: float, restart: bool = False
) -> np.ndarray:
    """Minimise ½ xᵀGx − rᵀx + amount·ρ over x ≥ 0 by FISTA (Beck & Teboulle 2009)."""
    now, ahead, inertia = start, start, 1.0
    amount = amount * pace
    scaled, towards = pace * matrix, pace * linear
    for step in range(1, steps + 1):
        new = shrink(ahead - (scaled @ ahead.ravel()).reshape(linear.shape) + towards, amount)
        change = new - now
        if restart and ((ahead - new) * change).sum() > 0:
            inertia = 1.0
        following = (1 + (1 + 4 * inertia**2) ** 0.5) / 2
        ahead = new + (inertia - 1) / following * change
        now, inertia = new, following
        if step % CHECKED == 0 and np.abs(change).max() < tolerance * (1e-9 + new.max()):
            break
    return now


def _largest_eigenvalue(matrix: np.ndarray) -> float:
    vector = np.random.default_rng(0).normal(size=len(matrix))
    for _ in range(30):
        vector = matrix @ vector
        vector /= np.linalg.norm(vector) + 1e-300
    return 1.05 * float(vector @ matrix @ vector)


def objective(problem: Problem, coefficients: np.ndarray) -> float:
    """Quadratic loss a context of B [J, O], the constant included."""
    flat = coefficients.ravel()
    image = problem.quadratic.reshape(len(flat), -1) @ flat
    return float(0.5 * flat @ image - problem.linear.ravel() @ flat + 0.5 * problem.constant)


def fit_gates(
    problem: Problem, preferences: np.ndarray, penalty: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Best gates C ≥ 0 [J, K] for fixed preferences [K, O]: an exact convex solution."""
    atoms = len(problem.linear)
    shards = len(preferences)
    half = problem.quadratic @ preferences.T  # [J, O, J, K]
    quadratic = preferences @ half.reshape(*problem.linear.shape, atoms * shards)  # [J, K, J·K]
    linear = problem.linear @ preferences.T - penalty * strength(preferences)
    begin = np.zeros(atoms * shards) if start is None else start.ravel()
    flat = quadratic.reshape(atoms * shards, atoms * shards)
    return nonnegative(flat, linear.ravel(), begin).reshape(atoms, shards)


def preference_statistics(problem: Problem, gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quadratic [K·O, K·O] and linear [K, O] terms of Θ for fixed gates C [J, K]."""
    half = np.tensordot(gates.T, problem.quadratic, 1)  # [K, O, J, O]
    quadratic = np.swapaxes(half, 2, 3) @ gates  # [K, O, O, K]
    quadratic = np.swapaxes(quadratic, 2, 3)
    size = quadratic.shape[0] * quadratic.shape[1]
    return quadratic.reshape(size, size), gates.T @ problem.linear


def fit_preferences(
    matrix: np.ndarray, linear: np.ndarray, amount: np.ndarray, start: np.ndarray, steps: int = 60
) -> np.ndarray:
    """Best preferences Θ ≥ 0 [K, O], norm free, under amount[K]·ρ(θ_k); proximal gradient."""
    pace = 1.0 / (np.linalg.eigvalsh(matrix)[-1] + 1e-12)
    return _descend(matrix, linear, amount, start, pace, steps, 1e-7)


def alternate(
    problem: Problem,
    preferences: np.ndarray,
    penalty: float,
    gates: np.ndarray | None = None,
    rounds: int = 30,
    tolerance: float = 1e-6,
) -> Factors:
    """Alternate exact gates and preferences from a start; shards that die are dropped."""
    before = np.inf
    now = np.zeros((len(problem.linear), len(preferences))) if gates is None else gates
    for _ in range(rounds):
        now = fit_gates(problem, preferences, penalty, now)
        alive = now.sum(0) > 0
        now, preferences = now[:, alive], preferences[alive]
        if not len(preferences):
            break
        matrix, linear = preference_statistics(problem, now)
        raw = fit_preferences(matrix, linear, penalty * now.sum(0), preferences)
        norm = np.linalg.norm(raw, axis=1)
        alive = norm > 1e-9
        now, preferences = now[:, alive] * norm[alive], raw[alive] / norm[alive, None]
        value = objective(problem, now @ preferences) + penalty * _cost(now, preferences)
        if before - value < tolerance * max(abs(value), 1e-9):
            break
        before = value
    value = objective(problem, now @ preferences) + penalty * _cost(now, preferences)
    return Factors(now, preferences, value)


def _cost(gates: np.ndarray, preferences: np.ndarray) -> float:
    return float(gates.sum(0) @ strength(preferences))
