"""Cases 3, 15 and 16: two shards alike, three in a circle, and endorsement at an exact fork."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import softmax

from shardsim.bench.reflection_cases.case import Case, Row, row, threshold
from shardsim.bench.reflection_cases.conflicts import (
    AUCTION,
    BIDS,
    BORDA,
    DECIDERS,
    EGALITARIAN,
    KS,
    NASH,
    REPLICATOR,
    UNANIMITY,
    VOTING,
    WALK,
)
from shardsim.bench.reflection_cases.worlds import fork
from shardsim.reflection import values
from shardsim.reflection.models.agenda import majority
from shardsim.reflection.models.problem import problem, shares
from shardsim.reflection.models.replicator import fitness, flow, replicate


def _game(matrix: np.ndarray):
    """Endorsements that do not depend on the weights."""
    return lambda weights, judges: fitness(judges, matrix)


def _flow(matrix: np.ndarray, start, times) -> np.ndarray:
    options = {"judges": "refreshed", "normalised": True}
    return flow(np.asarray(start), _game(matrix), shares, np.asarray(times), **options)


def symmetric(a: float, b: float, begin: float, end: float) -> Iterator[Row]:
    """Case 3: dx/dt = (a − b) x (1 − x) (2x − 1): a is endorsement of oneself, b of the other."""
    matrix, apart = np.array([[a, b], [b, a]]), abs(a - b)

    def clock(x: float) -> float:
        return float(np.log((2 * x - 1) ** 2 / (x * (1 - x))))

    time = (clock(end) - clock(begin)) / apart
    ends, starts = (end, begin) if a > b else (begin, end)
    reached = _flow(matrix, [starts, 1 - starts], [time])[0, 0]
    pace = (a - b) * reached * (1 - reached) * (2 * reached - 1)
    yield row(REPLICATOR, "time between the two shares", time, time + (ends - reached) / pace)
    tiny, span = 1e-5, 1.0 / apart
    away = _flow(matrix, [0.5 + tiny, 0.5 - tiny], [span])[0, 0] - 0.5
    yield row(REPLICATOR, "rate of leaving the even split", (a - b) / 2, np.log(away / tiny) / span)
    rate = 0.1 / (1 + apart)
    path = replicate(
        np.array([begin, 1 - begin]), _game(matrix), shares, rate=rate, steps=20,
        judges="refreshed", normalised=True,
    ).weights  # fmt: skip
    share = begin
    for _ in range(20):
        odds = np.log(share / (1 - share)) + rate * (a - b) * (2 * share - 1)
        share = 1 / (1 + np.exp(-odds))
    yield row(REPLICATOR, "share after 20 steps", share, path[-1, 0])
    for name in (NASH, KS, EGALITARIAN):
        yield row(name, "p at once", 0.5, DECIDERS[name](problem(np.eye(2))).lotteries[:, 0])
    grow = problem(matrix, [begin, 1 - begin])
    liked = [float(a < b)]  # by shard 1, which has the greater share
    for name in (BIDS, AUCTION, VOTING, BORDA):
        yield row(name, "the shard that may grow", liked, DECIDERS[name](grow).options)
    yield row(WALK, "the shards that may grow: a tie", [0, 1], DECIDERS[WALK](grow).options)


def circle(win: float, loss: float, start: list, rate: float) -> Iterator[Row]:
    """Case 15: each shard is endorsed by one of the others and opposed by the third."""
    even = np.array([[0.0, win, -win], [-win, 0.0, win], [win, -win, 0.0]])
    times = np.linspace(0, 8 / win, 9)
    product = _flow(even, start, times).prod(1)
    yield row(REPLICATOR, "flow: w_1 w_2 w_3 at 9 times", np.full(9, np.prod(start)), product)
    period = 2 * np.pi * np.sqrt(3) / win
    turned = _near_centre(even, [0.0, period / 8, period])
    angle = abs(np.angle(turned[1] / turned[0]))
    yield row(REPLICATOR, "flow: period near the centre", period, np.pi / 4 * period / angle)
    back = turned[2] / turned[0]
    yield row(REPLICATOR, "flow: after one period", [1.0, 0.0], [back.real, back.imag])
    uneven = np.array([[0.0, win, -loss], [-loss, 0.0, win], [win, -loss, 0.0]])
    span = 1.0 / (win + loss)
    grown = np.abs(_near_centre(uneven, [0.0, span]))
    growth = np.log(grown[1] / grown[0]) / span
    yield row(REPLICATOR, "flow: rate of leaving the centre", (loss - win) / 6, growth)
    path = replicate(
        np.asarray(start), _game(even), shares, rate=rate, steps=30, judges="refreshed",
        normalised=True,
    ).weights  # fmt: skip
    pushed = np.exp(rate * path[:-1] @ even)
    fallen = path[:-1].prod(1) / (path[:-1] * pushed).sum(1) ** 3
    yield row(REPLICATOR, "steps: w_1 w_2 w_3 falls as its map says", fallen, path[1:].prod(1))
    yield row(REPLICATOR, "steps: times that it rises", 0, (np.diff(path.prod(1)) > 1e-15).sum())
    alike = problem(even, np.ones(3), np.full(3, -win))
    for name in (BIDS, AUCTION, WALK, BORDA):
        yield row(name, "options: each is a branch", [0, 1, 2], DECIDERS[name](alike).options)
    for name in (NASH, KS, EGALITARIAN):
        yield row(
            name, "lottery, d = the worst", np.full(3, 1 / 3), DECIDERS[name](alike).lotteries
        )
    yield row(UNANIMITY, "accepts nothing", [0], DECIDERS[UNANIMITY](alike).options)
    last = {
        order: majority(alike, orders=[order], start=order[0]).options
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    }
    yield row(VOTING, "winner of each of six agendas", [order[-1] for order in last],
              [one for found in last.values() for one in found])  # fmt: skip


def _near_centre(matrix: np.ndarray, times: list) -> np.ndarray:
    """Return complex128[T]: where a small step off the centre has gone, as a point of a plane.

    Half the difference of two opposite steps, in which what is quadratic in them cancels.
    """
    step = 1e-4 * np.array([2.0, -1.0, -1.0])
    there, back = (_flow(matrix, 1 / 3 + side * step, times) for side in (1, -1))
    return (there - back) / 2 @ np.exp(2j * np.pi * np.arange(3) / 3)


def endorsed(h: list, w: list, sigma: float) -> Iterator[Row]:
    """Case 16: E at the fork by the policy gradient in its exact world."""
    road, high, weights = fork((1, 2)), np.asarray(h), np.asarray(w)
    discount = 0.5
    first = discount ** np.array([1, 2])  # what arriving fades to; so that J is h as it stands

    def matrix(now: np.ndarray, arms: tuple[int, ...] = (0, 1)) -> np.ndarray:
        push, ways = now * high[list(arms)], np.eye(2)[list(arms)]
        policy = np.full((1, 4, 2), 0.5)
        policy[0, 0] = softmax(push @ ways)
        part = np.zeros((1, 4, 2, len(arms)))
        part[0, 0] = (push[:, None] * ways).T
        wants = ways * (high / first)[list(arms), None]
        return values.endorsement(road, policy, part, wants, discount)[0]

    chance = 1 / (1 + np.exp(weights[1] * high[1] - weights[0] * high[0]))
    open_ = chance * (1 - chance)
    expected = [
        [high[0] ** 2 * weights[0], -high[0] * high[1] * weights[1]],
        [-high[0] * high[1] * weights[0], high[1] ** 2 * weights[1]],
    ]
    yield row("endorsement", "E_11, E_12, E_21, E_22", np.array(expected) * open_, matrix(weights))

    def grows(judges: np.ndarray, now: np.ndarray) -> bool:
        return bool(fitness(judges, matrix(now))[0] > 0)

    frozen = threshold(lambda s: grows(np.array([s, 1 - s]), weights), 1e-9, 1 - 1e-9)
    yield row(REPLICATOR, "frozen: σ_1 above which shard 1 grows", high[1] / high.sum(), frozen)
    pair = lambda r: np.array([1.0, r])  # noqa: E731
    other = threshold(lambda r: grows(shares(pair(r) * high), pair(r)), 1e-4, 1e4)
    boundary = (high[0] / high[1]) ** 2
    yield row(REPLICATOR, "refreshed: w_2/w_1 below which it grows", boundary, other)
    parts = np.array([sigma, 1 - sigma, 1.0]) * weights[[0, 0, 1]]
    judging = np.array([0.4 * sigma, 0.4 * (1 - sigma), 0.6])
    cloned = fitness(judging, matrix(parts, (0, 0, 1)))
    pull = (0.4 * high[0] - 0.6 * high[1]) * open_ * weights[0] * high[0]
    yield row(REPLICATOR, "log growth of two clones: parts of the whole's",
              pull * np.array([sigma, 1 - sigma]), cloned[:2])  # fmt: skip
    pushes = np.array([sigma * high[0], (1 - sigma) * high[1]])
    picks = np.flatnonzero(np.isclose(pushes, pushes.max(), 1e-12, 0))
    posed = problem(np.diag(high), [sigma, 1 - sigma])
    yield row(BIDS, "the end of the same fork", picks, DECIDERS[BIDS](posed).options)
    if len(picks) == 2:  # nobody grows
        return
    far = flow(
        weights, lambda at, judges: fitness(judges, matrix(at)),
        lambda at: np.array([sigma, 1 - sigma]), np.array([2.0]),
    )  # fmt: skip
    rises = float(np.log(far[0] / weights).argmax())
    yield row(REPLICATOR, "the shard that grows: as bids say", picks, [rises])


def _draw_symmetric(rng: np.random.Generator) -> dict:
    a, b = rng.uniform(0.05, 1.5, 2)
    while abs(a - b) < 0.1:
        b = rng.uniform(0.05, 1.5)
    begin, end = rng.uniform(0.52, 0.7), rng.uniform(0.8, 0.99)
    return {"a": float(a), "b": float(b), "begin": float(begin), "end": float(end)}


def _draw_circle(rng: np.random.Generator) -> dict:
    win, loss = rng.uniform(0.3, 2, 2)
    start = shares(rng.uniform(0.2, 1, 3))
    return {"win": float(win), "loss": float(loss), "start": start.tolist(),
            "rate": float(rng.uniform(0.02, 0.3))}  # fmt: skip


def _draw_fork(rng: np.random.Generator) -> dict:
    high, sigma = rng.uniform(0.3, 3, 2), rng.uniform(0.05, 0.95)
    while abs(sigma * high[0] - (1 - sigma) * high[1]) < 0.02:
        sigma = rng.uniform(0.05, 0.95)
    return {"h": high.tolist(), "w": rng.uniform(0.2, 2, 2).tolist(), "sigma": float(sigma)}


CASES = (
    Case(
        3,
        "symmetric shards",
        (
            {"a": 1.0, "b": 0.3, "begin": 0.55, "end": 0.99},
            {"a": 0.3, "b": 1.0, "begin": 0.55, "end": 0.99},
        ),
        _draw_symmetric,
        symmetric,
    ),
    Case(
        15,
        "rock, paper, scissors",
        (
            {"win": 1.0, "loss": 0.5, "start": [0.3, 0.3, 0.4], "rate": 0.1},
            {"win": 1.0, "loss": 2.0, "start": [0.5, 0.3, 0.2], "rate": 0.1},
        ),
        _draw_circle,
        circle,
    ),
    Case(
        16,
        "fork: who endorses whom",
        ({"h": [2.0, 1.0], "w": [1.0, 1.0], "sigma": 0.3},),
        _draw_fork,
        endorsed,
    ),
)
