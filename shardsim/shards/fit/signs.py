"""Which concept may be shunned: what is tried, and what is accepted.

A sign is asked of a single coefficient: of one concept in the shards that shun it, in the contexts
where these act. Noise or a badly fitted gate elsewhere then neither hides a sign nor pays for one.
Axes: C contexts, O concepts, Q signed columns, J atoms, K shards, L levels.
"""

from __future__ import annotations

import numpy as np

from shardsim.shards.fit import gram, solvers
from shardsim.shards.fit.data import level_means
from shardsim.shards.fit.gram import Problem
from shardsim.shards.fit.solvers import Factors

SIGN_GAIN = 0.10  # relative fall of held-out loss that a shunned concept brings where it is shunned
SIGN_ERRORS = 3.0
LEAST_SHUNNED = 0.15  # of a preference's norm; non-negative agents and planners came to .12


def falls_beside(
    base: Problem, fit: Factors, columns: np.ndarray, signs: np.ndarray, concepts: np.ndarray
) -> np.ndarray:
    """Relative fall of the loss for each of `concepts` if the shards found may also shun it.

    Gates are held, so this asks of shards that are there already, at the price of one small
    quadratic program; a shard that only shuns has to be searched for.

    Args:
      base: the problem over the O concepts.
      fit: preferences over the Q signed columns.
      columns: int[Q], the concept of each.
      signs: [Q].
      concepts: int[n], those that no column shuns yet.
    """
    if not len(fit.preferences):
        return np.zeros(len(concepts))
    before = _refitted(gram.signed(base, columns, signs), fit.gates, fit.preferences)
    nothing = np.zeros((len(fit.preferences), 1))
    start = np.hstack([fit.preferences, nothing])
    after = [
        _refitted(
            gram.signed(base, np.append(columns, one), np.append(signs, -1.0)), fit.gates, start
        )
        for one in concepts
    ]
    return 1.0 - np.asarray(after) / max(before, 1e-12)


def _refitted(problem: Problem, gates: np.ndarray, start: np.ndarray) -> float:
    """The loss under gates [J, K] with the best preferences, free of any penalty."""
    matrix, linear = solvers.preference_statistics(problem, gates)
    best = solvers.fit_preferences(matrix, linear, np.zeros(len(start)), start)
    return solvers.objective(problem, gates @ best)


def is_shunned(
    before: np.ndarray, after: np.ndarray, shunning: np.ndarray, level_index: np.ndarray
) -> bool:
    """Whether held-out levels want a concept shunned.

    Args:
      before: [C], held-out loss without the sign.
      after: [C], with it.
      shunning: [C], how strongly the concept is shunned in each context, logits a move.
      level_index: int[C].
    """
    gap = level_means(before - after, level_index)
    weight = shunning / max(float(shunning.mean()), 1e-12)
    gain = level_means(weight * (before - after), level_index)
    needed = SIGN_GAIN * float((weight * before).mean())
    return bool(_beyond_chance(gap) and _beyond_chance(gain) and gain.mean() > needed)


def _beyond_chance(gap: np.ndarray) -> bool:
    return bool(gap.mean() > SIGN_ERRORS * gap.std(ddof=1) / np.sqrt(len(gap)))


def shunning(gates: np.ndarray, preferences: np.ndarray, concept: int) -> np.ndarray:
    """How strongly [C] shards with gates [C, K] and signed preferences [K, O] shun a concept.

    Shards in which it is less than `LEAST_SHUNNED` of the preference do not count.
    """
    unit = preferences / np.maximum(np.linalg.norm(preferences, axis=1, keepdims=True), 1e-12)
    counted = -preferences[:, concept] * (unit[:, concept] <= -LEAST_SHUNNED)
    return gates @ counted
