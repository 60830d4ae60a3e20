"""Small worlds whose answers are known in closed form, as tables."""

from __future__ import annotations

import numpy as np

from shardsim.bench.reflection_cases.worlds import certain_world, fork
from shardsim.reflection.world import World

__all__ = ["fork", "grid_world", "random_policy", "softmax"]


def grid_world(rng: np.random.Generator, states: int, actions: int, goals: int) -> World:
    """A random stochastic world with one state of each goal; entering goal 0 ends the episode."""
    next_state = rng.integers(states, size=(states, actions, 2))
    where = rng.permutation(states - 1)[:goals] + 1
    mask = np.arange(states)[:, None] == where
    chance = rng.uniform(0.1, 0.9, size=(states, actions))
    world = certain_world(next_state[:, :, 0], mask, np.zeros((states, actions), bool))
    return world._replace(
        next_state=next_state[None],
        probability=np.stack([chance, 1 - chance], -1)[None],
        entered=mask[next_state][None],
        terminated=mask[:, 0][next_state][None],
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def random_policy(rng: np.random.Generator, world: World) -> np.ndarray:
    """A random policy [B, S, A] for a world."""
    return softmax(rng.normal(size=world.next_state.shape[:3]))
