"""Case 24: a menu of self-modifications at a fork of two roads, judged by three evaluators."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit, softmax

from shardsim.bench.reflection_cases.case import Case, Row, row
from shardsim.bench.reflection_cases.worlds import fork
from shardsim.reflection.choices import choices
from shardsim.reflection.menu import Self, gains, menu_of
from shardsim.reflection.models.evaluators import EVALUATORS

REALISTIC, HEDONISTIC, IGNORANT = EVALUATORS
TIE = 1e-9


def menu(roads: list, weights: list, judges: list, growth: float, gamma: float) -> Iterator[Row]:
    """Shard k wants what lies at the end of road k, and adds w_k γ^d_k to the logit of it."""
    high, alpha = gamma ** np.array(roads, float), np.array(judges)
    pulls = np.zeros((1, 1 + sum(roads), 2, 2))
    pulls[0, 0] = np.diag(np.array(weights) * high)
    agent = Self(fork(tuple(roads)), softmax(pulls.sum(-1), axis=-1), pulls, np.eye(2),
                 ("1", "2"), alpha)  # fmt: skip
    found = gains(menu_of(agent, {}, growth=growth, discount=gamma), agent)
    expected = _by_hand(np.array(weights), high, alpha, growth, gamma)
    for name in EVALUATORS:
        yield row(name, "gains of every option, shard by shard", expected[name], found[name])
        bid = alpha @ expected[name]
        best = np.flatnonzero(bid >= bid.max() - TIE)
        chosen = choices(found[name], alpha)["additive bids"].options
        yield row(name, "numbers of the options that bids choose", best, chosen)


def _by_hand(
    weights: np.ndarray, high: np.ndarray, alpha: np.ndarray, growth: float, gamma: float
) -> dict[str, np.ndarray]:
    """Return gains float64[2, M]: keep, 2 of strengthen, copy, silence, tamper, all, successor."""
    factors = np.array([[1, 1], [growth, 1], [1, growth], [2, 1], [1, 2], [0, 1], [1, 0], [0, 1],
                        [1, 0], [0, 0]])  # fmt: skip
    first = expit(factors @ (weights * high * [1, -1]))
    road = alpha * high
    first = np.append(first, 0.5 if abs(road[0] - road[1]) < TIE else float(road[0] > road[1]))
    later = high * np.stack([first, 1 - first], 1)
    moves = gamma * (1 - high) / (1 - gamma)  # of each road, each worth 1, discounted
    felt = later * np.vstack([factors, [0, 0]])
    lived = first * moves[0] + (1 - first) * moves[1]
    felt[7:9] += np.eye(2) * lived[7:9, None]
    felt[9] += lived[9]
    felt[10] = alpha @ later[10]
    now = later[0]
    return {REALISTIC: (later - now).T, HEDONISTIC: (felt - now).T, IGNORANT: np.zeros((2, 11))}


def _draw(rng: np.random.Generator) -> dict:
    while True:
        roads, gamma = rng.integers(1, 9, 2).tolist(), float(rng.uniform(0.7, 0.99))
        judges = rng.dirichlet(np.ones(2)).tolist()
        road = np.array(judges) * gamma ** np.array(roads)
        if abs(road[0] - road[1]) > 1e-3:
            return {"roads": roads, "weights": rng.uniform(0.2, 3, 2).tolist(), "judges": judges,
                    "growth": float(rng.uniform(1.1, 3)), "gamma": gamma}  # fmt: skip


CASES = (
    Case(
        24,
        "menu at a fork",
        (
            {"roads": [2, 5], "weights": [1.3, 4.0], "judges": [0.3, 0.7], "growth": 3.0,
             "gamma": 0.9},
            {"roads": [3, 3], "weights": [1.0, 1.0], "judges": [0.5, 0.5], "growth": 2.0,
             "gamma": 0.95},
        ),
        _draw,
        menu,
    ),
)  # fmt: skip
