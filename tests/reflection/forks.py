"""Small worlds whose answers are known in closed form, as tables."""

from __future__ import annotations

import numpy as np

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
    terminated = goals.any(1)[next_state]
    return _world(next_state, goals, terminated)


def grid_world(rng: np.random.Generator, states: int, actions: int, goals: int) -> World:
    """A random stochastic world with one state of each goal; entering goal 0 ends the episode."""
    next_state = rng.integers(states, size=(states, actions, 2))
    where = rng.permutation(states - 1)[:goals] + 1
    mask = np.arange(states)[:, None] == where
    chance = rng.uniform(0.1, 0.9, size=(states, actions))
    world = _world(next_state[:, :, 0], mask, np.zeros((states, actions), bool))
    return world._replace(
        next_state=next_state[None],
        probability=np.stack([chance, 1 - chance], -1)[None],
        entered=mask[next_state][None],
        terminated=mask[:, 0][next_state][None],
    )


def _world(next_state: np.ndarray, goals: np.ndarray, terminated: np.ndarray) -> World:
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


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def random_policy(rng: np.random.Generator, world: World) -> np.ndarray:
    """A random policy [B, S, A] for a world."""
    return softmax(rng.normal(size=world.next_state.shape[:3]))
