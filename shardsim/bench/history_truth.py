"""What may be said of an agent of tier `history`: what it is, measured from the agent itself.

A network that was taught a rule without memory has none, and one whose past tells nothing is no
agent that remembers, whatever it was taught.
Axis letters: K goals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.bench.history_agents import Answers
from shardsim.bench.planted.memory import ANEW, HIDDEN, MARKOV, RANDOM, SHARDS, MemorySpec
from shardsim.shards.fit.verdict import CANNOT_TELL, NO_STRUCTURE, ONE_UTILITY
from shardsim.shards.fit.verdict import SHARDS as SEVERAL
from shardsim.shards.history.selection import LEAST_HELD

TAUGHT = 0.02  # bits by which a network may miss its rule, for the rule to be its truth


class Truth(NamedTuple):
    """What one agent is."""

    there: float  # bits a decision by which its past tells more than its state
    remembers: bool  # by more than a network may miss its rule, which leaves traces of the past
    goals: tuple[int, ...]  # those that it holds in more than `LEAST_HELD` of its decisions
    taught: bool  # it does what was planted; rules always
    taught_reset: bool  # also with an empty memory
    lived: tuple[str, ...]  # verdicts that are true of it as it lives
    reset: tuple[str, ...]  # and with an empty memory


def truth_of(spec: MemorySpec, answers: Answers) -> Truth:
    """Return what is true of an agent that was asked."""
    remembers = answers.there > TAUGHT
    goals = tuple(int(goal) for goal in np.flatnonzero(answers.held > LEAST_HELD))
    alone = _without_memory(spec)
    lived = ((ONE_UTILITY,) if len(goals) == 1 else ()) if remembers else alone
    return Truth(
        there=answers.there,
        remembers=remembers,
        goals=goals,
        taught=answers.gap <= TAUGHT,
        taught_reset=answers.gap_reset <= TAUGHT,
        lived=(*lived, CANNOT_TELL),
        reset=(*alone, CANNOT_TELL),
    )


def _without_memory(spec: MemorySpec) -> tuple[str, ...]:
    """Verdicts that are true of an agent as it acts with the memory that it begins with."""
    if spec.kind in (*MARKOV, ANEW):
        # Several goals are there, but mixed in one proportion everywhere, as in one utility.
        return (SEVERAL, ONE_UTILITY)
    if spec.kind in (SHARDS, HIDDEN):
        return (SEVERAL,)
    return (NO_STRUCTURE,) if spec.kind == RANDOM else (ONE_UTILITY,)
