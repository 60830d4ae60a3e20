"""What each model of reflection chooses from a menu, by each evaluator; every branch of a tie kept.

Axis letters: K shards · M options · N branches.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shardsim.reflection.models.agenda import majority, unanimity
from shardsim.reflection.models.presets import PRESETS
from shardsim.reflection.models.problem import TIE, Outcome, Problem, problem, pure

Orders = list[tuple[int, ...]]
# Those that accept one option of a table of gains. The replicator takes endorsements instead, and
# what is left of the presets poses a table of its own before bids decide.
CHOOSING = tuple(
    name
    for name, model in PRESETS.items()
    if model.part == "acceptance" and name != "endorsement replicator"
)
# Models that take proposals in turn, with the orders that lead to all of their ends.
_IN_TURN: dict[str, Callable[[Problem], Outcome]] = {
    "unanimity": lambda posed: unanimity(posed, _each_first(posed)),
    "voting": lambda posed: majority(posed, agendas(posed)),
}


def choices(gains: np.ndarray, judges: np.ndarray) -> dict[str, Outcome]:
    """Return what every model of CHOOSING does, status quo being option 0.

    Where nothing is agreed, the agent stays as it is.

    Args:
        gains: float[K, M], of each shard by each option.
        judges: float[K] ≥ 0.
    """
    posed = problem(gains, judges)
    found = {}
    for name in CHOOSING:
        outcome = _IN_TURN.get(name, PRESETS[name])(posed)
        found[name] = outcome if len(outcome.lotteries) else pure([0], gains.shape[1])
    return found


def _each_first(posed: Problem) -> Orders:
    """Return an order for each option that proposes it first.

    Whatever no judge vetoes and nothing betters is then an end of some order, and nothing else is.
    """
    options = range(posed.gains.shape[1])
    return [(first, *(m for m in options if m != first)) for first in options]


def agendas(posed: Problem) -> Orders:
    """Return an order for each option that lets it win a majority wherever any order does.

    An option wins where a chain of majorities leads from it to every other: what is farthest from
    it in such chains is proposed first, and itself last (Miller 1977, "Graph-theoretical approaches
    to the theory of voting"). That holds without ties; with them every branch that these orders
    have is an end, and another order may have more.
    """
    votes = np.sign(posed.gains[:, :, None] - posed.gains[:, None])
    beats = np.tensordot(posed.judges, votes, 1) > -TIE  # bool[M, M], or ties with
    orders = []
    for option in range(len(beats)):
        far = np.where(np.arange(len(beats)) == option, 0, len(beats))
        for step in range(1, len(beats)):
            ahead = beats[far < step].any(0) & (far == len(beats))
            far[ahead] = step
        orders.append(tuple(np.argsort(-far, kind="stable").tolist()))
    return orders
