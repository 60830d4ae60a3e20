"""Where the moves of an onset lead, those that end a plan included, and what is seen there.

Worlds of an onset are cut down to the states before a goal; a critic is asked of those beyond too.
Axis letters: D agents · U onsets · B contexts · N = D * U * B · S states · E states beyond ·
A actions · M outcomes.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level
from shardsim.reflection.ground import Ground
from shardsim.reflection.lessons import Outlook
from shardsim.reflection.world import views


@partial(jax.jit, static_argnums=0)
def _next_states(env: Env, levels: Level, states: jax.Array) -> jax.Array:
    """Return int32[N, S, A, M]: the states that moves from int32[N, S] lead to, in levels [N]."""
    return jax.lax.map(lambda one: env.tabular(one[0]).next_state[one[1]], (levels, states))


def outlook_of(ground: Ground, level: np.ndarray, rows: np.ndarray) -> Outlook:
    """Look beyond the states of some contexts.

    Args:
        ground: their levels.
        level: int32[D, U, B], of the ground.
        rows: int32[D, U, B, S], of the ground.

    Returns:
        Outlook [D, U, B].
    """
    shape = rows.shape[:-1]
    flat = level.reshape(-1)
    numbers = ground.states[flat[:, None], rows.reshape(len(flat), -1)]
    levels = take(ground.levels, flat)
    onward = np.asarray(_next_states(ground.env, levels, jnp.asarray(numbers)))
    found = [_leads(*one, ground.env.num_states) for one in zip(numbers, onward, strict=True)]
    most = max(1, *(len(beyond) for _, beyond in found))
    # What a context has too few of is filled up with its first state: nothing leads there.
    filled = np.stack([np.append(b, np.repeat(n[:1], most - len(b))) for n, (_, b) in
                       zip(numbers, found, strict=True)])  # fmt: skip
    seen = views(ground.env, levels, jnp.asarray(filled, jnp.int32))
    leads = jnp.asarray(np.stack([lead for lead, _ in found]), jnp.int32)
    return Outlook(*(part.reshape(*shape, *part.shape[1:]) for part in (seen, leads)))


def _leads(numbers: np.ndarray, onward: np.ndarray, states: int) -> tuple[np.ndarray, np.ndarray]:
    """Return int[S, A, M], places among the numbers int[S] and then int[E], and those beyond."""
    place = np.full(states, -1)
    place[numbers] = np.arange(len(numbers))
    beyond = np.setdiff1d(onward, numbers)
    place[beyond] = len(numbers) + np.arange(len(beyond))
    return place[onward], beyond
