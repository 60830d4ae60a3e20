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

from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.world import World


class Plans(NamedTuple):
    """The kinds of plans of each context."""

    chance: np.ndarray  # float64[N, P], sums to 1
    returns: np.ndarray  # float64[P, K], J_k, as `imagine.shard_returns`
    goal: np.ndarray  # float64[P, G + 1], which goal it ends at; the last is neither


class _Moves(NamedTuple):
    """One policy's moves out of every state."""

    world: World
    chance: np.ndarray  # float64[N, S, A, outcomes], of a move
    stop: np.ndarray  # bool, the same shape: it ends the plan
    kind: np.ndarray  # int[...], the same shape: what it enters, a row of `ends`
    ends: np.ndarray  # bool[E, O]
    begin: np.ndarray  # float64[N, S]
    moves: int  # T

    @property
    def onward(self) -> np.ndarray:
        """int[N, S, A, outcomes]: the next state, numbered over all contexts."""
        contexts, states = self.begin.shape
        return np.arange(contexts)[:, None, None, None] * states + self.world.next_state

    def visits(self) -> Iterator[np.ndarray]:
        """Yield float64[N, S] before each move: how likely the plan goes on from there."""
        here, onward = self.begin, self.onward.ravel()
        going = np.where(self.stop, 0.0, self.chance)
        for _ in range(self.moves):
            yield here
            mass = (here[:, :, None, None] * going).ravel()
            here = np.bincount(onward, mass, here.size).reshape(here.shape)


def plans_of(
    world: World,
    policy: np.ndarray,
    preferences: np.ndarray,
    goals: tuple[int, ...],
    config: ReflectConfig,
) -> Plans:
    """Return the plans that `imagine` draws from, with their exact chances.

    Args:
        world: contexts [N], numpy.
        policy: float[N, S, A].
        preferences: float[K, O].
        goals: concepts that plans end at.
        config: `plan_moves`, `discount`.
    """
    found = _moves(world, policy, goals, config.plan_moves)
    count, length = len(found.begin), config.plan_moves
    kinds = len(found.ends)
    chance = np.zeros((count, length, kinds))
    at = (np.arange(count)[:, None, None, None] * kinds + found.kind).ravel()
    ending = np.where(found.stop, found.chance, 0.0)
    for move, here in enumerate(found.visits()):
        mass = (here[:, :, None, None] * ending).ravel()
        chance[:, move] = np.bincount(at, mass, count * kinds).reshape(count, kinds)
    fading = config.discount ** np.arange(1, length + 1)
    returns = fading[:, None, None] * (found.ends @ preferences.T)
    reached = found.ends[:, list(goals)].astype(np.float64)
    reached /= np.maximum(1.0, reached.sum(1, keepdims=True))  # two at once count in equal parts
    outcome = np.concatenate([reached, 1.0 - reached.sum(1, keepdims=True)], 1)
    neither = np.eye(len(goals) + 1)[-1:]
    chance = chance.reshape(count, -1)
    left = np.maximum(0.0, 1.0 - chance.sum(1, keepdims=True))
    return Plans(
        np.concatenate([chance, left], 1),
        np.concatenate([returns.reshape(-1, len(preferences)), np.zeros((1, len(preferences)))]),
        np.concatenate([np.tile(outcome, (length, 1)), neither]),
    )


def taught(
    world: World,
    policy: np.ndarray,
    goals: tuple[int, ...],
    weight: np.ndarray,
    moves: int,
) -> np.ndarray:
    """Return π' float64[N, S, A] of a table that learnt plans of these weights by heart.

    The most likely policy: what weighted plans do in each state, by how often; where no plan comes
    it stays as it was.

    Args:
        world: contexts [N], numpy.
        policy: float[N, S, A], whose plans they are.
        goals: concepts that plans end at.
        weight: float[N, P], of the plans of a kind, over their chance.
        moves: T.
    """
    found = _moves(world, policy, goals, moves)
    count, kinds = len(found.begin), len(found.ends)
    of_kind = weight[:, :-1].reshape(count, moves, kinds)
    there = np.arange(count)[:, None, None, None]
    onward = found.onward
    ahead = np.broadcast_to(weight[:, -1:], found.begin.shape)
    outcomes = np.asarray(world.probability, np.float64)
    worth: list[np.ndarray] = []  # of each action at each move, the last move first
    acting = np.asarray(policy, np.float64)
    for move in reversed(range(moves)):
        then = np.where(found.stop, of_kind[there, move, found.kind], ahead.ravel()[onward])
        worth.append((outcomes * then).sum(-1))
        ahead = (acting * worth[-1]).sum(-1)
    counts = np.zeros_like(acting)
    for here, gain in zip(found.visits(), reversed(worth), strict=True):
        counts += here[:, :, None] * acting * gain
    total = counts.sum(-1, keepdims=True)
    known = total > np.finfo(np.float64).tiny
    return np.divide(counts, total, out=acting.copy(), where=known)


def _moves(world: World, policy: np.ndarray, goals: tuple[int, ...], moves: int) -> _Moves:
    entered = np.asarray(world.entered, bool)
    ends, kind = np.unique(entered.reshape(-1, entered.shape[-1]), axis=0, return_inverse=True)
    chance = np.asarray(policy, np.float64)[..., None] * np.asarray(world.probability, np.float64)
    at = np.arange(len(chance)), np.asarray(world.start)
    begin = np.zeros(chance.shape[:2])
    begin[at] = ~np.asarray(world.goals, bool)[at][:, list(goals)].any(-1)
    return _Moves(
        world=world,
        chance=chance,
        stop=np.asarray(world.terminated, bool) | entered[..., list(goals)].any(-1),
        kind=kind.reshape(entered.shape[:-1]),
        ends=ends,
        begin=begin,
        moves=moves,
    )
