"""Whether what happened before tells more of an agent's choices than where it is.

Models of hidden goals are compared on held-out levels with models that see the state alone. Any
model is wrong somewhere, and a hidden state may make good what the others cannot express although
nothing is remembered. So the same is asked of a twin: an agent without memory that in every state
acts as this one does on average over the pasts that lead there. Memory is what saves more bits
than in the twin, paired by level.
Axis letters: E episodes · T steps · L levels · K hidden states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.statistics import Interval, t_interval
from shardsim.shards.fit.data import level_folds
from shardsim.shards.fit.verdict import CANNOT_TELL, LEAST_BITS
from shardsim.shards.history.hidden_goals import (
    ANEW,
    STATE,
    STATIONARY,
    HiddenGoals,
    climb,
    evidence,
    fit,
)
from shardsim.shards.history.sequences import Sequences, level_means

MOST_STATES = 4
FOLDS = 3
FOLD_ROUNDS = 8
SURE = 2.0  # standard errors over levels by which one state more must be better
REMEMBERING = (STATIONARY, STATE)
CONFIDENCE = 0.98  # one agent without memory in a hundred may be said to have some


class Selected(NamedTuple):
    """A model of hidden goals with as many states as held-out levels ask for."""

    model: HiddenGoals  # fitted to all levels
    bits: np.ndarray  # float64[L], a decision, held out
    of_size: tuple[float, ...]  # bits of 1, 2, .. states


def select(given: Sequences, change: str, *, most: int = MOST_STATES, seed: int = 0) -> Selected:
    """Fit 1, 2, .. hidden states until one more is no better on held-out levels, paired by level.

    Args:
      given: episodes in two levels or more.
      change: how hidden states go on, as `fit` takes it.
      most: states, at most.
      seed: of folds and starts.
    """
    fold = level_folds(given.level, FOLDS, seed)
    model, bits = _held_out(given, 1, change, fold, seed)
    means = [float(bits.mean())]
    for size in range(2, most + 1):
        other, fewer = _held_out(given, size, change, fold, seed)
        means.append(float(fewer.mean()))
        gain = bits - fewer
        if gain.mean() <= SURE * gain.std(ddof=1) / np.sqrt(len(gain)):
            break
        model, bits = other, fewer
    return Selected(model, bits, tuple(means))


def _held_out(given: Sequences, size: int, change: str, fold: np.ndarray, seed: int):
    """Return a model of all levels, and bits [L] by models that go on from it without a fold."""
    whole = fit(given, size, change, seed=seed)
    logs = np.zeros(given.action.shape)
    for number in range(fold.max() + 1):
        mine = fold == number
        other = climb(whole, given.take(~mine), FOLD_ROUNDS)[0]
        logs[mine] = evidence(other, given.take(mine))
    return whole, level_means(-logs / np.log(2), given)


class Memory(NamedTuple):
    """What memory saves. Bits are of one decision, held out."""

    saved: Interval  # beyond what a twin without memory shows, over levels
    raw: float  # best model of the state alone minus best model of the past
    twin: float  # the same in the twin
    remembers: bool  # more than chance, and more than `LEAST_BITS`
    models: dict[str, Selected]  # by the agent's episodes
    state_alone: dict[str, float]  # model that sees the state alone -> bits


def memory_of(
    given: Sequences,
    twin: Sequences,
    beside: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    *,
    most: int = MOST_STATES,
    seed: int = 0,
) -> Memory:
    """Ask whether an agent remembers.

    Args:
      given: its episodes.
      twin: those of its twin in the same levels.
      beside: further models that see the state alone: their bits float64[L] by level on either.
      most: hidden states, at most.
      seed: of folds and starts.
    """
    own, models, alone = _saved(given, [one[0] for one in (beside or {}).values()], most, seed)
    other, _, _ = _saved(twin, [one[1] for one in (beside or {}).values()], most, seed)
    names = [ANEW, *(beside or {})]
    saved = t_interval(own - other, confidence=CONFIDENCE)
    return Memory(
        saved=saved,
        raw=float(own.mean()),
        twin=float(other.mean()),
        remembers=bool(saved.low > 0 and saved.mean > LEAST_BITS),
        models=models,
        state_alone={name: float(one.mean()) for name, one in zip(names, alone, strict=True)},
    )


def _saved(given: Sequences, beside: Sequence[np.ndarray], most: int, seed: int):
    """Bits [L] by which the best model of the past is ahead, and the models."""
    models = {
        change: select(given, change, most=most, seed=seed) for change in (ANEW, *REMEMBERING)
    }
    alone = [models[ANEW].bits, *beside]
    past = min((models[name].bits for name in REMEMBERING), key=np.mean)
    return min(alone, key=np.mean) - past, models, alone


def judged(verdict: str, remembers: bool) -> str:
    """A verdict that was reached from states alone, once it is known whether the agent remembers.

    What an agent that remembers does in a state is an average over pasts; what of it are shards and
    what is memory cannot be told from that.
    """
    return CANNOT_TELL if remembers else verdict
