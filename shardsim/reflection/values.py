"""Exact values of every shard's goal under a policy, and who gains when a shard grows.

A shard with preferences θ wants each concept o as soon as it can have it:
    J_k(π) = Σ_o θ_ko v_o(π),    v_o(π) = E γ^T_o,
T_o being the number of moves until o is first entered (infinite if the episode ends before).
There is no horizon; the discount γ < 1 stands for it. Everything is solved in float64.
Axis letters: B contexts · S states · A actions · N outcomes · O concepts · J, K shards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import SuperLU, splu

from shardsim.base.errors import UserError
from shardsim.base.parallel import each
from shardsim.env.levels import take
from shardsim.reflection.world import World


class Passage(NamedTuple):
    """First passage to every concept under one policy."""

    values: np.ndarray  # float64[B, S, O], v_o from every state; 1 on the concept itself
    action_values: np.ndarray  # float64[B, S, A, O]
    occupancy: np.ndarray  # float64[B, S, O], discounted visits from the context until o is entered


class _Toward(NamedTuple):
    """The way to one concept under one policy, discounted."""

    going: np.ndarray  # float64[B, S, A, N], moves that go on
    arriving: np.ndarray  # float64[B, S, A], moves that enter the concept
    inside: np.ndarray  # bool[B, S], on the concept itself, where the question is answered
    factors: SuperLU  # of the linear equations [B S, B S]
    values: np.ndarray  # float64[B, S]


def first_passage(world: World, policy: np.ndarray, discount: float) -> Passage:
    """Solve v_o for every concept, by the linear equations of the policy float[B, S, A].

    Raises:
        UserError: the discount does not lie in 0..1, ends excluded.
    """
    begin = np.zeros(policy.shape[:2])
    begin[np.arange(len(begin)), np.asarray(world.start)] = 1.0
    parts = []
    for way in _ways(world, policy, discount):
        visits = way.factors.solve(begin.ravel(), trans="T").reshape(begin.shape)
        onward = way.arriving + _onward(world, way.going, way.values)
        parts.append((way.values, onward, np.where(way.inside, 0.0, visits)))
    return Passage(*(np.stack(part, -1) for part in zip(*parts, strict=True)))


def concept_values(world: World, policy: np.ndarray, discount: float) -> np.ndarray:
    """Return v_o float64[B, S, O] under the policy float[B, S, A], as `first_passage` has them."""
    return np.stack([way.values for way in _ways(world, policy, discount)], -1)


def shard_values(
    world: World, policy: np.ndarray, preferences: np.ndarray, discount: float
) -> np.ndarray:
    """Return J float64[B, K] of each context: shards with preferences float[K, O]."""
    return at_start(world, concept_values(world, policy, discount)) @ preferences.T


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
    count, signed = len(preferences), np.concatenate([preferences, -preferences])

    def best(row: int) -> np.ndarray:
        return _best(take(world, row), signed, discount, tolerance)

    found = np.stack(each(best, range(len(world.start))))
    return -found[..., count:], found[..., :count]


def _best(world: World, preferences: np.ndarray, discount: float, tolerance: float) -> np.ndarray:
    """Return max J float64[S, K] in one level; D = 2^O sets of concepts entered."""
    inside, entered = np.asarray(world.goals, bool), np.asarray(world.entered, bool)
    states, concepts = inside.shape
    bits = 1 << np.arange(concepts)
    sets = np.arange(2**concepts)
    chance = discount * np.asarray(world.probability, np.float64)
    fresh = entered & ((sets[:, None] & bits) == 0)[:, None, None, None]  # [D, S, A, N, O]
    paid = np.einsum("san,dsano->dsao", chance, fresh) @ preferences.T
    then = (sets[:, None, None, None] | (entered @ bits)) * states + np.asarray(world.next_state)
    alive = np.broadcast_to(np.where(world.terminated, 0.0, chance), then.shape)
    rows = np.broadcast_to(
        np.arange(then.size // then.shape[-1]).reshape(*then.shape[:3], 1), then.shape
    )
    moves = csr_array(
        (alive.ravel(), (rows.ravel(), then.ravel())), shape=(rows[..., 0].size, len(sets) * states)
    )
    values, change = np.zeros((len(sets) * states, len(preferences))), np.inf
    # What is still to come is at most change / (1 - discount); float64 holds no less than 1e-15.
    while change > max(tolerance * (1.0 - discount), 1e-15):
        after = paid + (moves @ values).reshape(paid.shape)
        new = after.max(2).reshape(values.shape)
        change, values = np.abs(new - values).max(initial=0.0), new
    # Standing on a concept counts as having it, as in first passage.
    at = (inside @ bits) * states + np.arange(states)
    return values[at] + inside @ preferences.T


def lifetime(world: World, policy: np.ndarray, discount: float) -> np.ndarray:
    """Return E Σ γ^t float64[B, S] over the moves t = 1, 2, … that the episode lasts.

    So much is a reward of 1 on every move, in units of J, whose first move is discounted too. The
    policy is float[B, S, A].
    """
    policy = np.asarray(policy, np.float64)
    onward = np.where(world.terminated, 0.0, discount * np.asarray(world.probability, np.float64))
    moves = splu(equations(world, policy[..., None] * onward))
    return discount * moves.solve(np.ones(policy[..., 0].size)).reshape(policy.shape[:2])


def _ways(world: World, policy: np.ndarray, discount: float) -> Iterator[_Toward]:
    """Solve the way to each concept; raises UserError for a discount not inside 0..1."""
    if not 0 < discount < 1:
        raise UserError(f"the discount must lie between 0 and 1, not {discount}; 0.97 is usual")
    policy = np.asarray(policy, np.float64)
    chance = discount * np.asarray(world.probability, np.float64)
    ended = np.asarray(world.terminated, bool)
    for concept in range(world.goals.shape[-1]):
        inside = np.asarray(world.goals[..., concept], bool)
        entered = np.asarray(world.entered[..., concept], bool)
        going, arriving = chance * ~(entered | ended), (chance * entered).sum(-1)
        onward = np.where(inside[..., None, None], 0.0, policy[..., None] * going)
        factors = splu(equations(world, onward))
        gain = np.where(inside, 1.0, (policy * arriving).sum(-1))
        values = factors.solve(gain.ravel()).reshape(gain.shape)
        yield _Toward(going, arriving, inside, factors, values)


def equations(world: World, onward: np.ndarray) -> csc_array:
    """Return 1 minus the moves that go on float64[B, S, A, N], all contexts as blocks [B S, B S].

    Sparse: a state leads to a few others, in worlds of thousands of states too.
    """
    contexts, states = onward.shape[:2]
    size = contexts * states
    here = np.arange(size)
    rows = here.reshape(contexts, states, 1, 1)
    columns = rows - rows % states + np.asarray(world.next_state)
    moved = onward > 0
    rows = np.broadcast_to(rows, columns.shape)[moved]
    entries = np.concatenate([np.ones(size), -onward[moved]])
    places = np.concatenate([here, rows]), np.concatenate([here, columns[moved]])
    return csc_array((entries, places), shape=(size, size))


def _onward(world: World, going: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return float64[B, S, A]: the value of what goes on after each action."""
    rows = np.arange(len(values))[:, None, None, None]
    return (going * values[rows, np.asarray(world.next_state)]).sum(3)
