"""Cases 11, 12, 18 and 19: what proposals, leaders, clones and theories decide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shardsim.bench.reflection_cases.case import Case, Row, row, threshold
from shardsim.bench.reflection_cases.conflicts import (
    AUCTION,
    BIDS,
    BORDA,
    DECIDERS,
    EGALITARIAN,
    KS,
    NASH,
    QUO,
    UNANIMITY,
    VOTING,
    WALK,
)
from shardsim.reflection import tabular
from shardsim.reflection.models.agenda import unanimity
from shardsim.reflection.models.bargain import nash
from shardsim.reflection.models.choice import auction, least_worst_unhappiness
from shardsim.reflection.models.contract import believed
from shardsim.reflection.models.problem import problem
from shardsim.reflection.models.systematise import Aims, systematise


def _switches(count: int) -> np.ndarray:
    """Return moves int[2^n, 2n]: where turning each switch on, or off, leads from each setting."""
    settings, bits = np.arange(2**count)[:, None], 1 << np.arange(count)
    return np.concatenate([settings | bits, settings & ~bits], axis=1)


def vetoes(rival: list, effects: list, zero_sum: list) -> Iterator[Row]:
    """Case 11: every active shard has a veto.

    `rival` float[4, 2]: what two shards have with both switches off, the first on, the second on,
    and both; `effects` float[2, 3]: what each of three more switches adds; `zero_sum` float[M] is
    what one of two shards gains and the other loses.
    """
    gains = np.array(zero_sum)
    split = problem(np.stack([gains - gains[0], gains[0] - gains]))
    same = np.flatnonzero(gains == gains[0])
    yield row(UNANIMITY, "zero-sum: accepted", same, unanimity(split).options)
    for name in (NASH, KS, EGALITARIAN):
        agreed = len(DECIDERS[name](split).lotteries)
        yield row(name + QUO, "zero-sum: lotteries agreed on", 0, agreed)
    every = np.arange(len(gains))
    yield row(BIDS, "zero-sum: equal judges leave all open", every, DECIDERS[BIDS](split).options)
    two = problem(np.array(rival).T)
    ends = unanimity(two, moves=_switches(2)).options
    yield row(UNANIMITY, "two switches: ends over all 24 orders", [1, 2], ends)
    added = np.array(effects)
    lit = (np.arange(8)[:, None] >> np.arange(3)) & 1
    # On where it costs nobody anything; either way where it does nothing at all.
    free, idle = (added >= 0).all(0), (added == 0).all(0)
    ends = np.flatnonzero((lit == free).T[~idle].all(0))
    orders = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 3, 0, 5, 1, 4]]
    apart = unanimity(problem(added @ lit.T), moves=_switches(3), orders=orders).options
    yield row(UNANIMITY, "switches that do not touch: the end", ends, apart)


def leaders(losses: list, pair: list) -> Iterator[Row]:
    """Case 12: W-walk. Row i, column j of `losses` is what shard i loses when j leads."""
    table = np.array(losses)
    posed = problem(-table)
    for start in range(len(table)):
        end = _follow(table, start, 0.0)
        found = least_worst_unhappiness(posed, (start,)).options
        yield row(WALK, f"who leads in the end, {start + 1} at first", [end], found)
    found = least_worst_unhappiness(problem([[0.0, -pair[0]], [-pair[1], 0.0]]))
    yield row(WALK, "of two, the one with more to lose", [float(pair[1] > pair[0])], found.options)


def _follow(losses: np.ndarray, leader: int, lost: float) -> int:
    """Let who loses most take over while it loses more; as Humphrys tells it."""
    worst = max((losses[i, leader], i) for i in range(len(losses)) if i != leader)
    return leader if worst[0] <= lost else _follow(losses, worst[1], worst[0])


def clones(gains: list, alpha: list, split: float, likelihood: list) -> Iterator[Row]:
    """Case 18: shard 1 is split in two that want the same; and contracts under beliefs."""
    table, judges = np.array(gains), np.array(alpha)
    whole = problem(table, judges)
    parts = np.concatenate([[split * judges[0], (1 - split) * judges[0]], judges[1:]])
    twice = problem(np.vstack([table[:1], table]), parts)
    for name in (BIDS, WALK, NASH, KS, EGALITARIAN, UNANIMITY, VOTING, BORDA):
        before, after = (DECIDERS[name](one).lotteries for one in (whole, twice))
        yield row(name, "after a clone that shares α", before, after)
    two = np.diag([2.0, 1.0])
    cloned = problem(two[[0, 0, 1]])
    yield row(NASH, "p with a clone, equal α", 2 / 3, nash(cloned).lotteries[:, 0])
    yield row(NASH, "p without it", 1 / 2, nash(problem(two)).lotteries[:, 0])
    larger = max(split, 1 - split)
    wins = threshold(
        lambda a: auction(
            problem(two[[0, 0, 1]], [split * a, (1 - split) * a, 1 - a])
        ).options == (0,), 1e-3, 1 - 1e-3,
    )  # fmt: skip
    yield row(AUCTION, "α_1 above which shard 1 wins, with a clone", 1 / (1 + 2 * larger), wins)
    for name in (VOTING, BORDA):
        tie, won = (len(DECIDERS[name](problem(one)).lotteries) for one in (two, two[[0, 0, 1]]))
        yield row(name, "branches without and with a clone, one vote each", [2, 1], [tie, won])
    returns = np.log1p(table - table.min())
    even = np.full((1, table.shape[1]), 1 / table.shape[1])
    ends = [
        tabular.imitate("turns", even, given.T[None], share[None], steps=20)[-1]
        for given, share in ((returns, judges), (returns[[0, *range(len(table))]], parts))
    ]
    yield row("taking turns", "p after 20 rounds with a clone", ends[0], ends[1])
    seen = np.array(likelihood)
    shared = believed(judges, np.tile(seen[:, :1], (1, len(judges))))
    yield row("belief-weighted contract", "λ, one model for all", judges, shared[-1])
    own = judges * seen.prod(0)
    yield row("belief-weighted contract", "λ, a model each", own / own.sum(),
              believed(judges, seen)[-1])  # fmt: skip


def equilibria(held: list, theories: list, simplicity: list, aims: list) -> Iterator[Row]:
    """Case 19: with the linear Z all depends on whether account or faithfulness weighs more."""
    initial, table = np.array(held), np.array(theories)
    one, other, third = aims
    for name, account, faith in (("account", one, other), ("faithfulness", other, one)):
        found = systematise(initial, table, simplicity, Aims(account, third, faith))
        for end in found:
            follows = table[end.theory] if account > faith else initial
            yield row("systematisation", f"{name} weighs more: commitments", follows,
                      end.commitments)  # fmt: skip
        reached = min(_theory(initial, table, simplicity, account, third, faith))
        yield row("systematisation", f"{name} weighs more: theory", [reached],
                  [found[0].theory])  # fmt: skip
    tied = systematise(initial, table[:1], simplicity[:1], Aims(one, third, one))
    disputed = int((table[0] != initial).sum())
    yield row("systematisation", "branches at equal weights", 2**disputed,
              len(tied))  # fmt: skip


def _theory(initial, table, simplicity, account, simple, faith) -> set[int]:
    """Return the theory that the alternation ends at, by hand: two turns settle a linear Z."""
    held = list(initial)
    for _ in range(3):
        scores = [
            account * sum(a == b for a, b in zip(row_, held, strict=True)) / len(held)
            + simple * grade
            for row_, grade in zip(table.tolist(), simplicity, strict=True)
        ]
        top = scores.index(max(scores))
        held = table[top].tolist() if account > faith else list(initial)
    return {top}


def _draw_vetoes(rng: np.random.Generator) -> dict:
    low = rng.uniform(0, 2, 2)
    first, second = low + rng.uniform(0.05, 2, 2), low + rng.uniform(0.05, 2, 2)
    # Both on: worse than the first alone for shard 1, and than the second alone for shard 2.
    both = [first[0] - rng.uniform(0.05, 1), second[1] - rng.uniform(0.05, 1)]
    rival = [low.tolist(), first.tolist(), second.tolist(), [float(one) for one in both]]
    return {"rival": rival, "effects": rng.normal(size=(2, 3)).tolist(),
            "zero_sum": rng.normal(size=4).tolist()}  # fmt: skip


def _draw_leaders(rng: np.random.Generator) -> dict:
    losses = rng.uniform(0.05, 1, (4, 4)) * (1 - np.eye(4))
    return {"losses": losses.tolist(), "pair": rng.uniform(0.1, 2, 2).tolist()}


def _draw_clones(rng: np.random.Generator) -> dict:
    judges = rng.dirichlet(np.full(3, 3.0))
    while np.abs(judges - 0.5).min() < 0.02:
        judges = rng.dirichlet(np.full(3, 3.0))
    gains = np.column_stack([np.zeros(3), rng.uniform(0.05, 2, (3, 3))])
    return {"gains": gains.tolist(), "alpha": judges.tolist(),
            "split": float(rng.uniform(0.1, 0.9)),
            "likelihood": rng.uniform(0.1, 1, (6, 3)).tolist()}  # fmt: skip


def _draw_equilibria(rng: np.random.Generator) -> dict:
    aims = rng.uniform(0.1, 1, 3)
    while abs(aims[0] - aims[1]) < 0.02:
        aims = rng.uniform(0.1, 1, 3)
    aims = [float(max(aims[:2])), float(min(aims[:2])), float(aims[2])]
    return {"held": rng.integers(3, size=7).tolist(),
            "theories": rng.integers(3, size=(5, 7)).tolist(),
            "simplicity": rng.uniform(0, 1, 5).tolist(), "aims": aims}  # fmt: skip


CASES = (
    Case(
        11,
        "veto committee",
        (
            {
                "rival": [[1, 1], [2, 1.2], [1.1, 2.5], [1.5, 1.5]],
                "effects": [[1, -1, 0.5], [0.2, 2, 0.5]],
                "zero_sum": [0.0, 1.0, -0.5, 2.0],
            },
        ),
        _draw_vetoes,
        vetoes,
    ),
    Case(
        12,
        "W-walk",
        (
            {
                "losses": [
                    [0, 0.2, 0.1, 0.5],
                    [0.3, 0, 1, 0.2],
                    [0.2, 0.9, 0, 0.2],
                    [0.1, 0.1, 0.1, 0],
                ],
                "pair": [2.0, 1.0],
            },
        ),
        _draw_leaders,
        leaders,
    ),
    Case(
        18,
        "clones, and one world model",
        (
            {
                "gains": [[0, 1, 0.2, 0.7], [0, 0.1, 1, 0.6], [0, 0.5, 0.3, 0.9]],
                "alpha": [0.4, 0.35, 0.25],
                "split": 0.5,
                "likelihood": [[0.9, 0.5, 0.1], [0.8, 0.6, 0.3]],
            },
        ),
        _draw_clones,
        clones,
    ),
    Case(
        19,
        "reflective equilibrium",
        (
            {
                "held": [0, 1, 1, 0, 1],
                "theories": [[0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [0, 1, 1, 1, 1]],
                "simplicity": [1.0, 0.4, 0.2],
                "aims": [0.35, 0.1, 0.55],
            },
        ),
        _draw_equilibria,
        equilibria,
    ),
)
