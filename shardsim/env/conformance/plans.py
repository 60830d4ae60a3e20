"""The checks of `check_env` that plan: the oracle against its own roll-outs, and what ends.

Each yields what breaks one promise of the interface. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.env.conformance.subject import Finding, Subject
from shardsim.env.core import Env
from shardsim.env.types import Level

EPISODES = 512  # for each start where the oracle is estimated by rolling out


def ends(subject: Subject) -> Iterator[Finding]:
    """What ends an episode can be reached; where nothing does, waiting must not pay.

    A world may go on until time runs out, and many do. But one in which an action that surely
    changes nothing is paid for, again and again, has an optimum that grows with the time limit
    alone: it stands still. That is what is left when an author forgot to end the episode.
    """
    env = subject.env
    table = jax.tree.map(np.asarray, subject.tabular)
    possible = table.probability > 0
    ending = table.terminated & possible
    if np.any(ending):
        if not np.any(ending & table.reachable[..., None, None]):
            yield Finding(
                "ends",
                "no episode can reach what ends it",
                "let sample_level draw levels that can be solved",
            )
        return
    here = np.arange(env.num_states)[:, None, None]
    still = np.all((table.next_state == here) | ~possible, axis=-1) & table.reachable[..., None]
    own = len(env.rewards)
    weights = np.asarray(subject.levels.reward_weights)[:, :own]
    paid = np.einsum("lr,lrsan,lsan->lsa", weights, table.rewards[:, :own], table.probability)
    if np.any(still & (paid > 1e-6)):
        level, state, action = np.argwhere(still & (paid > 1e-6))[0]
        yield Finding(
            "ends",
            f"nothing ends an episode, and {env.action_names[action]} in state {state} changes "
            f"nothing and pays {paid[level, state, action]:.3g} every time",
            "set terminated where the goal is reached, or pay only on arriving there",
        )


def oracle(subject: Subject) -> Iterator[Finding]:
    """The exact optimum is what its own plan earns when rolled out through `step`."""
    env, level = subject.env, subject.level
    table = jax.tree.map(lambda leaf: leaf[0], subject.tabular)
    values, plan = jax.jit(planning.optimal_plan, static_argnums=(2, 3))(
        table, level.reward_weights, 1.0, env.max_steps
    )
    begin = np.flatnonzero(np.asarray(table.start))
    draws = EPISODES if env.num_outcomes > 1 else 1
    index = jnp.asarray(np.repeat(begin, draws), jnp.int32)
    earned = jax.jit(jax.vmap(lambda at, key: _earned(env, level, plan, at, key)))(
        index, jax.random.split(subject.key, len(index))
    )
    earned = np.asarray(earned).reshape(len(begin), draws)
    off = np.abs(earned.mean(axis=1) - np.asarray(values)[0][begin])
    # Five standard errors where moves are drawn, floating-point error where they are certain.
    allowed = 1e-3 + 5 * earned.std(axis=1) / np.sqrt(draws) + (0.02 if draws > 1 else 0)
    if np.any(off > allowed):
        yield Finding(
            "oracle",
            f"the optimal value differs by {off.max():.3g} from what its plan earns in `step` "
            f"(discount 1, horizon {env.max_steps})",
            "put every rule into transition: nothing may depend on steps or on hidden state",
        )


def _earned(env: Env, level: Level, plan: jax.Array, index: jax.Array, key: jax.Array) -> jax.Array:
    """Return float32[]: the undiscounted return of the plan int32[T, S] from a state."""

    def step(carry: Any, best: jax.Array) -> Any:
        state, key, alive, total = carry
        key, own = jax.random.split(key)
        moved = env.step(own, state, best[env.index_of(state)])
        total = total + jnp.where(alive, moved.reward, 0.0)
        return (moved.state, key, alive & ~moved.terminated & ~moved.truncated, total), None

    start = (env.state_at(level, index), key, jnp.bool_(True), jnp.float32(0))
    return jax.lax.scan(step, start, plan)[0][-1]
