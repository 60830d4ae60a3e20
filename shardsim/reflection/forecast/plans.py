"""All plans of an agent, exactly: how likely each is, and what the judges say of it.

To judges plans differ by what their last move enters and after how many moves: those are the
kinds here. Their chances follow from the policy and the world's tables, so nothing is drawn.
Axis letters: N contexts · S states · A actions · K shards · O concepts · G goals · T moves ·
E kinds of last move · P = T E + 1 kinds of plan, the last being the one that is given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from shardsim.reflection.world import World


class Plans(NamedTuple):
    """The kinds of plans of each context."""

    chance: np.ndarray  # float64[N, P], sums to 1
    returns: np.ndarray  # float64[P, K], J_k, as `imagine.shard_returns`
    goal: np.ndarray  # float64[P, G + 1], which goal it ends at; the last is neither


class Moves(NamedTuple):
    """One policy's moves out of every state, and which of them end a plan."""

    world: World  # [N], numpy
    policy: np.ndarray  # float64[N, S, A]
    goals: tuple[int, ...]  # concepts that plans end at
    chance: np.ndarray  # float64[N, S, A, outcomes], of a move
    stop: np.ndarray  # bool, the same shape: it ends the plan
    kind: np.ndarray  # int[...], the same shape: what it enters, a row of `ends`
    ends: np.ndarray  # bool[E, O]
    begin: np.ndarray  # float64[N, S]
    length: int  # T

    @property
    def onward(self) -> np.ndarray:
        """int[N, S, A, outcomes]: the next state, numbered over all contexts."""
        contexts, states = self.begin.shape
        return np.arange(contexts)[:, None, None, None] * states + self.world.next_state

    def visits(self) -> Iterator[np.ndarray]:
        """Yield float64[N, S] before each move: how likely the plan goes on from there."""
        here, onward = self.begin, self.onward.ravel()
        going = np.where(self.stop, 0.0, self.chance)
        for _ in range(self.length):
            yield here
            mass = (here[:, :, None, None] * going).ravel()
            here = np.bincount(onward, mass, here.size).reshape(here.shape)


def moves_of(world: World, policy: np.ndarray, goals: tuple[int, ...], length: int) -> Moves:
    """Return the moves of plans that are given up after `length` of them.

    Args:
        world: contexts [N], numpy.
        policy: float[N, S, A].
        goals: concepts that plans end at.
        length: T, as `ReflectConfig.plan_moves`.
    """
    policy = np.asarray(policy, np.float64)
    entered = np.asarray(world.entered, bool)
    bits = 1 << np.arange(entered.shape[-1])
    codes, kind = np.unique(entered @ bits, return_inverse=True)
    at = np.arange(len(policy)), np.asarray(world.start)
    begin = np.zeros(policy.shape[:2])
    begin[at] = ~np.asarray(world.goals, bool)[at][:, list(goals)].any(-1)
    return Moves(
        world=world,
        policy=policy,
        goals=goals,
        chance=policy[..., None] * np.asarray(world.probability, np.float64),
        stop=np.asarray(world.terminated, bool) | entered[..., list(goals)].any(-1),
        kind=kind.reshape(entered.shape[:-1]),
        ends=(codes[:, None] & bits) > 0,
        begin=begin,
        length=length,
    )


def plans_of(moves: Moves, preferences: np.ndarray, discount: float) -> Plans:
    """Return the plans that `imagine` draws from, with their exact chances.

    Args:
        moves: of the policy.
        preferences: float[K, O].
        discount: of what a shard wants, for each move.
    """
    count, kinds, length = len(moves.begin), len(moves.ends), moves.length
    chance = np.zeros((count, length, kinds))
    at = (np.arange(count)[:, None, None, None] * kinds + moves.kind).ravel()
    ending = np.where(moves.stop, moves.chance, 0.0)
    for move, here in enumerate(moves.visits()):
        mass = (here[:, :, None, None] * ending).ravel()
        chance[:, move] = np.bincount(at, mass, count * kinds).reshape(count, kinds)
    fading = discount ** np.arange(1, length + 1)
    returns = fading[:, None, None] * (moves.ends @ preferences.T)
    reached = moves.ends[:, list(moves.goals)].astype(np.float64)
    reached /= np.maximum(1.0, reached.sum(1, keepdims=True))  # two at once count in equal parts
    outcome = np.concatenate([reached, 1.0 - reached.sum(1, keepdims=True)], 1)
    neither = np.eye(outcome.shape[1])[-1:]
    chance = chance.reshape(count, -1)
    left = np.maximum(0.0, 1.0 - chance.sum(1, keepdims=True))
    return Plans(
        np.concatenate([chance, left], 1),
        np.concatenate([returns.reshape(-1, len(preferences)), np.zeros((1, len(preferences)))]),
        np.concatenate([np.tile(outcome, (length, 1)), neither]),
    )


def taught(moves: Moves, weight: np.ndarray) -> np.ndarray:
    """Return π' float64[N, S, A] of a table that learnt plans of these weights by heart.

    The most likely policy: what weighted plans do in each state, by how often; where no plan comes
    it stays as it was.

    Args:
        moves: of the policy whose plans they are.
        weight: float[N, P], of the plans of a kind, over their chance.
    """
    count, kinds, length = len(moves.begin), len(moves.ends), moves.length
    of_kind = weight[:, :-1].reshape(count, length, kinds)
    there = np.arange(count)[:, None, None, None]
    onward, outcomes = moves.onward, np.asarray(moves.world.probability, np.float64)
    ahead = np.broadcast_to(weight[:, -1:], moves.begin.shape)
    worth: list[np.ndarray] = []  # of each action at each move, the last move first
    for move in reversed(range(length)):
        then = np.where(moves.stop, of_kind[there, move, moves.kind], ahead.ravel()[onward])
        worth.append((outcomes * then).sum(-1))
        ahead = (moves.policy * worth[-1]).sum(-1)
    counts = np.zeros_like(moves.policy)
    for here, gain in zip(moves.visits(), reversed(worth), strict=True):
        counts += here[:, :, None] * moves.policy * gain
    total = counts.sum(-1, keepdims=True)
    known = total > np.finfo(np.float64).tiny
    return np.divide(counts, total, out=moves.policy.copy(), where=known)
