"""Cases 6, 14, 20 and 21 to 23: agents that judge what they would become, or look ahead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, expit, logit

from shardsim.bench.reflection_cases.case import Case, Row, row, threshold
from shardsim.bench.reflection_cases.conflicts import BIDS
from shardsim.reflection.models.choice import additive_bids
from shardsim.reflection.models.economy import economy
from shardsim.reflection.models.evaluators import EVALUATORS, Chain, Changed
from shardsim.reflection.models.foresight import foreseen, with_tool
from shardsim.reflection.models.modifier import own_time_loss, worst_tolerated
from shardsim.reflection.models.picoeconomics import bundled, exponential, hyperbolic
from shardsim.reflection.models.problem import problem, shares

REALISTIC, HEDONISTIC, IGNORANT = EVALUATORS


def tamper(states: int, gamma: float, seed: int) -> Iterator[Row]:
    """Case 6: set one's own evaluator to its greatest reward, then act at random."""
    rng = np.random.default_rng(seed)
    moves = rng.dirichlet(np.full(states, 0.5), (states, 3))
    reward = rng.uniform(0, 1, (states, 3))
    policy = rng.dirichlet(np.ones(3), states)
    uniform, most = np.full((states, 3), 1 / 3), float(reward.max())
    now, then = Changed(policy, reward), Changed(uniform, np.full((states, 3), most))
    old, other = (_summed(moves, reward, one, gamma) for one in (policy, uniform))
    gains = {REALISTIC: other - old, HEDONISTIC: most / (1 - gamma) - old, IGNORANT: 0 * old}
    for name, expected in gains.items():
        found = EVALUATORS[name](Chain(moves, reward), now, then, gamma)
        yield row(name, "gain of tampering in each state", expected, found)
        posed = problem([[0.0, found[0]]])
        options = [0, 1] if name == IGNORANT else [int(expected[0] > 0)]
        yield row(name, "keeps (0), tampers (1), or both: a tie", options,
                  additive_bids(posed).options)  # fmt: skip


def _summed(moves: np.ndarray, reward: np.ndarray, policy: np.ndarray, gamma: float) -> np.ndarray:
    """Return V as the sum of what is paid at each step, by doubling the number of steps."""
    onward = gamma * np.einsum("sa,sat->st", policy, moves)
    total = (policy * reward).sum(1)
    while np.abs(onward).max() > 1e-18:
        total = total + onward @ total
        onward = onward @ onward
    return total


def reversal(soon: float, later: float, wait: float, k: float, interval: float) -> Iterator[Row]:
    """Case 14: `soon` at time t, or `later` after t + `wait`."""

    def prefers(t: float, value=hyperbolic) -> float:
        posed = bundled([soon, later], [t, t + wait], k, value=value)
        return float(posed.gains[0, 1] - posed.gains[0, 0])

    turn = (soon * (1 + k * wait) - later) / (k * (later - soon))
    far = 10 * turn + 1
    yield row("picoeconomics", "time at which the preference turns", turn,
              brentq(prefers, 0, far, xtol=1e-13))  # fmt: skip
    counts = np.arange(1, 9)

    def bundles(count: int, value=hyperbolic) -> float:
        row_of = {"count": count, "interval": interval, "value": value}
        gains = bundled([soon, later], [0.0, wait], k, **row_of).gains[0]
        return float(gains[1] - gains[0])

    def total(amount: float, delay: float) -> np.ndarray:
        first = (1 + k * delay) / (k * interval)
        return amount / (k * interval) * (digamma(first + counts) - digamma(first))

    expected = total(later, wait) - total(soon, 0.0)
    found = [bundles(int(n)) for n in counts]
    yield row("picoeconomics", "later less soon, for rows of 1 to 8", expected, found)
    fade = np.exp(-k * interval * np.arange(8)).cumsum()
    plain = (later * np.exp(-k * wait) - soon) * fade
    yield row("picoeconomics", "the same, discounted exponentially", plain,
              [bundles(int(n), exponential) for n in counts])  # fmt: skip

    # A gate that opens as the soon reward comes near, g = 1 / (1 + kt), turns the bids likewise.
    weight = later / soon * 1.5
    twin = threshold(
        lambda t: additive_bids(
            problem([[weight * soon / (1 + k * t), 0.0], [0.0, later]])
        ).options == (1,), 0, 1e3 / k,
    )  # fmt: skip
    yield row(BIDS, "gate twin: g w_soon at its turn, over later", 1.0,
              weight * soon / (1 + k * twin) / later)  # fmt: skip


def bounded(epsilon: float, gamma: float) -> Iterator[Row]:
    """Case 20: small losses tolerated now are large in the units of later."""
    most = 1 / (1 - gamma)
    half = int(np.ceil(np.log(most / (2 * epsilon)) / np.log(1 / gamma)))
    whole = int(np.log(most / epsilon) / np.log(1 / gamma))  # the last step at which ε γ^−t < most
    steps = whole + 20
    loss = own_time_loss(worst_tolerated(epsilon, gamma, steps), gamma)
    bound = np.minimum(epsilon * gamma ** -np.arange(steps + 1.0), most)
    yield row("bounded modifier", "loss accepted at first", epsilon, loss[0])
    beyond = float((loss - bound * (1 + 1e-12)).max())
    yield row("bounded modifier", "loss beyond ε γ^−t", 0.0, max(0.0, beyond))
    yield row("bounded modifier", "greedy proposer: loss after each step", bound[: whole + 1],
              loss[: whole + 1])  # fmt: skip
    yield row("bounded modifier", "steps until half of all is lost", half,
              int(np.argmax(loss >= most / 2 * (1 - 1e-12))))  # fmt: skip


def bidders(states: int, actions: int, gamma: float, seed: int) -> Iterator[Row]:
    """Case 21: an economy of bidders, one an action, each with a clone."""
    rng = np.random.default_rng(seed)
    chain = Chain(rng.dirichlet(np.full(states, 0.5), (states, actions)),
                  rng.normal(size=(states, actions)))  # fmt: skip
    found = economy(chain, gamma)
    best = _best_of_all(chain, gamma)
    yield row("economy of bidders", "prices are the optimal values", best, found.prices)
    alone = economy(chain, gamma, clones=False)
    if actions == 2:  # whoever acts pays what the other way is worth
        worst = -_best_of_all(chain._replace(reward=-chain.reward), gamma)
        yield row("economy of bidders", "two without clones: prices are the least values", worst,
                  alone.prices)  # fmt: skip


def _best_of_all(chain: Chain, gamma: float) -> np.ndarray:
    """Return the best V float64[S] of every policy that never chooses by chance."""
    states, actions = chain.reward.shape
    rows, values = np.arange(states), []
    for choice in product(range(actions), repeat=states):
        onward = np.eye(states) - gamma * chain.moves[rows, choice]
        values.append(np.linalg.solve(onward, chain.reward[rows, choice]))
    return np.max(values, axis=0)


def drift_aware(h: list, share: float, growth: float, gamma: float, steps: int) -> Iterator[Row]:
    """Case 22: learning moves weights by `growth` a step toward shard 1; one may freeze it."""
    high = np.array(h)
    weights = np.array([share, 1 - share])

    def values_of(now: np.ndarray) -> np.ndarray:
        return high * shares(now)

    def pose(growth: float, able=None):
        grow = np.exp([growth, 0.0])
        return foreseen(
            np.stack([weights, weights]), values_of, [lambda w: w * grow, lambda w: w],
            np.array([0.5, 0.5]), discount=gamma, steps=steps, foresight=able,
        )  # fmt: skip

    path = expit(logit(share) + growth * np.arange(steps + 1))
    fade = (1 - gamma) * gamma ** np.arange(steps + 1)
    fade[-1] = gamma**steps
    mean = float(fade @ path)
    gains = np.array([[high[0] * mean, high[0] * share],
                      [high[1] * (1 - mean), high[1] * (1 - share)]])  # fmt: skip
    yield row("drift-aware bids", "B_k of learning on, and of freezing", gains,
              pose(growth).gains)  # fmt: skip
    freezes = float((mean - share) * (high[0] - high[1]) < 0)
    yield row("drift-aware bids", "learns on (0) or freezes (1)", [freezes],
              additive_bids(pose(growth)).options)  # fmt: skip
    second = pose(growth, np.array([False, True])).gains
    yield row("drift-aware bids", "only shard 2 looks ahead", [[high[0] * share] * 2, gains[1]],
              second)  # fmt: skip
    still = additive_bids(pose(0.0)).options
    yield row("drift-aware bids", "without drift freezing is a tie", [0, 1], still)


def tools(gains: list, alpha: list, weight: float) -> Iterator[Row]:
    """Case 23: a shard that wants its tool used has a successor built that no other wants."""
    posed = problem(np.column_stack([np.zeros(len(gains)), gains]), alpha)
    loss = -float(np.dot(alpha, gains))
    built = threshold(
        lambda u: additive_bids(with_tool(posed, np.array([0, 1]), u, weight)).options == (1,),
        1e-6, 1e3,
    )  # fmt: skip
    yield row("meta-tool drift", "use at which the successor is built",
              (1 - weight) / weight * loss, built)  # fmt: skip


def _draw_reversal(rng: np.random.Generator) -> dict:
    while True:
        soon, wait, k = rng.uniform(0.5, 2), rng.uniform(1, 8), rng.uniform(0.2, 2)
        later = soon * rng.uniform(1.05, 1 + 0.9 * k * wait)
        if later < 0.95 * soon * (1 + k * wait):
            return {"soon": float(soon), "later": float(later), "wait": float(wait),
                    "k": float(k), "interval": float(rng.uniform(0.5, 5))}  # fmt: skip


def _draw_bounded(rng: np.random.Generator) -> dict:
    while True:
        gamma, epsilon = rng.uniform(0.6, 0.98), 10 ** rng.uniform(-4, -1)
        steps = np.log(np.array([1, 2]) * epsilon * (1 - gamma)) / np.log(gamma)
        if np.abs(steps - np.round(steps)).min() > 0.01 and epsilon < 0.3 / (1 - gamma):
            return {"epsilon": float(epsilon), "gamma": float(gamma)}


def _draw_drift(rng: np.random.Generator) -> dict:
    high = rng.uniform(0.3, 3, 2)
    while abs(high[0] - high[1]) < 0.05:
        high = rng.uniform(0.3, 3, 2)
    growth = rng.choice([-1, 1]) * rng.uniform(0.05, 1)
    return {"h": high.tolist(), "share": float(rng.uniform(0.1, 0.9)), "growth": float(growth),
            "gamma": float(rng.uniform(0.5, 0.99)), "steps": int(rng.integers(1, 40))}  # fmt: skip


def _draw_chain(rng: np.random.Generator) -> dict:
    return {"states": int(rng.integers(2, 6)), "gamma": float(rng.uniform(0.5, 0.97)),
            "seed": int(rng.integers(2**31))}  # fmt: skip


CASES = (
    Case(
        6,
        "tamper with one's own evaluator",
        ({"states": 5, "gamma": 0.9, "seed": 0},),
        _draw_chain,
        tamper,
    ),
    Case(
        14,
        "picoeconomic reversal",
        (
            {"soon": 1.0, "later": 1.5, "wait": 4.0, "k": 1.0, "interval": 2.0},
            {"soon": 1.0, "later": 3.0, "wait": 4.0, "k": 1.0, "interval": 2.0},
        ),
        _draw_reversal,
        reversal,
    ),
    Case(20, "bounded modifier", ({"epsilon": 0.01, "gamma": 0.9},), _draw_bounded, bounded),
    Case(
        21,
        "economy of bidders",
        ({"states": 3, "actions": 2, "gamma": 0.9, "seed": 0},),
        lambda rng: {**_draw_chain(rng), "actions": int(rng.integers(2, 4))},
        bidders,
    ),
    Case(
        22,
        "drift-aware bids",
        ({"h": [1.0, 2.0], "share": 0.3, "growth": 0.2, "gamma": 0.9, "steps": 20},),
        _draw_drift,
        drift_aware,
    ),
    Case(
        23,
        "meta-tool drift",
        ({"gains": [-1.0, -0.2], "alpha": [0.6, 0.4], "weight": 0.1},),
        lambda rng: {
            "gains": (-rng.uniform(0.1, 2, 3)).tolist(),
            "alpha": rng.dirichlet(np.ones(3)).tolist(),
            "weight": float(rng.uniform(0.02, 0.6)),
        },
        tools,
    ),
)
