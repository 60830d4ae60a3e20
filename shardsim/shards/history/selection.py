"""How many hidden states episodes ask for, and how many goals those states have between them.

States tell apart how long a goal is kept and when it ends as well as what is wanted: three states
with one goal can stand for a goal that ends after a while. So goals are counted after states, by
letting states share one where held-out levels do not mind.
Axis letters: E episodes · T steps · L levels · K hidden states · G goals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit.data import level_folds
from shardsim.shards.fit.verdict import LEAST_BITS
from shardsim.shards.history.hidden_goals import HiddenGoals, climb, evidence, fit, held, tied
from shardsim.shards.history.sequences import Sequences, level_means

MOST_STATES = 4
FOLDS = 3
FOLD_ROUNDS = 8
SURE = 2.0  # standard errors over levels by which one state more, or one goal, must be better
ALIKE = 0.7  # cosine of two goals below which they are not tried as one
LEAST_HELD = 0.05  # part of the decisions in which a goal is held, for it to count


class Selected(NamedTuple):
    """A model of hidden goals with as many states as held-out levels ask for."""

    model: HiddenGoals  # fitted to all levels
    bits: np.ndarray  # float64[L], a decision, held out
    of_size: tuple[float, ...]  # bits of 1, 2, .. states
    goals: int  # distinct ones, held in more than `LEAST_HELD` of the decisions


def select(given: Sequences, change: str, *, most: int = MOST_STATES, seed: int = 0) -> Selected:
    """Fit 1, 2, .. hidden states until one more is no better on held-out levels, paired by level.

    Then states whose goals cannot be told apart come to share one.

    Args:
      given: episodes in two levels or more.
      change: how hidden states go on, as `fit` takes it.
      most: states, at most.
      seed: of folds and starts.
    """
    fold = level_folds(given.level, FOLDS, seed)
    model = fit(given, 1, change, seed=seed)
    bits = _held_out(model, given, fold)
    means = [float(bits.mean())]
    for size in range(2, most + 1):
        other = fit(given, size, change, seed=seed)
        fewer = _held_out(other, given, fold)
        means.append(float(fewer.mean()))
        if not _better(bits - fewer):
            break
        model, bits = other, fewer
    model, bits = _distinct(model, bits, given, fold)
    count = int(np.sum(held(model, given) > LEAST_HELD))
    return Selected(model, bits, tuple(means), count)


def bits_of(given: Sequences, change: str, size: int, *, seed: int = 0) -> np.ndarray:
    """Return float64[L], bits a decision on held-out levels with so many hidden states."""
    model = fit(given, size, change, seed=seed)
    return _held_out(model, given, level_folds(given.level, FOLDS, seed))


def _better(gain: np.ndarray) -> bool:
    """Whether bits saved [L] are more than chance."""
    return bool(gain.mean() > SURE * gain.std(ddof=1) / np.sqrt(len(gain)))


def _held_out(whole: HiddenGoals, given: Sequences, fold: np.ndarray) -> np.ndarray:
    """Return float64[L], bits by models that go on from that of all levels without a fold."""
    logs = np.zeros(given.action.shape)
    for number in range(fold.max() + 1):
        mine = fold == number
        other = climb(whole, given.take(~mine), FOLD_ROUNDS)[0]
        logs[mine] = evidence(other, given.take(mine))
    return level_means(-logs / np.log(2), given)


def _distinct(model: HiddenGoals, bits: np.ndarray, given: Sequences, fold: np.ndarray):
    """Let the two goals most alike be one, for as long as held-out levels hardly lose by it."""
    while len(model.goals) > 1:
        pair, cosine = _most_alike(model.goals)
        if cosine < ALIKE:
            break
        one = climb(tied(model, *pair, held(model, given)), given, FOLD_ROUNDS)[0]
        other = _held_out(one, given, fold)
        if _better(other - bits) and (other - bits).mean() > LEAST_BITS:
            break
        model, bits = one, other
    return model, bits


def _most_alike(goals: np.ndarray) -> tuple[tuple[int, int], float]:
    """The two goals [G, P] of the largest cosine, the lower number first."""
    unit = goals / np.maximum(np.linalg.norm(goals, axis=1, keepdims=True), 1e-9)
    first, second = np.triu_indices(len(goals), 1)
    cosine = (unit @ unit.T)[first, second]
    best = int(cosine.argmax())
    return (int(first[best]), int(second[best])), float(cosine[best])
