"""Imagining plans in the exact world model, and judging them.

A plan runs from a context until a wanted concept is entered, the episode ends, or it is given up.
Axis letters: B contexts · P plans · T moves · S states · A actions · O concepts · K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.reflection.world import World


class Plans(NamedTuple):
    """Imagined plans; what comes after the end of a plan is not `taken`."""

    states: jax.Array  # int32[T, B, P], where each action is taken
    actions: jax.Array  # int32[T, B, P]
    taken: jax.Array  # bool[T, B, P]
    ended: jax.Array  # bool[B, P, O], the concepts that the last move entered
    moves: jax.Array  # int32[B, P]
    chance: jax.Array  # float[B, P], how often the agent has this plan; scaled where it is used


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
    return Plans(*path, ended, length, jnp.ones((contexts, count)))


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
) -> jax.Array:
    """Return how much of the agent's learning each plan gets: float[B, P], sums to 1 over P.

    With u_k = exp(b J_k), p the chance of a plan and E over plans:
    0 turns: shard k is drawn with probability q_k to pick, p Σ_k q_k u_k / E u_k, which climbs
    Σ_k q_k log E u_k (a weighted Nash bargain; Cover 1984, "An algorithm for maximizing expected
    log investment return"). 1 summed: p exp(b Σ_k q_k J_k), scaled. 2 distillation: p.
    3 sham: the weights of 0, shuffled over the plans of each context.

    Args:
        rule: int32[], the number above.
        returns: float[B, P, K], J_k of each plan.
        chance: float[B, P], relative chance p of each plan (all equal for sampled ones).
        judges: float[B, K], q, sums to 1.
        strength: b.
        key: of the shuffle.
    """
    prior = jnp.log(chance)
    picked = jax.nn.softmax(prior[..., None] + strength * returns, axis=1)
    turns = jnp.einsum("bpk,bk->bp", picked, judges)
    summed = jax.nn.softmax(prior + strength * jnp.einsum("bpk,bk->bp", returns, judges), axis=1)
    sham = jax.random.permutation(key, turns, axis=1, independent=True)
    return jnp.stack([turns, summed, jax.nn.softmax(prior, axis=1), sham])[rule]


def pooled(plans: Plans, weight: jax.Array, states: int, actions: int) -> jax.Array:
    """Return float[B, S, A]: weighted visits of the plans, scaled to sum to 1 in each context.

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
    counts = counts.reshape(contexts, states, actions)
    total = jnp.sum(counts, axis=(1, 2), keepdims=True)
    return counts / jnp.maximum(total, jnp.finfo(weight.dtype).tiny)
