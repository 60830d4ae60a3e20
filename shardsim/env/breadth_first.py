"""Shortest paths where moves are certain: breadth-first search for all goals at once, in bits.

One bit a goal, 32 goals a word: a round of the search moves whole words, so that the distances to
every cell of a maze cost little more than those to one. Axis letters as in `shardsim.env.types`;
W words of 32 goals · P binary digits of a distance.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import jax
import jax.numpy as jnp
import numpy as np

WORD = 32
SHIFTS = np.arange(WORD, dtype=np.uint32)


def pack(mask: jax.Array) -> jax.Array:
    """Return uint32[..., W]: the bits of bool[..., O], the first goal lowest."""
    spare = -mask.shape[-1] % WORD
    padded = jnp.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, spare)])
    bits = padded.reshape(*mask.shape[:-1], -1, WORD).astype(jnp.uint32) << SHIFTS
    return jnp.sum(bits, axis=-1, dtype=jnp.uint32)


def unpack(words: jax.Array, count: int) -> jax.Array:
    """Return uint32[..., O] of zeros and ones, O = `count`, from uint32[..., W]."""
    bits = (words[..., None] >> SHIFTS) & jnp.uint32(1)
    return bits.reshape(*words.shape[:-1], -1)[..., :count]


def moves_to(next_state: jax.Array, goals: jax.Array, entering: jax.Array | None) -> jax.Array:
    """Return float32[S, O]: the fewest moves from each state to bool[S, O] `goals`, inf if none.

    `next_state` int32[S, A]; `entering` bool[S, O] marks states that a goal is one move from, for
    goals that no state has the agent on. After Moore 1959, "The shortest path through a maze",
    with the set of goals found so far kept for each state (bit-parallel, as in Then et al. 2014,
    "The more the merrier: efficient multi-source graph traversal").
    """
    states, actions = next_state.shape
    digits = np.arange(max(1, states.bit_length()), dtype=np.uint32)
    found = pack(goals)
    beside = jnp.zeros_like(found) if entering is None else pack(entering)

    def onward(carry):
        found, distance, moves, _ = carry
        there = [found[next_state[:, action]] for action in range(actions)]
        fresh = reduce(or_, there, beside) & ~found
        moves = moves + jnp.uint32(1)
        digit = -((moves >> digits) & jnp.uint32(1))  # all ones where the digit is 1
        return found | fresh, distance | (fresh & digit[:, None, None]), moves, jnp.any(fresh > 0)

    nothing = jnp.zeros((digits.size, *found.shape), jnp.uint32)
    start = (found, nothing, jnp.uint32(0), jnp.bool_(True))
    found, distance, _, _ = jax.lax.while_loop(lambda carry: carry[3], onward, start)
    count = goals.shape[1]
    moves = reduce(or_, [unpack(distance[digit], count) << digit for digit in digits])
    return jnp.where(unpack(found, count) > 0, moves.astype(jnp.float32), jnp.inf)
