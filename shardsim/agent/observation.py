"""Section `observation`: what the policy sees of a state, when it acts and when it learns.

Rollouts keep compact states; the learner rebuilds observations for each minibatch. Both must be
the same function of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from shardsim.env.core import Env
from shardsim.env.types import State


class Observation(NamedTuple):
    """How states [B] become observations float32[B, H, W, C] on either side."""

    acting: Callable[[Env, State], jax.Array]
    learning: Callable[[Env, State], jax.Array]


def observe(env: Env, states: State) -> jax.Array:
    """Return observations float32[B, H, W, C] of states [B]."""
    return jax.vmap(env.observe)(states)


observation = Observation(acting=observe, learning=observe)
