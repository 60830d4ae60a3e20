"""Whether what happened before tells more of an agent's choices than where it is.

Models of hidden goals are compared on held-out levels with models that see the state alone. Any
model is wrong somewhere, and a hidden state may make good what the others cannot express although
nothing is remembered. So the same is asked of a twin: an agent without memory that in every state
acts as this one does on average over the pasts that lead there, fitted with as many hidden states.
Memory is what saves more bits than in the twin, paired by level; where models of the past save the
twin nothing, it is all that they save.
Axis letters: E episodes · T steps · L levels · K hidden states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.statistics import Interval, t_interval
from shardsim.shards.fit.verdict import CANNOT_TELL, LEAST_BITS
from shardsim.shards.history.hidden_goals import ANEW, STATE, STATIONARY
from shardsim.shards.history.selection import MOST_STATES, Selected, bits_of, select
from shardsim.shards.history.sequences import Sequences

REMEMBERING = (STATIONARY, STATE)
CONFIDENCE = 0.98  # one agent without memory in a hundred may be said to have some


class Memory(NamedTuple):
    """What memory saves. Bits are of one decision, held out."""

    saved: Interval  # beyond what they save a twin without memory, over levels
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
    kinds = (ANEW, *REMEMBERING)
    models = {change: select(given, change, most=most, seed=seed) for change in kinds}
    # As many states for the twin: whether one more is sure to help would else differ by luck.
    sizes = {change: one.model.size for change, one in models.items()}
    again = {change: bits_of(twin, change, size, seed=seed) for change, size in sizes.items()}
    mine, theirs = ([one[side] for one in (beside or {}).values()] for side in (0, 1))
    own, alone = _saved({change: one.bits for change, one in models.items()}, mine)
    other, _ = _saved(again, theirs)
    names = [ANEW, *(beside or {})]
    # What such models lose on the twin is no evidence for memory: they must save bits outright.
    beyond = own - other if other.mean() > 0 else own
    saved = t_interval(beyond, confidence=CONFIDENCE)
    return Memory(
        saved=saved,
        raw=float(own.mean()),
        twin=float(other.mean()),
        remembers=bool(saved.low > 0 and saved.mean > LEAST_BITS),
        models=models,
        state_alone={name: float(one.mean()) for name, one in zip(names, alone, strict=True)},
    )


def _saved(bits: Mapping[str, np.ndarray], beside: Sequence[np.ndarray]):
    """Bits [L] by which the best model of the past is ahead, and those of the state alone."""
    alone = [bits[ANEW], *beside]
    past = min((bits[name] for name in REMEMBERING), key=np.mean)
    return min(alone, key=np.mean) - past, alone


def judged(verdict: str, remembers: bool) -> str:
    """A verdict that was reached from states alone, once it is known whether the agent remembers.

    What an agent that remembers does in a state is an average over pasts; what of it are shards and
    what is memory cannot be told from that.
    """
    return CANNOT_TELL if remembers else verdict
