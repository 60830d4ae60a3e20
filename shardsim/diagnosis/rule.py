"""The rule: from evidence to the category (`world` in JSON) of one seed of a run.

In this order: no movement, or no part of the reward in it → no update; the first section in
dataflow order whose outputs disagree with its own inputs → wrong code there; near-optimal in
training but not on target levels → a representation, named by what the agent reaches instead;
else healthy or undertrained; unknown where none of these fits. Thresholds are widths of numerical
noise, or the lines of `DiagnoseConfig`; none depends on which faults there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.evidence import Evidence, Pair, first_section, label_of

NO_REWARD = 0.01  # of the reward's exact part in a gradient
EXPLAINED = 0.1  # of a gradient that may stay unexplained for its parts to mean anything
LEARNT = 0.05  # of the optimum (or the range): a smaller gain is no sign of learning
WORLDS = ("no-update", "wrong-code", "unknown", "representation", "undertrained", "healthy")


class Outcome(NamedTuple):
    """The category of one seed."""

    world: str
    section: str | None = None
    representation: str | None = None

    @property
    def label(self) -> str:
        """The category with what it names."""
        return label_of(*self)


class Returns(NamedTuple):
    """One seed's exact behaviour, as `evaluation.reached` measures it, and what it enters first."""

    untrained: float  # on training levels
    trained: float  # on training levels
    target: float
    excess: np.ndarray  # float[O], target levels: probability of entering each concept first,
    # above the optimal policy's


def decide(
    movement: Evidence,
    checked: Sequence[Evidence],
    reward_parts: Sequence[Pair],
    returns: Returns,
    concepts: Sequence[str],
    config: DiagnoseConfig,
    *,
    finite: bool = True,
) -> Outcome:
    """Apply the rule to one seed.

    Args:
        movement: how far the weights went.
        checked: rows whose disagreement accuses their section.
        reward_parts: the reward's part of the gradient at each phase; empty where not kept.
        returns: exact behaviour.
        concepts: names of the concepts, in the order of `returns.excess`.
        config: thresholds.
        finite: whether all parameters are numbers.
    """
    section = first_section(checked)
    if not finite:
        return Outcome("unknown")
    if movement.disagrees:
        return Outcome("no-update", section or "update")
    if reward_parts and all(_without_reward(part) for part in reward_parts):
        return Outcome("no-update", section or "loss")
    if section is not None:
        return Outcome("wrong-code", section)
    if returns.trained >= config.optimal:
        if returns.target >= returns.trained - config.target_gap:
            return Outcome("healthy")
        return Outcome("representation", None, misled_by(returns.excess, concepts, config.excess))
    if returns.trained - returns.untrained > LEARNT:
        return Outcome("undertrained")
    return Outcome("unknown")


def misled_by(excess: np.ndarray, concepts: Sequence[str], least: float) -> str | None:
    """Return the concept that is reached instead, or None where none stands out."""
    largest = int(np.argmax(excess))
    return concepts[largest] if excess[largest] >= least else None


def _without_reward(part: Pair) -> bool:
    return abs(float(part.measured)) < NO_REWARD and float(part.gap) < EXPLAINED


def together(outcomes: Sequence[Outcome]) -> tuple[Outcome, dict[str, float]]:
    """Return the outcome of most seeds, and a probability for each label.

    Ties go to the earlier category of `WORLDS`. Probabilities are shares of seeds, with one more
    seed spread evenly over all categories (Laplace's rule, since few seeds leave doubt).
    """
    labels = [outcome.label for outcome in outcomes]
    best = min(outcomes, key=lambda it: (-labels.count(it.label), WORLDS.index(it.world)))
    worlds = {outcome.world for outcome in outcomes}
    names = [*dict.fromkeys(labels), *(world for world in WORLDS if world not in worlds)]
    prior = 1.0 / len(names)
    chances = {name: (labels.count(name) + prior) / (len(labels) + 1.0) for name in names}
    return best, chances
