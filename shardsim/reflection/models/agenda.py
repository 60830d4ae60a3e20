"""Models that decide by proposals, one after the other: unanimity, majorities; Borda's count.

Option 0 is to stay as one is. Axis letters: K shards · M options · L proposals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np

from shardsim.base.errors import UserError
from shardsim.reflection.models.problem import TIE, Outcome, Problem, active, best, pure, slack

MOST_ORDERED = 7  # proposals of which all orders are tried: 5,040
Orders = Iterable[Sequence[int]]


def unanimity(
    problem: Problem, orders: Orders | None = None, moves: np.ndarray | None = None, start: int = 0
) -> Outcome:
    """Accept what costs no judge anything and gives one of them something, until nothing is left.

    Every active shard has a veto: Wentworth 2019, "Why subagents?". Proposals come in a fixed
    order, again and again; where all are indifferent both branches are kept.

    Args:
        problem: what is decided.
        orders: of the proposals; all orders by default.
        moves: int[M, L], where a proposal leads from each option; by default to option l.
        start: the option to begin at.

    Raises:
        UserError: all orders of more than 7 proposals are asked for.
    """
    judges, same = active(problem), slack(problem.gains)
    gain = _pairs(problem)[judges]
    goes = np.all(gain >= -same, axis=0, keepdims=True)[0]
    stays = np.all(gain <= same, axis=0, keepdims=True)[0] | ~goes
    return _over_orders(goes, stays, orders, moves, start, again=True)


def majority(
    problem: Problem, orders: Orders | None = None, moves: np.ndarray | None = None, start: int = 0
) -> Outcome:
    """Put each proposal of an agenda to the vote against what stands, once; half keeps both.

    A shard has α_k votes and gives them to what it gains by. Majorities may go round in circles
    (Condorcet 1785), so that the agenda decides. Arguments and errors as in `unanimity`.
    """
    gain = _pairs(problem)
    votes = np.sign(gain) * (np.abs(gain) > slack(problem.gains))
    ahead = np.tensordot(problem.judges, votes, 1)
    return _over_orders(ahead >= -TIE, ahead <= TIE, orders, moves, start, again=False)


def borda(problem: Problem) -> Outcome:
    """Take the option with the greatest Σ_k α_k (options that k ranks below it; ties count half).

    Borda 1781, "Mémoire sur les élections au scrutin".
    """
    above = -_pairs(problem)
    above[np.abs(above) <= slack(problem.gains)] = 0.0
    below = (np.sign(above) + 1.0).sum(2) / 2.0
    return pure(best(problem.judges @ below), problem.gains.shape[1])


def _pairs(problem: Problem) -> np.ndarray:
    """Return float64[K, M, M]: what each shard gains by going from one option to another."""
    return problem.gains[:, None, :] - problem.gains[:, :, None]


def _over_orders(
    goes: np.ndarray,
    stays: np.ndarray,
    orders: Orders | None,
    moves: np.ndarray | None,
    start: int,
    *,
    again: bool,
) -> Outcome:
    """Return all options at which some order ends; bool[M, M] say what a vote may do."""
    count = len(goes)
    leads = np.tile(np.arange(count), (count, 1)) if moves is None else np.asarray(moves)
    if orders is None:
        if leads.shape[1] > MOST_ORDERED:
            raise UserError(
                f"{leads.shape[1]} proposals have too many orders to try all; give `orders`"
            )
        orders = permutations(range(leads.shape[1]))
    # Where a proposal may lead from each option: one of two at most, both where it is a tie.
    after = [
        [
            frozenset(one for one, may in ((int(to), goes), (at, stays)) if may[at, to])
            for to in leads[at]
        ]
        for at in range(count)
    ]
    ends: set[int] = set()
    for order in orders:
        ends |= _end(after, order, start, again)
    return pure(sorted(ends), count)


def _end(
    after: list[list[frozenset[int]]], order: Sequence[int], start: int, again: bool
) -> frozenset[int]:
    """Follow one order of proposals from `start`, every branch of a tie at once."""
    here, seen = frozenset({start}), set()
    while here not in seen:
        seen.add(here)
        for proposal in order:
            here = frozenset().union(*(after[at][proposal] for at in here))
        if not again:
            break
    return here
