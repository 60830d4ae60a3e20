"""Case 7: what a critic does that learns from itself, and an actor that follows it, as tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shardsim.bench.reflection_cases.case import Case, Row, row
from shardsim.reflection import tabular
from shardsim.reflection.models.evaluators import Chain

IMPLIED, UNPAID = "implied reward", "critic without reward"


def _reversible(rng: np.random.Generator, states: int) -> np.ndarray:
    """Draw a symmetric transition matrix: its eigenvalues are real."""
    weight = rng.uniform(0.05, 1, (states, states))
    weight = weight + weight.T
    return (weight / weight.sum(1).max()) + np.diag(1 - weight.sum(1) / weight.sum(1).max())


def bootstrapped(states: int, seed: int, gamma: float, temperature: float) -> Iterator[Row]:
    """Case 7: a critic that learns from itself alone, and one that holds the reward it implies."""
    rng = np.random.default_rng(seed)
    onward = _reversible(rng, states)
    size, ways = np.linalg.eigh(onward)
    values = rng.normal(size=states)
    path = tabular.unpaid(onward, values, gamma, 40)
    expected = ways @ ((gamma * size) ** 40 * (ways.T @ values))
    yield row(UNPAID, "V after 40 rounds, over γ^40", expected / gamma**40, path[-1] / gamma**40)
    most = np.abs(path).max(1) / np.abs(values).max() / gamma ** np.arange(41)
    yield row(UNPAID, "|V_n| beyond γ^n |V_0|", 0.0, max(0.0, most.max() - 1 - 1e-12))
    second = np.argsort(-np.abs(size))[1]
    plain = tabular.unpaid(onward, 1.0 + ways[:, second], gamma, 12)
    spread = np.ptp(plain, axis=1)
    yield row(UNPAID, "decay of the spread a round", gamma * abs(size[second]),
              (spread[-1] / spread[0]) ** (1 / 12))  # fmt: skip
    moves = rng.dirichlet(np.ones(states), (states, 3))
    critic = rng.normal(size=(states, 3))
    implied = tabular.implied_reward(moves, critic, gamma, temperature)
    again = tabular.soft_critic(Chain(moves, implied), gamma, temperature)
    yield row(IMPLIED, "largest miss of Q", 0.0, np.abs(again - critic).max())
    raised = np.exp((critic - critic.max(1, keepdims=True)) / temperature)
    actor = raised / raised.sum(1, keepdims=True)
    turned = tabular.soft_actor(again, temperature)
    yield row(IMPLIED, "π after one improvement", actor, turned)
    start = rng.dirichlet(np.ones(3), states)
    drift = np.abs(start - actor).sum(1).max() / 2
    yield row(IMPLIED, "drift: TV of actor and critic at onset", drift,
              np.abs(start - turned).sum(1).max() / 2)  # fmt: skip
    fixed = np.abs(tabular.soft_actor(tabular.soft_critic(
        Chain(moves, tabular.implied_reward(moves, again, gamma, temperature)), gamma, temperature
    ), temperature) - turned).max()  # fmt: skip
    yield row(IMPLIED, "drift once π = softmax(Q/τ)", 0.0, fixed)
    yield from _driven(moves, values, start, gamma, temperature)


def _driven(moves, values, start, gamma: float, temperature: float) -> Iterator[Row]:
    """The loops that the critic drives: one move ahead, by V alone."""
    ahead = gamma * moves @ values
    raised = np.exp((ahead - ahead.max(1, keepdims=True)) / temperature)
    actor = raised / raised.sum(1, keepdims=True)
    given = {"discount": gamma, "temperature": temperature, "steps": 3}
    path = tabular.drive("implied", moves, start, values, **given).actor
    yield row(IMPLIED, "π of three rounds, one move ahead", np.stack([actor] * 3), path[1:])
    paid = Chain(moves, tabular.implied_reward(moves, ahead, gamma, temperature))
    best = tabular.soft_actor(tabular.soft_critic(paid, gamma, temperature), temperature)
    yield row(IMPLIED, "soft optimum of r = Q − γ P V less that π", 0.0, np.abs(best - actor).max())
    fitted = tabular.drive("implied", moves, actor, values, discount=gamma).actor
    yield row(IMPLIED, "drift at the τ that fits π = softmax(Q/τ)", 0.0,
              np.abs(fitted[1] - actor).max())  # fmt: skip
    strength = 1 / temperature
    free = tabular.drive(
        "unpaid", moves, start, values, discount=gamma, strength=strength, steps=30
    ).values
    most = np.abs(free).max(1) / np.abs(values).max() / gamma ** np.arange(31)
    yield row(UNPAID, "|V_n| beyond γ^n |V_0|, the actor learning", 0.0,
              max(0.0, most.max() - 1 - 1e-12))  # fmt: skip
    stays = np.broadcast_to(np.eye(len(values)), (len(values),) * 3)  # action t leads to t
    held = np.broadcast_to(np.eye(len(values))[:, None], stays.shape)
    world = np.where(np.arange(len(values))[:, None, None] == 0, stays, held)
    even = np.full((len(values),) * 2, 1 / len(values))
    alone = tabular.drive(
        "unpaid", world, even, np.r_[0.0, values[1:]], discount=gamma, strength=strength, steps=6
    ).actor
    moved = np.log(alone[-1, 0, 2:] / alone[-1, 0, 1])
    gone = gamma * (1 - gamma**6) / (1 - gamma) * strength
    yield row(
        UNPAID,
        "log odds of leaving for one dead end or another",
        gone * (values[2:] - values[1]),
        moved,
    )


CASES = (
    Case(
        7,
        "critics without reward",
        ({"states": 5, "seed": 0, "gamma": 0.9, "temperature": 0.5},),
        lambda rng: {
            "states": int(rng.integers(3, 9)),
            "seed": int(rng.integers(2**31)),
            "gamma": float(rng.uniform(0.5, 0.97)),
            "temperature": float(rng.uniform(0.1, 2)),
        },
        bootstrapped,
    ),
)
