"""Bargains over lotteries of options, and the one utility that shards may merge into.

Active shards bargain; each may fall back on its disagreement. Nothing is agreed where the status
quo is as good as anything for one of them. Axis letters: K shards · M options · N lotteries.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from shardsim.reflection.models.problem import (
    Outcome,
    Problem,
    active,
    best,
    distinct,
    pure,
    shares,
)

EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
ROUNDING = 1e-9  # of the greatest gain: what linear programs are good to
NOISE = 1e-14  # of the greatest gain of any: what one of float64 may be by rounding alone
NEWTON_STEPS = 200
ANOTHER = 1e-4  # lotteries nearer than this, at the same gains, differ by rounding alone


def nash(problem: Problem) -> Outcome:
    """Maximise Π_k (J_k − d_k)^α_k: shares follow the judges, whatever each one's units.

    Nash 1950, "The bargaining problem"; with weights, Kalai 1977, "Nonsymmetric Nash solutions and
    replications of 2-person bargaining". As a handshake of shards: Turner 2022, "A shot at the
    diamond-alignment problem".
    """
    table = _gains_over_ideal(problem)
    inside = None if table is None else _least(table)
    if table is None or inside is None or (table @ inside).min() <= ROUNDING:
        return _nothing(problem)
    return _branches(problem, _climb(table, problem.judges[active(problem)], inside))


def kalai_smorodinsky(problem: Problem) -> Outcome:
    """Give each the same part of the most that it could gain, whoever judges how much.

    Kalai & Smorodinsky 1975, "Other solutions to Nash's bargaining problem"; where the least can
    rise no more the others may: Imai 1983, "Individual monotonicity and lexicographic maxmin
    solution".
    """
    table = _gains_over_ideal(problem)
    return _nothing(problem) if table is None else _agreed(problem, table)


def egalitarian(problem: Problem) -> Outcome:
    """Give each the same gain, in the units of `gains`; then more to whom more can be given.

    Kalai 1977, "Proportional solutions to bargaining situations".
    """
    rows = active(problem)
    return _agreed(problem, problem.gains[rows] - problem.disagreement[rows, None])


def merged_weights(problem: Problem, lottery: np.ndarray) -> np.ndarray:
    """Return λ float64[K]: the one utility Σ_k λ_k J_k that makes the same agreement best.

    λ_k ∝ α_k / (J_k − d_k), the slope of the Nash product at float[M] `lottery`; it is indifferent
    between all options that the lottery mixes (Harsanyi 1955, "Cardinal welfare").
    """
    gain = problem.gains @ lottery - problem.disagreement
    part = np.divide(problem.judges, gain, out=np.zeros_like(gain), where=active(problem))
    return shares(part)


def _gains_over_ideal(problem: Problem) -> np.ndarray | None:
    """Return gains of the active shards over the most that each can gain; None if one cannot."""
    rows = active(problem)
    gains = problem.gains[rows] - problem.disagreement[rows, None]
    most = gains.max(1, keepdims=True)
    own = ROUNDING * np.abs(gains).max(1, keepdims=True)
    return None if (most <= np.maximum(own, NOISE * np.abs(gains).max())).any() else gains / most


def _nothing(problem: Problem) -> Outcome:
    return Outcome(np.zeros((0, problem.gains.shape[1])))


def _agreed(problem: Problem, table: np.ndarray) -> Outcome:
    """Return the lexicographic max-min lotteries of gains float[K', M]."""
    if len(table) == 1:
        return pure(best(table[0]), table.shape[1])
    size, settled = _size(table), np.zeros(len(table), bool)
    lottery = _least(table)
    floor = np.full(len(table), (table @ lottery).min())
    if floor[0] <= ROUNDING * size.min():
        return _nothing(problem)
    while not settled.all():
        left, low = np.flatnonzero(~settled), floor - ROUNDING * size
        most = np.array([table[k] @ _most(table[k], table, low, lottery) for k in left])
        stuck = most <= floor[left] + 100 * ROUNDING * size[left]
        settled[left[stuck]] = True
        if stuck.all() or not stuck.any():
            break
        lottery = _raised(table, low, ~settled, lottery)
        floor[~settled] = (table[~settled] @ lottery).min()
    return _branches(problem, lottery)


def _size(table: np.ndarray) -> np.ndarray:
    """Return the greatest absolute gain of each shard, 1 where there is none: float64[K']."""
    size = np.abs(table).max(1)
    return np.where(size > 0, size, 1.0)


def _least(table: np.ndarray) -> np.ndarray:
    """Return the lottery float64[M] that maximises the least gain."""
    everyone = np.ones(len(table), bool)
    return _raised(table, np.zeros(len(table)), everyone, np.ones(table.shape[1]))


def _raised(
    table: np.ndarray, floor: np.ndarray, rising: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Return the lottery float64[M] that maximises the least gain of bool[K'] `rising`.

    The others have no less than `floor`. `known` stands where rounding leaves the solver none.
    """
    count, size = table.shape[1], _size(table)
    # Rows and the least gain in units of their own, so that one tolerance serves all.
    rows = np.column_stack([-table, np.where(rising, size[rising].min(), 0.0)]) / size[:, None]
    limits = np.where(rising, 0.0, -floor) / size
    found = linprog(
        -np.append(np.zeros(count), 1.0),
        rows,
        limits,
        np.append(np.ones(count), 0.0)[None],
        [1.0],
        [(0.0, 1.0)] * count + [(None, None)],
        method="highs",
        options=EXACT,
    )
    return known if found.x is None else _whole(found.x[:count])


def _most(goal: np.ndarray, table: np.ndarray, floor: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the lottery float64[M] with the most of float[M] `goal` and no gain below `floor`.

    `known` is one; it stands where rounding leaves the solver none.
    """
    ones, size = np.ones((1, len(goal))), _size(table)
    rows, limits = -table / size[:, None], -floor / size
    found = linprog(-goal, rows, limits, ones, [1.0], (0.0, 1.0), method="highs", options=EXACT)
    return known if found.x is None else _whole(found.x)


def _whole(lottery: np.ndarray) -> np.ndarray:
    return shares(np.where(lottery > 1e-13, lottery, 0.0))


def _branches(problem: Problem, lottery: np.ndarray) -> Outcome:
    """Return this lottery, or where others give every judge the same, those with most of an option.

    So every option that the agreement can use is used in a branch.
    """
    table = problem.gains[active(problem)]
    floor, count = table @ lottery - ROUNDING * _size(table), len(lottery)
    # Where two directions that favour no option by symmetry end at one lottery, there is no other.
    uneven = np.modf(np.sqrt(2.0) * np.arange(1, count + 1))[0]
    ends = np.array([_most(goal, table, floor, lottery) for goal in (uneven, -uneven)])
    if (np.abs(ends - lottery) < ANOTHER).all():
        return Outcome(lottery[None])
    found = [_most(one, table, floor, lottery) for one in np.eye(count)]
    return Outcome(distinct(np.array(found), ANOTHER))


def _climb(table: np.ndarray, alpha: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the lottery p float64[M] that maximises Σ_k α_k log (table p)_k, from `inside`.

    By Newton steps on the conditions of an optimum, whose complementarity p_m s_m goes to 0 from
    above (primal-dual interior point; Wright 1997, "Primal-dual interior-point methods").
    """
    count = table.shape[1]
    even = np.full(count, 1.0 / count)
    # As far toward the middle as leaves each gain half of what is sure.
    sure, middle = (table @ inside).min(), (table @ even).min()
    far = 0.5 if middle >= 0 else 0.5 * min(1.0, sure / (sure - middle))
    chance = (1 - far) * inside + far * even
    price, level = np.ones(count), 1.0
    for _ in range(NEWTON_STEPS):
        gain = table @ chance
        slope = (alpha / gain) @ table
        gap = chance @ price / count
        wrong = level - slope - price
        if max(gap, np.abs(wrong).max(), abs(1 - chance.sum())) < 1e-15:
            break
        bend = (table.T * (alpha / gain**2)) @ table
        system = np.zeros((count + 1, count + 1))
        system[:count, :count] = bend + np.diag(price / chance)
        system[:count, -1] = system[-1, :count] = 1.0
        push = (0.1 * gap - chance * price) / chance
        step = np.linalg.solve(system, np.append(push - wrong, 1 - chance.sum()))
        moved = step[:count]
        dearer = push - price / chance * moved
        far = min(_room(chance, moved), _room(price, dearer), _room(gain, table @ moved))
        chance, price = chance + far * moved, price + far * dearer
        level += far * step[-1]
    return _whole(chance)


def _room(positive: np.ndarray, change: np.ndarray) -> float:
    """Return how much of a change keeps numbers positive, at most 1."""
    down = change < 0
    return min(1.0, 0.99 * float((positive[down] / -change[down]).min(initial=np.inf)))
