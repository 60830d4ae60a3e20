"""Parts of levels: the states that a question is about, renumbered, without the thousands beside.

A table holds the number of the next state, so a level is cut down by dropping rows and renumbering
what is left; nothing else changes. All arrays are numpy's. Axis letters: B levels (or contexts,
each with its level) · S states · R those of them that are kept · A actions · N outcomes.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

STEP = 8  # numbers of states that are kept are multiples of it: few shapes, few compilations


def reached(next_state: np.ndarray, onward: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Return bool[B, S]: where moves lead from the states bool[B, S] `begin`, those included.

    Args:
      next_state: int[B, S, A, N].
      onward: bool[B, S, A, N], moves that can happen and that something follows.
      begin: where to start.
    """
    states = begin.shape[1]
    going = np.nonzero(onward)
    here, there = (going[0] * states + state for state in (going[1], next_state[going]))
    first = np.flatnonzero(begin)
    # All levels are one graph; what begins hangs on one more node, the last.
    root = begin.size
    sources = np.concatenate([here, np.full(len(first), root)])
    edges = sources, np.concatenate([there, first])
    graph = csr_array((np.ones(len(sources), bool), edges), shape=(root + 1, root + 1))
    found = np.zeros(root + 1, bool)
    found[breadth_first_order(graph, root, return_predecessors=False)] = True
    return found[:-1].reshape(begin.shape)


def kept_states(kept: np.ndarray) -> np.ndarray:
    """Return int32[B, R]: the numbers of the states bool[B, S] to keep, in order.

    R is the greatest count of any level; what a level has too few of is filled up with others.
    """
    most = max(1, int(kept.sum(1).max(initial=0)))
    size = min(kept.shape[1], -(-most // STEP) * STEP)
    return np.argsort(~kept, axis=1, kind="stable")[:, :size].astype(np.int32)


def places(states: np.ndarray, count: int) -> np.ndarray:
    """Return int32[B, S]: where among int32[B, R] `states` each of `count` is; 0 if it is not."""
    place = np.zeros((len(states), count), np.int32)
    rows = np.arange(len(states))[:, None]
    place[rows, states] = np.arange(states.shape[1])
    return place


def renumbered(next_state: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return int32[B, R, A, N]: moves of int[B, S, A, N] between the states int32[B, R].

    What leads out of those kept leads to the first: nothing may come to such a move.
    """
    rows = np.arange(len(states))[:, None]
    place = places(states, next_state.shape[1])
    return place[rows[..., None, None], next_state[rows, states]]
