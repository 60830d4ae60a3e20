"""Worlds that remember which concepts were entered, and the best policy of one utility in them.

A shard wants each concept once, so the best way to several of them depends on which it has had. A
state of such a world is a set of concepts and a state of the level.
Axis letters: B contexts · S states · A actions · N outcomes · O concepts · D = 2^O sets of them.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import splu

from shardsim.env.planning import TIE
from shardsim.reflection.values import equations
from shardsim.reflection.world import World

SURELY_BETTER = 1e-10  # what a better action must gain, so that rounding changes no policy


def remembering(world: World) -> World:
    """Return worlds [B] over D · S states: which concepts were entered, times where one is."""
    inside, entered = np.asarray(world.goals, bool), np.asarray(world.entered, bool)
    states, concepts = inside.shape[1:]
    bits = 1 << np.arange(concepts)
    sets = np.arange(2**concepts)
    had = (sets[:, None, None, None] | (entered @ bits)[:, None]) * states  # [B, D, S, A, N]
    onward = had + np.asarray(world.next_state)[:, None]

    def whichever(leaf: np.ndarray) -> np.ndarray:
        """Repeat what does not depend on the past: [B, D S, ...] of [B, S, ...]."""
        return np.tile(np.asarray(leaf), (1, len(sets), *[1] * (np.ndim(leaf) - 2)))

    start = np.asarray(world.start)
    begun = inside[np.arange(len(start)), start] @ bits
    named = {"next_state", "start", "weight"}
    parts = {name: whichever(leaf) for name, leaf in world._asdict().items() if name not in named}
    return World(
        **parts,
        next_state=onward.reshape(len(start), -1, *onward.shape[3:]),
        start=begun * states + start,
        weight=world.weight,
    )


def best_policy(world: World, utility: np.ndarray, discount: float) -> np.ndarray:
    """Return float64[B, D S, A]: what one utility would do best in a `remembering` world.

    By policy iteration (Howard 1960, "Dynamic programming and Markov processes"). Actions equally
    good share evenly.

    Args:
        world: of `remembering`.
        utility: float[O], what the first entry of each concept is worth.
        discount: γ < 1, for each move.
    """
    shape = world.next_state.shape[:3]
    had = np.arange(shape[1]) // (shape[1] >> world.goals.shape[-1])
    fresh = (
        np.asarray(world.entered)
        & ((had[:, None] >> np.arange(len(utility))) & 1 == 0)[None, :, None, None]
    )
    chance = discount * np.asarray(world.probability, np.float64)
    paid = (chance * (fresh @ np.asarray(utility, np.float64))).sum(-1)
    onward = np.where(np.asarray(world.terminated), 0.0, chance)
    rows = np.arange(shape[0])[:, None, None, None]
    chosen = np.broadcast_to(paid.max(-1, keepdims=True) == paid, shape)
    chosen = np.eye(shape[2])[chosen.argmax(-1)]
    while True:
        values = _values(world, chosen, paid, onward)
        action_values = paid + (onward * values[rows, world.next_state]).sum(-1)
        most = action_values.max(-1, keepdims=True)
        now = (chosen * action_values).sum(-1, keepdims=True)
        if (most <= now + SURELY_BETTER).all():
            good = action_values >= most - TIE * np.maximum(1.0, np.abs(most))
            return good / good.sum(-1, keepdims=True)
        better = np.eye(shape[2])[action_values.argmax(-1)]
        chosen = np.where(most > now + SURELY_BETTER, better, chosen)


def _values(world: World, policy: np.ndarray, paid: np.ndarray, onward: np.ndarray) -> np.ndarray:
    """Return V float64[B, D S] of a policy, what moves pay being float64[B, D S, A]."""
    matrix = equations(world, policy[..., None] * onward)
    return splu(matrix).solve((policy * paid).sum(-1).ravel()).reshape(policy.shape[:2])
