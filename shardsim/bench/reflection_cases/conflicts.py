"""Cases 1, 2, 4 and 17: shards that never meet, one that harms, a resource, a compromise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shardsim.bench.reflection_cases.case import Case, Row, row, threshold
from shardsim.bench.reflection_cases.worlds import fork
from shardsim.reflection import values
from shardsim.reflection.models.agenda import borda, majority, unanimity
from shardsim.reflection.models.bargain import (
    egalitarian,
    kalai_smorodinsky,
    merged_weights,
    nash,
)
from shardsim.reflection.models.choice import additive_bids, auction, least_worst_unhappiness
from shardsim.reflection.models.choice import tolerated as bounded
from shardsim.reflection.models.iterate import merge, reflect
from shardsim.reflection.models.problem import Accept, Problem, problem
from shardsim.reflection.models.replicator import fitness, replicate

BIDS, AUCTION, WALK = "additive bids", "auction", "least worst-unhappiness walk"
NASH, KS, EGALITARIAN = "Nash bargain", "Kalai–Smorodinsky", "egalitarian"
UNANIMITY, VOTING, BORDA = "unanimity", "voting", "Borda count"
REPLICATOR, BOUNDED = "endorsement replicator", "bounded modifier"
DECIDERS: dict[str, Accept] = {
    BIDS: additive_bids,
    WALK: least_worst_unhappiness,
    AUCTION: auction,
    NASH: nash,
    KS: kalai_smorodinsky,
    EGALITARIAN: egalitarian,
    UNANIMITY: unanimity,
    VOTING: majority,
    BORDA: borda,
    BOUNDED: bounded,
}
QUO = " (d = status quo)"


def disjoint(w: list, h: list, gamma: float, length: list, rate: float) -> Iterator[Row]:
    """Case 1: each shard has a place of its own; there is nothing to settle."""
    weights, heights = np.array(w), np.array(h)
    reach = gamma ** np.array(length) * heights  # what arriving is worth from the fork
    roads = [fork((steps, steps + 1)) for steps in length]

    def policies(now: np.ndarray, greedy: bool) -> list[np.ndarray]:
        found = []
        for k, road in enumerate(roads):
            chance = np.full(road.next_state.shape[:3], 0.5)
            push = now[k] * reach[k]
            ahead = (0.5 if push == 0 else 1.0) if greedy else 1 / (1 + np.exp(-push))
            chance[0, 0] = ahead, 1 - ahead
            found.append(chance)
        return found

    wants = [np.outer(np.eye(2)[k] * heights[k], [1.0, 0.0]) for k in range(2)]

    def fitness_of(now: np.ndarray, judges: np.ndarray) -> np.ndarray:
        matrix = np.zeros((2, 2))
        for k, (road, policy) in enumerate(zip(roads, policies(now, False), strict=True)):
            part = np.zeros((*policy.shape, 2))
            part[0, 0, 0, k] = now[k] * reach[k]
            matrix += values.endorsement(road, policy, part, wants[k], gamma)[0]
        return fitness(judges, matrix)

    only_first = lambda now: np.array([1.0, 0.0])  # noqa: E731
    steps = 5
    free = replicate(weights, fitness_of, only_first, rate=rate, steps=steps).weights
    tied = replicate(weights, fitness_of, only_first, rate=rate, steps=1, normalised=True).weights

    def grown(weight: float) -> float:
        chance = 1 / (1 + np.exp(-weight * reach[0]))
        return rate * reach[0] ** 2 * weight * chance * (1 - chance)

    weight = weights[0]
    for _ in range(steps):
        weight *= np.exp(grown(weight))
    yield row(REPLICATOR, "absolute weights after 5 steps", (weight, weights[1]), free[-1])
    odds = np.log(tied[:, 0] / tied[:, 1])
    yield row(REPLICATOR, "normalised: growth of the logit", grown(weights[0]), np.diff(odds))
    acts = policies(tied[-1], True)[1][0, 0, 0]
    yield row(REPLICATOR, "normalised: shard 2 still acts in its place", 1.0, acts)

    menu = [weights * by for by in ([1, 1], [2, 1], [1, 2], [1, 0.5], [0, 1], [1, 0])]

    def value(now: np.ndarray) -> np.ndarray:
        made = zip(roads, policies(now, True), wants, strict=True)
        return sum((values.shard_values(*one, gamma)[0] for one in made), np.zeros(2))

    gains = np.stack([value(now) - value(weights) for now in menu], 1)
    posed = problem(gains, [0.4, 0.6])
    # Who leads is indifferent to what does not touch it: one branch silences the other shard.
    bid = posed.judges * reach
    harm = {WALK: min(reach) / 2, AUCTION: reach[1 - int(np.argmax(bid))] / 2}
    for name, accept in DECIDERS.items():
        changed = np.abs(accept(posed).payoffs(posed)).max()
        what = "harm done by a leader that is indifferent" if name in harm else "changes of value"
        yield row(name, what, harm.get(name, 0.0), changed)


def dominated(loss: float, gain: float) -> Iterator[Row]:
    """Case 2: shard 2 costs shard 1 `loss` and earns itself `gain`; option 1 deletes it."""

    def posed(share: float, disagreement: list | None = None) -> Problem:
        gains = [[0.0, loss], [0.0, -gain]]
        return problem(gains, [1 - share, share], disagreement)

    critical = loss / (loss + gain)
    decides = {BIDS: critical, AUCTION: critical, VOTING: 0.5, BORDA: 0.5}
    for name, expected in decides.items():
        accept = DECIDERS[name]
        kept = threshold(lambda s, accept=accept: accept(posed(s)).options == (0,), 1e-9, 1 - 1e-9)
        yield row(name, "share of shard 2 that keeps it", expected, kept)
    matrix = np.array([[0.0, -loss], [0.0, gain]])

    def grows(share: float) -> bool:
        sigma = np.array([1 - share, share])
        path = replicate(
            np.ones(2), lambda w, s: fitness(s, matrix), lambda w: sigma, rate=0.1, steps=1
        )
        return bool(path.weights[-1, 1] > 1)

    yield row(REPLICATOR, "share of shard 2 that keeps it", critical, threshold(grows, 0, 1))
    yield row(
        WALK,
        "who loses more decides",
        [float(loss > gain)],
        least_worst_unhappiness(posed(0.5)).options,
    )
    yield row(UNANIMITY, "shard 2 vetoes", [0.0], unanimity(posed(0.01)).options)
    for name in (NASH, KS, EGALITARIAN):
        agreed = len(DECIDERS[name](posed(0.3)).lotteries)
        yield row(name + QUO, "lotteries agreed on", 0, agreed)
    worst = [0.0, -gain]
    for name, expected in ((NASH, 0.7), (KS, 0.5), (EGALITARIAN, gain / (loss + gain))):
        found = DECIDERS[name](posed(0.3, worst)).lotteries
        yield row(name, "chance of deletion, d = the worst for each", expected, found[:, 1])


def indivisible(h: list, alpha: list, p0: float) -> Iterator[Row]:
    """Case 4: J_1 = h_1 p and J_2 = h_2 (1 − p)."""
    high, share = np.array(h), np.array(alpha)
    posed = problem(np.diag(high), share)
    larger = _first(share[0] * high[0], share[1] * high[1])
    voted = float(share[0] > 0.5)
    for name, expected in (
        (BIDS, larger),
        (AUCTION, larger),
        (WALK, _first(high[0], high[1])),
        (NASH, share[0]),
        (KS, 0.5),
        (EGALITARIAN, high[1] / high.sum()),
    ):
        yield row(name, "p", expected, DECIDERS[name](posed).lotteries[:, 0])
    chances = np.array([p0, 0.0, 0.2, 0.5, 0.9, 1.0])
    options = np.stack([high[0] * chances, high[1] * (1 - chances)])
    from_quo = problem(options - options[:, :1], share)
    yield row(UNANIMITY, "p", p0, unanimity(from_quo).lotteries @ chances)
    yield row(NASH + QUO, "lotteries agreed on", 0, len(nash(from_quo).lotteries))
    yield row(VOTING, "p", voted, majority(from_quo).lotteries @ chances)
    merged = merged_weights(posed, nash(posed).lotteries[0])
    yield row("merged utility", "λ_1 / λ_2", high[1] / high[0], merged[0] / merged[1])
    yield row("merged utility", "its gain by either end", 0.0, np.ptp(merged @ np.diag(high)))
    twice = reflect(
        merged,
        lambda w, judges: problem(np.diag(high), w),
        additive_bids,
        lambda w, posed, lottery: lottery,
    )[-1]
    yield row("merged utility", "reflecting twice: branches", 2, len(twice))
    once = reflect(share, lambda w, judges: problem(np.diag(high), w), nash, merge)[-1]
    yield row("merged utility", "λ_1 written by one reflection", high[1] / high.sum(), once[:, 0])
    even = problem(np.diag(high), high[::-1])
    yield row(BIDS, "branches at α_1 h_1 = α_2 h_2", 2, len(additive_bids(even).lotteries))


def _first(mine: float, other: float) -> list[float]:
    """Return p = 1 where mine is greater, 0 where it is less, both where they tie."""
    return [1.0, 0.0] if np.isclose(mine, other, 1e-12, 0) else [float(mine > other)]


def divisible(high: np.ndarray, share: np.ndarray) -> Iterator[Row]:
    """J_k = h_k √(own part): a compromise pays."""
    bids = (share * high) ** 2
    for name, expected in ((BIDS, bids[0] / bids.sum()), (NASH, share[0])):
        yield row(name, "part of 1, divisible, √", expected, _refined(DECIDERS[name], high, share))


def _refined(accept: Accept, high: np.ndarray, share: np.ndarray) -> float:
    """Reflect over menus of parts, each finer and around the last choice."""
    low, top, part = 0.0, 1.0, 0.5
    while top - low > 1e-6:
        parts = np.linspace(low, top, 21)
        posed = problem(np.stack([high[0] * np.sqrt(parts), high[1] * np.sqrt(1 - parts)]), share)
        part = float((accept(posed).lotteries @ parts).mean())
        step = 1.5 * (parts[1] - parts[0])
        low, top = max(0.0, part - step), min(1.0, part + step)
    return part


def resource(h: list, alpha: list, p0: float) -> Iterator[Row]:
    """Case 4, both kinds."""
    yield from indivisible(h, alpha, p0)
    yield from divisible(np.array(h), np.array(alpha))


def compromise(x: float, alpha: float) -> Iterator[Row]:
    """Case 17: plans (1, 0), (0, 1) and (x, x), `alpha` ≥ 1/2 the share of shard 1."""
    posed = problem([[1.0, 0.0, x], [0.0, 1.0, x]], [alpha, 1 - alpha])

    def takes_it(worth: float) -> bool:
        plans = [[1.0, 0.0, worth], [0.0, 1.0, worth]]
        return additive_bids(problem(plans, [alpha, 1 - alpha])).options == (2,)

    yield row(BIDS, "least x that is taken", alpha, threshold(takes_it, 1e-3, 1 - 1e-6))
    yield row(WALK, "options, from either leader", [0, 1], least_worst_unhappiness(posed).options)
    if alpha > 0.5:
        for name in (AUCTION, BORDA):
            yield row(name, "shard 1's plan, whatever x", [0], DECIDERS[name](posed).options)
    if x <= 0.5:
        mix = [alpha, 1 - alpha, 0.0]
    elif alpha <= x:
        mix = [0.0, 0.0, 1.0]
    else:
        first = alpha - (1 - alpha) * x / (1 - x)
        mix = [first, 0.0, 1 - first]
    yield row(NASH, "chances of the three plans", mix, nash(posed).lotteries)
    for name in (KS, EGALITARIAN):
        equal = DECIDERS[name](posed).payoffs(posed)
        yield row(name, "what each gets", [max(0.5, x)] * 2, equal)
    with_quo = problem(np.column_stack([np.zeros(2), posed.gains]), posed.judges)
    first = unanimity(with_quo).options
    yield row(UNANIMITY, "ends over all orders, from nothing", [1, 2, 3], first)
    yield row(VOTING, "the majority's plan", [1], majority(with_quo).options)


def _draw_compromise(rng: np.random.Generator) -> dict:
    alpha, x = rng.uniform(0.52, 0.9), rng.uniform(0.05, 0.95)
    while min(abs(x - 0.5), abs(x - alpha)) < 0.01:
        x = rng.uniform(0.05, 0.95)
    return {"x": float(x), "alpha": float(alpha)}


def _draw_resource(rng: np.random.Generator) -> dict:
    while True:
        high, share = rng.uniform(0.3, 4, 2), rng.uniform(0.05, 0.95)
        pushes = share * high[0], (1 - share) * high[1]
        if abs(pushes[0] - pushes[1]) > 0.02 < min(abs(share - 0.5), abs(high[0] - high[1])):
            p0 = float(rng.uniform(0.05, 0.85))
            return {"h": high.tolist(), "alpha": [share, 1 - share], "p0": p0}


CASES = (
    Case(
        1,
        "disjoint contexts",
        ({"w": [0.8, 1.3], "h": [2.0, 1.0], "gamma": 0.5, "length": [1, 2], "rate": 0.3},),
        lambda rng: {
            "w": rng.uniform(0.2, 2, 2).tolist(),
            "h": rng.uniform(0.3, 3, 2).tolist(),
            "gamma": float(rng.uniform(0.5, 0.98)),
            "length": rng.integers(1, 6, 2).tolist(),
            "rate": float(rng.uniform(0.05, 1)),
        },
        disjoint,
    ),
    Case(
        2,
        "dominated shard",
        ({"loss": 3.0, "gain": 1.0},),
        lambda rng: dict(zip(("loss", "gain"), rng.uniform(0.1, 5, 2).tolist(), strict=True)),
        dominated,
    ),
    Case(
        4,
        "shared resource",
        ({"h": [2.0, 1.0], "alpha": [0.3, 0.7], "p0": 0.4},),
        _draw_resource,
        resource,
    ),
    Case(
        17,
        "compromise",
        ({"x": 0.55, "alpha": 0.7}, {"x": 0.4, "alpha": 0.7}),
        _draw_compromise,
        compromise,
    ),
)
