"""Models that choose one option: additive bids, least worst unhappiness, an auction, tolerance.

Axis letters: K shards · M options.
"""

from __future__ import annotations

import numpy as np

from shardsim.reflection.models.problem import Outcome, Problem, active, best, pure, slack


def additive_bids(problem: Problem) -> Outcome:
    """Take what the shards bid most for together: argmax_m Σ_k α_k G_km.

    Turner & Pope 2022, "The shard theory of human values"; as arbitration of modules, Sprague &
    Ballard 2003, "Multiple-goal reinforcement learning with modular Sarsa(0)".
    """
    bid = problem.judges[:, None] * problem.gains
    return pure(best(bid.sum(0), bid), problem.gains.shape[1])


def favourites(problem: Problem) -> list[np.ndarray]:
    """Return the best options of each shard, all that tie."""
    return [best(row) for row in problem.gains]


def least_worst_unhappiness(
    problem: Problem, starts: tuple[int, ...] | None = None, *, scaled: bool = False
) -> Outcome:
    """Let whoever loses most by the leader's favourite lead, if it loses more than the leader did.

    W_i = max_m G_im − G_i(m_leader), from each starting leader; only active shards take part.
    W-learning: Humphrys 1997, "Action selection methods using reinforcement learning".

    Args:
        problem: what is decided; judges only say who takes part.
        starts: leaders to start from; all that are active by default.
        scaled: weigh W_i by α_i.
    """
    leaders = np.flatnonzero(active(problem)) if starts is None else np.asarray(starts)
    liked = favourites(problem)
    losses = problem.gains.max(1, keepdims=True) - problem.gains
    losses = losses * problem.judges[:, None] if scaled else losses
    losses = np.where(active(problem)[:, None], losses, 0.0)
    same = slack(losses)
    ends, tried = set(), set()
    ahead = [(int(k), int(m), 0.0) for k in leaders for m in liked[k]]
    while ahead:
        leader, option, lost = ahead.pop()
        if (leader, option, lost) in tried:
            continue
        tried.add((leader, option, lost))
        others = np.delete(losses[:, option], leader)
        worst = others.max(initial=0.0)
        if worst <= lost + same:
            ends.add(option)
            continue
        for challenger in np.flatnonzero(losses[:, option] >= worst - same):
            if challenger != leader:
                ahead += [(int(challenger), int(m), float(worst)) for m in liked[challenger]]
    return pure(sorted(ends), problem.gains.shape[1])


def bids(problem: Problem) -> np.ndarray:
    """Return b float64[K]: what it is worth to a shard to decide rather than any other judge.

    b_k = α_k (max_m G_km − the least G_k of the others' favourites).
    """
    taking_part, liked = active(problem), favourites(problem)
    worth = np.zeros(len(liked))
    for k in np.flatnonzero(taking_part):
        others = [m for j in np.flatnonzero(taking_part) if j != k for m in liked[j]]
        least = problem.gains[k, others].min() if others else problem.disagreement[k]
        worth[k] = problem.judges[k] * (problem.gains[k].max() - least)
    return worth


def auction(problem: Problem) -> Outcome:
    """Sell the decision to the highest bidder, who takes its favourite and pays the second bid.

    The second price makes honest bids best (Vickrey 1961, "Counterspeculation, auctions, and
    competitive sealed tenders"); agents as societies of bidders: Chang et al. 2020, "Decentralized
    reinforcement learning: global decision-making via local economic transactions".
    """
    liked, winners = favourites(problem), best(bids(problem))
    won = [m for k in winners if problem.judges[k] > 0 for m in liked[k]]
    return pure(won, problem.gains.shape[1])


def tolerated(problem: Problem, tolerance: float = 0.0) -> Outcome:
    """Accept whatever loses the judges at most `tolerance`: Σ_k α_k G_km ≥ −ε; all are branches.

    An agent that chooses imperfectly: Tetek, Sklenka & Gavenciak 2021, "Performance of
    bounded-rational agents with the ability to self-modify".
    """
    value = problem.judges @ problem.gains
    return pure(np.flatnonzero(value >= -tolerance - slack(value)), problem.gains.shape[1])
