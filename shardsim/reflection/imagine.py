"""Imagining plans in the exact world model, and judging them.

A plan runs from a context until a wanted concept is entered, the episode ends, or it is given up.
Axis letters: B contexts · P plans · T moves · S states · A actions · O concepts · K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.reflection.config import RULES, SHUFFLED
from shardsim.reflection.measure import tabular_of
from shardsim.reflection.world import World

# Which of the weights that `endorse` stacks a rule uses; what imitates no plan of its own takes all
# plans as they come.
_STACKED = ("turns", "summed", "distillation", "best-of-n", "critique", "critique-refreshed")
_REAL = [SHUFFLED.get(rule, rule) for rule in RULES]
_ROW = np.array([_STACKED.index(one if one in _STACKED else "distillation") for one in _REAL])
_IS_SHAM = np.array([rule in SHUFFLED for rule in RULES])


class Plans(NamedTuple):
    """Imagined plans; what comes after the end of a plan is not `taken`."""

    states: jax.Array  # int32[T, B, P], where each action is taken
    actions: jax.Array  # int32[T, B, P]
    taken: jax.Array  # bool[T, B, P]
    ended: jax.Array  # bool[B, P, O], the concepts that the last move entered
    moves: jax.Array  # int32[B, P]
    chance: jax.Array  # float[B, P], how often the agent has this plan; scaled where it is used
    last: jax.Array | None = None  # int32[B, P], the last move: (state A + action) N + outcome


def imagine(
    key: jax.Array, world: World, policy: jax.Array, wanted: jax.Array, count: int, moves: int
) -> Plans:
    """Draw `count` plans from each context, acting by float32[B, S, A] in the exact world.

    Args:
        key: PRNG key.
        world: the contexts.
        policy: float32[B, S, A].
        wanted: bool[O], the concepts that a plan ends at.
        count: plans of each context, P.
        moves: after which a plan is given up, T.
    """
    contexts, states, actions = policy.shape
    outcomes = world.probability.shape[3]
    stop = world.terminated | jnp.any(world.entered & wanted, axis=-1)
    # One look-up a move: a move that ends the plan is told by a number beyond the states.
    move_to = (world.next_state + states * stop.astype(jnp.int32)).reshape(contexts, -1)
    ladder = jnp.cumsum(policy, axis=-1)[..., :-1]
    chances = jnp.cumsum(world.probability, axis=-1)[..., :-1]
    chances = chances.reshape(contexts, states * actions, outcomes - 1)
    noise = jax.random.uniform(
        key, (moves, 1 if outcomes == 1 else 2, contexts, count), dtype=jnp.float32
    )

    def move(carry, noise):
        state, going, last, length = carry
        action = _rung(noise[0], _rows(ladder, state))
        taken = state * actions + action
        outcome = _rung(noise[-1], _rows(chances, taken)) if outcomes > 1 else 0
        taken = taken * outcomes + outcome
        code = jnp.take_along_axis(move_to, taken, axis=1)
        onward = going & (code < states)
        carry = (
            jnp.where(going, code % states, state),
            onward,
            jnp.where(going, taken, last),
            length + going.astype(jnp.int32),
        )
        return carry, (state, action, going)

    begin = jnp.broadcast_to(world.start[:, None], (contexts, count))
    there = jnp.any(_rows(world.goals, begin) & wanted, axis=-1)
    zero = jnp.zeros((contexts, count), jnp.int32)
    carry, path = jax.lax.scan(move, (begin, ~there, zero, zero), noise)
    _, going, last, length = carry
    concepts = world.entered.shape[-1]
    arrived = _rows(world.entered.reshape(contexts, -1, concepts), last)
    ended = arrived & (~going & ~there)[..., None]
    return Plans(*path, ended, length, jnp.ones((contexts, count)), last)


def _rows(tables: jax.Array, index: jax.Array) -> jax.Array:
    """Return [B, P, n]: rows int32[B, P] of tables [B, N, n]."""
    return jnp.take_along_axis(tables, index[..., None], axis=1)


def _rung(noise: jax.Array, ladder: jax.Array) -> jax.Array:
    """Return int32[B, P]: where uniform noise [B, P] falls between thresholds [B, P, n]."""
    return jnp.sum(noise[..., None] >= ladder, axis=-1, dtype=jnp.int32)


def shard_returns(plans: Plans, preferences: jax.Array, discount: jax.Array | float) -> jax.Array:
    """Return J float[B, P, K]: what each plan gives to shards with preferences float[K, O].

    The preference for what the plan's last move entered, discounted by its length.
    """
    reached = plans.ended.astype(preferences.dtype) @ preferences.T
    faded = jnp.power(
        jnp.asarray(discount, preferences.dtype), plans.moves.astype(preferences.dtype)
    )
    return reached * faded[..., None]


def endorse(
    rule: jax.Array,
    returns: jax.Array,
    chance: jax.Array,
    judges: jax.Array,
    strength: jax.Array | float,
    key: jax.Array,
    *,
    best_of: jax.Array | float | None = None,
    critic: jax.Array | None = None,
) -> jax.Array:
    """Return how much of the agent's learning each plan gets: float[B, P], sums to 1 over P.

    With u_k = exp(b J_k), p the chance of a plan and E over plans:
    turns: shard k is drawn with probability q_k to pick, p Σ_k q_k u_k / E u_k, which climbs
    Σ_k q_k log E u_k (a weighted Nash bargain; Cover 1984, "An algorithm for maximizing expected
    log investment return"). summed: p exp(b Σ_k q_k J_k), scaled. best-of-n: how likely a plan is
    the best of n by Σ_k q_k J_k (`best_of_n`). critique: p exp(b C), scaled, C what the agent's
    own critic says of the plan. All others: p. Shams: the weights of their rule, shuffled over the
    plans of each context.

    Args:
        rule: int32[], its place in `RULES`.
        returns: float[B, P, K], J_k of each plan.
        chance: float[B, P], relative chance p of each plan (all equal for sampled ones).
        judges: float[B, K], q, sums to 1.
        strength: b.
        key: of the shuffle.
        best_of: n; None where no rule asks for it.
        critic: float[B, P, 2], C by the critic at onset and by that of now; None likewise.
    """
    prior = jnp.log(chance)
    picked = jax.nn.softmax(prior[..., None] + strength * returns, axis=1)
    turns = jnp.einsum("bpk,bk->bp", picked, judges)
    score = jnp.einsum("bpk,bk->bp", returns, judges)
    summed = jax.nn.softmax(prior + strength * score, axis=1)
    as_they_come = jax.nn.softmax(prior, axis=1)
    best = as_they_come if best_of is None else best_of_n(as_they_come, score, best_of)
    if critic is None:
        judged = [as_they_come, as_they_come]
    else:
        ways = jax.nn.softmax(prior[..., None] + strength * critic, axis=1)
        judged = [ways[..., 0], ways[..., 1]]
    rows = jnp.asarray(_ROW, jnp.int32)
    weight = jnp.stack([turns, summed, as_they_come, best, *judged])[rows[rule]]
    sham = jax.random.permutation(key, weight, axis=1, independent=True)
    return jnp.where(jnp.asarray(_IS_SHAM)[rule], sham, weight)


def best_of_n(chance: jax.Array, score: jax.Array, count: jax.Array | float) -> jax.Array:
    """Return float[B, P]: how likely each plan is the best of `count` independent ones.

    F(score)^n − F(below)^n, shared among equally good plans as their chances are; `count` need not
    be whole. Beirami et al. 2024, "Theoretical guarantees on the best-of-n alignment policy".

    Args:
        chance: float[B, P], sums to 1 over P.
        score: float[B, P].
        count: n, at least 1.
    """

    def one(chance: jax.Array, score: jax.Array) -> jax.Array:
        order = jnp.argsort(score)
        ranked = score[order]
        up_to = jnp.concatenate([jnp.zeros(1, chance.dtype), jnp.cumsum(chance[order])])
        up_to = jnp.minimum(up_to / up_to[-1], 1.0)
        below, above = (up_to[jnp.searchsorted(ranked, score, side=s)] for s in ("left", "right"))
        equal = jnp.maximum(above - below, jnp.finfo(chance.dtype).tiny)
        return chance / equal * (above**count - below**count)

    return jax.vmap(one)(chance, score)


def pooled(plans: Plans, weight: jax.Array, states: int, actions: int) -> jax.Array:
    """Return float[B, S, A]: weighted visits of the plans, scaled to sum to 1 in each context."""
    return scaled(visits(plans, weight, states, actions))


def visits(plans: Plans, weight: jax.Array, states: int, actions: int) -> jax.Array:
    """Return float[B, S, A]: how often plans of weight float[B, P] do what, where.

    The likelihood of weighted plans depends on these alone, so that a gradient costs the same for
    any number of plans.
    """
    contexts = weight.shape[0]
    rows = jnp.arange(contexts, dtype=jnp.int32)[None, :, None]
    flat = (rows * states + plans.states) * actions + plans.actions
    mass = jnp.where(plans.taken, weight, jnp.zeros_like(weight))
    counts = (
        jnp.zeros(contexts * states * actions, weight.dtype)
        .at[flat.reshape(-1)]
        .add(mass.reshape(-1))
    )
    return counts.reshape(contexts, states, actions)


def scaled(counts: jax.Array) -> jax.Array:
    """Return visits float[B, S, A] scaled to sum to 1 in each context; none stay none."""
    total = jnp.sum(counts, axis=(1, 2), keepdims=True)
    return counts / jnp.maximum(total, jnp.finfo(counts.dtype).tiny)


def expected_visits(world: World, policy: jax.Array, wanted: jax.Array, moves: int) -> jax.Array:
    """Return float32[B, S, A]: the visits of infinitely many plans as `imagine` draws them.

    Args:
        world: the contexts.
        policy: float32[B, S, A].
        wanted: bool[O], the concepts that a plan ends at.
        moves: after which a plan is given up.
    """
    stop = world._replace(terminated=world.terminated | jnp.any(world.entered & wanted, axis=-1))

    def one(world: World, policy: jax.Array) -> jax.Array:
        there = jnp.any(world.goals[world.start] & wanted)
        begin = (
            jnp.zeros(policy.shape[0], policy.dtype).at[world.start].set(jnp.where(there, 0.0, 1.0))
        )
        return planning.visitation(tabular_of(world), policy, begin, moves)[:, None] * policy

    return jax.vmap(one)(stop, policy)
