"""Exact values of every shard's goal under a policy, and who gains when a shard grows.

A shard with preferences θ wants each concept o as soon as it can have it:
    J_k(π) = Σ_o θ_ko v_o(π),    v_o(π) = E γ^T_o,
T_o being the number of moves until o is first entered (infinite if the episode ends before).
There is no horizon; the discount γ < 1 stands for it. Everything is solved in float64.
Axis letters: B contexts · S states · A actions · N outcomes · O concepts · J, K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.reflection.world import World


class Passage(NamedTuple):
    """First passage to every concept under one policy."""

    values: np.ndarray  # float64[B, S, O], v_o from every state; 1 on the concept itself
    action_values: np.ndarray  # float64[B, S, A, O]
    occupancy: np.ndarray  # float64[B, S, O], discounted visits from the context until o is entered


def first_passage(world: World, policy: np.ndarray, discount: float) -> Passage:
    """Solve v_o for every concept, by the linear equations of the policy float[B, S, A].

    Raises:
        UserError: the discount does not lie in 0..1, ends excluded.
    """
    if not 0 < discount < 1:
        raise UserError(f"the discount must lie between 0 and 1, not {discount}; 0.97 is usual")
    policy = np.asarray(policy, np.float64)
    going, arriving = _split(world, discount)
    contexts, states = policy.shape[:2]
    inside = np.asarray(world.goals, bool)
    here = np.arange(contexts)
    parts = []
    for concept in range(inside.shape[2]):
        chain = _chain(world, policy, going[..., concept])
        # On the concept itself the question is answered already.
        chain[inside[..., concept]] = 0.0
        system = np.eye(states) - chain
        gain = np.einsum("bsa,bsa->bs", policy, arriving[..., concept])
        gain[inside[..., concept]] = 1.0
        begin = np.zeros((contexts, states))
        begin[here, np.asarray(world.start)] = 1.0
        values = np.linalg.solve(system, gain[..., None])[..., 0]
        visits = np.linalg.solve(np.swapaxes(system, 1, 2), begin[..., None])[..., 0]
        visits[inside[..., concept]] = 0.0
        onward = _onward(world, going[..., concept], values)
        parts.append((values, arriving[..., concept] + onward, visits))
    return Passage(*(np.stack(part, -1) for part in zip(*parts, strict=True)))


def shard_values(
    world: World, policy: np.ndarray, preferences: np.ndarray, discount: float
) -> np.ndarray:
    """Return J float64[B, K] of each context: shards with preferences float[K, O]."""
    return at_start(world, first_passage(world, policy, discount).values) @ preferences.T


def at_start(world: World, values: np.ndarray) -> np.ndarray:
    """Return float64[B, ...]: what float64[B, S, ...] says of the contexts themselves."""
    return values[np.arange(len(values)), np.asarray(world.start)]


def endorsement(
    world: World,
    policy: np.ndarray,
    contributions: np.ndarray,
    preferences: np.ndarray,
    discount: float,
) -> np.ndarray:
    """Return E float64[B, J, K] = dJ_j / d log w_k: what shard j gains as shard k grows.

    By the policy gradient theorem (Sutton, McAllester, Singh & Mansour 2000, "Policy gradient
    methods for reinforcement learning with function approximation"), exactly.

    Args:
        world: the contexts.
        policy: float[B, S, A], of a network or of a gated model.
        contributions: float[B, S, A, K], the logits that each shard adds at its present weight.
        preferences: float[J, O].
        discount: of J, for each move.
    """
    passage = first_passage(world, policy, discount)
    policy = np.asarray(policy, np.float64)
    mean = np.einsum("bsa,bsak->bsk", policy, contributions)
    moved = policy[..., None] * (contributions - mean[:, :, None])
    gain = np.einsum(
        "bso,bsak,bsao->bok", passage.occupancy, moved, passage.action_values, optimize=True
    )
    return np.einsum("jo,bok->bjk", preferences, gain)


def achievable(
    world: World, preferences: np.ndarray, discount: float, tolerance: float = 1e-9
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest J float64[B, S, K] that any policy can have.

    By value iteration over states × the set of concepts entered already, so that the policies may
    remember where they have been.
    """
    preferences = np.asarray(preferences, np.float64)
    best = _best(world, np.concatenate([preferences, -preferences]), discount, tolerance)
    count = len(preferences)
    return -best[..., count:], best[..., :count]


def _best(world: World, preferences: np.ndarray, discount: float, tolerance: float) -> np.ndarray:
    """Return max J float64[B, S, K] by value iteration; D = 2^O sets of concepts entered."""
    inside, entered = np.asarray(world.goals, bool), np.asarray(world.entered, bool)
    contexts, states, concepts = inside.shape
    bits = 1 << np.arange(concepts)
    sets = np.arange(2**concepts)
    fresh = entered[:, None] & ((sets[:, None] & bits) == 0)[None, :, None, None, None]
    paid = discount * np.einsum("bdsano,ko->bdsank", fresh, preferences, optimize=True)
    then = sets[None, :, None, None, None] | (entered @ bits)[:, None]
    onto = np.broadcast_to(np.asarray(world.next_state)[:, None], then.shape)
    alive = discount * (~np.asarray(world.terminated))[:, None, ..., None]
    chance = np.asarray(world.probability, np.float64)[:, None, ..., None]
    rows = np.arange(contexts)[:, None, None, None, None]
    values = np.zeros((contexts, 2**concepts, states, len(preferences)))
    change = np.inf
    # What is still to come is at most change / (1 - discount); float64 holds no less than 1e-15.
    while change > max(tolerance * (1.0 - discount), 1e-15):
        after = chance * (paid + alive * values[rows, then, onto])
        new = after.sum(4).max(3)
        change, values = np.abs(new - values).max(initial=0.0), new
    # Standing on a concept counts as having it, as in first passage.
    at = np.arange(contexts)[:, None], inside @ bits, np.arange(states)[None]
    return values[at] + inside @ preferences.T


def _split(world: World, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what goes on [B, S, A, N, O] and what arrives [B, S, A, O], discounted."""
    chance = discount * np.asarray(world.probability, np.float64)[..., None]
    entered = np.asarray(world.entered, bool)
    ended = np.asarray(world.terminated, bool)[..., None]
    return chance * ~(entered | ended), (chance * entered).sum(3)


def _chain(world: World, policy: np.ndarray, going: np.ndarray) -> np.ndarray:
    """Return float64[B, S, S]: discounted moves from state to state that go on."""
    contexts, states = policy.shape[:2]
    rows = np.arange(contexts * states).reshape(contexts, states, 1, 1)
    cells = rows * states + np.asarray(world.next_state)
    mass = policy[..., None] * going
    chain = np.bincount(cells.ravel(), mass.ravel(), minlength=contexts * states**2)
    return chain.reshape(contexts, states, states)


def _onward(world: World, going: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return float64[B, S, A]: the value of what goes on after each action."""
    rows = np.arange(len(values))[:, None, None, None]
    return (going * values[rows, np.asarray(world.next_state)]).sum(3)
