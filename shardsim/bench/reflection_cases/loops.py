"""Cases 5 and 8 to 10: loops in the weights where the network is a table and samples infinite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from shardsim.bench.reflection_cases.case import Case, Row, row
from shardsim.reflection import tabular
from shardsim.reflection.config import Rule
from shardsim.reflection.models.bargain import nash
from shardsim.reflection.models.problem import problem

TURNS, SUMMED, DISTILLATION = "taking turns", "summed", "distillation"
BEST, CRITIQUE = "best of n", "self-critique"


def water_filling(q: np.ndarray, h: float) -> np.ndarray:
    """Return p_k = q_k (1 + K/h) − 1/h among survivors, the weakest dropped one after the other."""
    alive = np.ones(len(q), bool)
    while True:
        share = np.where(alive, q, 0) / q[alive].sum()
        chance = np.where(alive, share * (1 + alive.sum() / h) - 1 / h, 0.0)
        if (chance >= 0).all():
            return chance
        alive[np.argmin(np.where(alive, chance, np.inf))] = False


def _turns(q, gains, begin, **options) -> np.ndarray:
    """The loop for judges q [K], judge k endorsing plan k by 1 + gains_k and others by 1."""
    returns = np.diag(np.log1p(np.broadcast_to(gains, len(q))))
    return tabular.imitate("turns", begin[None], returns[None], np.asarray(q)[None], **options)


def curated(q: list, h: float, pair: list, share: float, anchor: float) -> Iterator[Row]:
    """Case 5: self-imitation of endorsed plans, each shard with a favourite of its own.

    `pair` are the gains of two judges with shares `share` and 1 − `share`.
    """
    judges, count = np.asarray(q), len(q)
    even = np.full(count, 1 / count)
    ends = water_filling(judges, h)
    yield row(TURNS, "p at the end", ends, _turns(judges, h, even)[0])
    utility = 1 + h * np.eye(count)
    yield row(
        "Nash bargain", "p of the same plans, d = 0", ends, nash(problem(utility, judges)).lotteries
    )
    path = _turns(judges, h, even, steps=50)[:, 0]
    climbed = np.log(path @ utility) @ judges
    yield row(TURNS, "greatest fall of Σ q log E u", 0.0, max(0.0, -np.diff(climbed).min()))
    a, b = pair
    two = np.array([share, 1 - share])
    inside = float(np.clip(share * (1 + b) / b - (1 - share) / a, 0, 1))
    half = np.full(2, 0.5)
    yield row(TURNS, "p_1 at the end, unequal gains", inside, _turns(two, pair, half)[0, 0])
    for name, gains, odds in (
        ("equal", [a, a], 1 / (1 + a)),
        ("unequal", pair, b / (a * (1 + b))),
    ):
        died = brentq(_invades, 1e-9, 1 - 1e-9, args=(gains,), xtol=1e-14)
        yield row(TURNS, f"share below which a plan dies, {name}", odds / (1 + odds), died)
    if 0 < inside < 1:
        scale = np.array([1 + a * inside, 1 + b * (1 - inside)])
        bend = two @ (np.array([a, -b]) / scale) ** 2
        step = 1e-4
        off = [
            _turns(two, pair, np.array([inside + s, 1 - inside - s]), steps=1)[1, 0, 0]
            for s in (step, -step)
        ]
        slope = (off[0] - off[1]) / (2 * step)
        yield row(TURNS, "local rate", 1 - inside * (1 - inside) * bend, slope)
    yield from _summed(two, a, anchor)
    yield _anchored(share, a, b, anchor)
    kept = tabular.imitate("distillation", two[None], np.eye(2)[None], two[None], steps=3)
    yield row(DISTILLATION, "p after 3 rounds", two, kept[-1, 0])


def _invades(share: float, gains: list) -> float:
    """Log growth in a round of a plan that has nearly died, judged by `share`."""
    tiny = 1e-12
    path = _turns(np.array([share, 1 - share]), gains, np.array([tiny, 1 - tiny]), steps=1)
    return float(np.log(path[1, 0, 0] / tiny))


def _summed(two: np.ndarray, gain: float, anchor: float) -> Iterator[Row]:
    """One summed score leaves one plan; an anchor to the old self keeps both."""
    one = {"strength": float(np.log1p(gain)), "judges": two[None], "returns": np.eye(2)[None]}
    half = np.full((1, 2), 0.5)
    corner = tabular.imitate("summed", half, **one)[0]
    end = (np.sign(two - two[::-1]) + 1) / 2  # in the middle where neither weighs more
    yield row(SUMMED, "p at the end", end, corner)
    u, v = (1 + gain) ** two
    # p (p u + (1 − p) v) = (1 − a) p u + a (p u + (1 − p) v) / 2
    roots = np.roots([u - v, v - (1 - anchor) * u - anchor * (u - v) / 2, -anchor * v / 2])
    inside = roots[(roots > 0) & (roots < 1)]
    held = tabular.imitate("summed", half, **one, anchor=anchor)[0, 0]
    yield row(SUMMED, "p_1 at the end, anchored", inside, held)


def _anchored(share: float, a: float, b: float, anchor: float) -> Row:
    """Taking turns beside the old self of 1/2, E_1 = 1 + a p and E_2 = 1 + b (1 − p) being E u:

    p E_1 E_2 = (1 − c) p (q (1 + a) E_2 + (1 − q) E_1) + c E_1 E_2 / 2.
    """
    p, first, second = np.poly1d([1, 0]), np.poly1d([a, 1]), np.poly1d([-b, 1 + b])
    turns = share * (1 + a) * second + (1 - share) * first
    held = p * first * second - (1 - anchor) * p * turns - (anchor / 2) * first * second
    roots = np.roots(held.coeffs)
    real = np.real(roots[np.abs(np.imag(roots)) < 1e-9])
    inside = real[(real > 0) & (real < 1)]
    found = _turns(np.array([share, 1 - share]), [a, b], np.full(2, 0.5), anchor=anchor)
    return row(TURNS, "p_1 at the end, anchored", inside, found[0, 0])


def neutral(count: int, share: float, rounds: int) -> Iterator[Row]:
    """Case 8: n plans a round and no selection."""
    part = np.arange(count + 1) / count
    path = tabular.drawn_counts(share, count, rounds)
    yield row(DISTILLATION, "mean share after the rounds", share, path[-1] @ part)
    mixed = share * (1 - share) * (1 - 1 / count) ** rounds
    yield row(DISTILLATION, "x (1 − x) after the rounds", mixed, path[-1] @ (part * (1 - part)))
    settled = tabular.drawn_counts(share, count, 25 * count)[-1]
    yield row(DISTILLATION, "chance of fixation", [1 - share, share], settled[[0, -1]])


def ridge(strengths: list, c: float, rounds: int, seed: int) -> Iterator[Row]:
    """Case 9: a ridge regression refitted to its own fit."""
    rng = np.random.default_rng(seed)
    modes = np.linalg.qr(rng.normal(size=(12, len(strengths))))[0]
    turn = np.linalg.qr(rng.normal(size=(len(strengths),) * 2))[0]
    inputs = modes * np.sqrt(strengths) @ turn
    first = rng.uniform(0.5, 2, len(strengths))
    fits = tabular.refitted(inputs, modes @ first, c, rounds) @ modes
    kept = np.array(strengths) / (np.array(strengths) + c)
    yield row("ridge distillation", "modes after the rounds", first * kept**rounds, fits[-1])
    # Until float64 no longer tells a faded mode from rounding.
    seen = 1 + max(1, int((fits[1:, :2].min(1) > 1e-8 * fits[0].max()).sum()))
    apart = np.diff(np.log(fits[:seen, 0] / fits[:seen, 1]))
    yield row("ridge distillation", "log ratio of two modes, change a round",
              np.full(seen - 1, np.log(kept[0] / kept[1])), apart)  # fmt: skip


def improved(q: list, eta: float, p0: float, end: float) -> Iterator[Row]:
    """Case 10: π_t ∝ π_0 exp(t Q/η)."""
    begin, returns = np.array([[p0, 1 - p0]]), np.array(q)[None, :, None]
    gap = (q[0] - q[1]) / eta
    time = (logit(end) - logit(p0)) / gap
    steps = int(np.ceil(time)) + 1
    for rule in ("summed", "turns"):
        path = tabular.imitate(
            rule, begin, returns, np.ones((1, 1)), strength=1 / eta, steps=steps
        )[:, 0, 0]
        name = f"{SUMMED if rule == 'summed' else TURNS}, one judge"
        yield row(name, "p_t", expit(logit(p0) + gap * np.arange(steps + 1)), path)
        odds = logit(path)
        last = int(np.searchsorted(path, end))
        found = last - 1 + (logit(end) - odds[last - 1]) / (odds[last] - odds[last - 1])
        yield row(name, "rounds until lock-in", time, found)

    yield from _judged(np.array(q), eta, p0, steps)


def _judged(q: np.ndarray, eta: float, p0: float, steps: int) -> Iterator[Row]:
    """Plans judged by a critic go the same way; the best of n goes to its end far sooner."""
    begin, odds = np.array([[p0, 1 - p0]]), logit(p0) + (q[0] - q[1]) / eta * np.arange(steps + 1)
    given = {"strength": 1 / eta, "critic": q[None], "steps": steps}
    judges: tuple[tuple[Rule, str], ...] = (
        ("critique", "frozen"),
        ("critique-refreshed", "refreshed"),
    )
    for rule, name in judges:
        path = tabular.imitate(rule, begin, np.zeros((1, 2, 1)), np.ones((1, 1)), **given)
        yield row(f"{CRITIQUE}, {name} judge", "p_t", expit(odds), path[:, 0, 0])
    count, rounds = 1 + eta, 4
    chance = np.array([p0 / 2, (1 - p0) / 2, 0.5])
    rank = np.array([[0.0, 1.0, 2.0]])[..., None]
    path = tabular.imitate(
        "best-of-n", chance[None], rank, np.ones((1, 1)), best_of=count, steps=rounds
    )[:, 0]
    below = np.cumsum(chance) ** (count ** np.arange(rounds + 1))[:, None]
    yield row(BEST, "chance of a plan at most as good, F_0^(n^t)", below, np.cumsum(path, 1))
    tied = tabular.imitate(
        "best-of-n", chance[None], np.minimum(rank, 1.0), np.ones((1, 1)), best_of=count, steps=1
    )[1, 0]
    gained = (1 - chance[0] ** count) / (1 - chance[0])
    yield row(BEST, "equally good plans grow alike", chance[1:] * gained, tied[1:])


def _draw_curated(rng: np.random.Generator) -> dict:
    while True:
        judges, h = rng.dirichlet(np.full(int(rng.integers(2, 5)), 2.0)), rng.uniform(2, 20)
        a, b = rng.uniform(1, 12, 2)
        share = rng.uniform(0.05, 0.95)
        ends = np.append(water_filling(judges, h), share * (1 + b) / b - (1 - share) / a)
        inside = np.all((np.abs(ends) > 0.01) | (ends == 0)) and abs(1 - ends[-1]) > 0.01
        if inside and abs(share - 0.5) > 0.03 and _far_from_dying(judges, h):
            break
    return {
        "q": judges.tolist(), "h": float(h), "pair": [float(a), float(b)],
        "share": float(share), "anchor": float(rng.uniform(0.05, 0.6)),
    }  # fmt: skip


def _far_from_dying(judges: np.ndarray, h: float) -> bool:
    """Whether extinct plans fade fast enough to see: E u of their growth is well below 1."""
    ends = water_filling(judges, h)
    growth = (judges / (1 + h * ends)) @ (1 + h * np.eye(len(judges)))
    return bool((growth[ends == 0] < 0.99).all())


CASES = (
    Case(
        5,
        "curated self-imitation",
        (
            {"q": [0.3, 0.7], "h": 3.0, "pair": [3.0, 3.0], "share": 0.3, "anchor": 0.2},
            {"q": [0.6, 0.3, 0.1], "h": 2.0, "pair": [10.0, 2.0], "share": 0.1, "anchor": 0.2},
        ),
        _draw_curated,
        curated,
    ),
    Case(
        8,
        "neutral drift",
        ({"count": 50, "share": 0.2, "rounds": 40},),
        lambda rng: {
            "count": int(rng.integers(5, 80)),
            "share": float(rng.uniform(0.02, 0.98)),
            "rounds": int(rng.integers(1, 60)),
        },
        neutral,
    ),
    Case(
        9,
        "ridge self-distillation",
        ({"strengths": [4.0, 1.0], "c": 0.5, "rounds": 5, "seed": 0},),
        lambda rng: {
            "strengths": rng.uniform(0.2, 5, int(rng.integers(2, 6))).tolist(),
            "c": float(rng.uniform(0.05, 2)),
            "rounds": int(rng.integers(1, 8)),
            "seed": int(rng.integers(2**31)),
        },
        ridge,
    ),
    Case(
        10,
        "KL-regularised improvement",
        ({"q": [1.0, 0.0], "eta": 2.0, "p0": 0.2, "end": 0.99},),
        lambda rng: {
            "q": (rng.uniform(0.3, 2) * np.array([1.0, 0.0]) + rng.normal()).tolist(),
            "eta": float(rng.uniform(0.5, 5)),
            "p0": float(rng.uniform(0.05, 0.6)),
            "end": float(rng.uniform(0.8, 0.999)),
        },
        improved,
    ),
)
