"""Small worlds as tables: a fork of roads to goals, and a corridor between a gem and a cache."""

from __future__ import annotations

import numpy as np

from shardsim.reflection.models.evaluators import Chain
from shardsim.reflection.world import World


def fork(distances: tuple[int, ...]) -> World:
    """One decision at state 0, then corridors of the given lengths, each to its own concept.

    The last state of each corridor is terminal. Action k enters corridor k; elsewhere all go on.
    """
    count = len(distances)
    first = 1 + np.concatenate([[0], np.cumsum(distances)[:-1]])
    last = first + np.array(distances) - 1
    states = 1 + sum(distances)
    next_state = np.tile(np.minimum(np.arange(states) + 1, states - 1)[:, None], (1, count))
    next_state[0] = first
    next_state[last] = last[:, None]
    goals = last == np.arange(states)[:, None]
    return certain_world(next_state, goals, goals.any(1)[next_state])


def certain_world(next_state: np.ndarray, goals: np.ndarray, terminated: np.ndarray) -> World:
    """One context, state 0, of a world without chance.

    Args:
        next_state: int[S, A].
        goals: bool[S, O], where each concept is.
        terminated: bool[S, A].
    """
    states, actions = next_state.shape
    return World(
        next_state=next_state[None, :, :, None],
        probability=np.ones((1, states, actions, 1)),
        terminated=terminated[None, :, :, None],
        entered=goals[next_state][None, :, :, None],
        goals=goals[None],
        decision=np.ones((1, states), bool),
        blocked=np.zeros((1, states, actions), bool),
        advantage=np.zeros((1, states, actions, goals.shape[1])),
        distance=np.zeros((1, states, goals.shape[1])),
        start=np.zeros(1, np.int64),
        weight=np.ones(1),
    )


def corridor(far: int) -> tuple[Chain, np.ndarray]:
    """A gem one move to the right, a cache `far` moves to the left that is gone once the gem is.

    Actions: left, right. Returns the world, where the reward is the gem's, and the reward
    float64[S, A] of the cache. The agent starts in state `far`, with nothing taken.
    """
    cells = far + 2  # 0: the cache, `far`: the start, far + 1: the gem
    moves, gems, caches = np.zeros((3 * cells, 2, 3 * cells)), *np.zeros((2, 3 * cells, 2))
    for cell in range(cells):
        for action, step in enumerate((-1, 1)):
            to = min(max(cell + step, 0), cells - 1)
            # 0: nothing taken, 1: the cache taken, 2: the gem taken, after which nothing is left.
            for taken in (0, 1):
                state = taken * cells + cell
                if to == cells - 1:
                    gems[state, action] = 1.0
                    moves[state, action, 2 * cells + to] = 1.0
                elif to == 0 and not taken:
                    caches[state, action] = 1.0
                    moves[state, action, cells + to] = 1.0
                else:
                    moves[state, action, taken * cells + to] = 1.0
    return Chain(moves, gems), caches
