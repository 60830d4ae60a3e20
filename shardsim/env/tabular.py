"""An env on one level as tables: every state, every action, every outcome.

The tables are derived from the author's own `transition` (through `Env.advance`), so that exact
planning and the simulated world cannot disagree. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp

from shardsim.base.errors import UserError
from shardsim.env.gridworld import Gridworld
from shardsim.env.types import Level, State, Tabular, Transition

START_DRAWS = 2048

Advance = Callable[[State, jax.Array, jax.Array], Transition]  # state, action, outcome
Start = Callable[[jax.Array, Level], State]  # key, level


def index_of(env: Gridworld, state: State) -> jax.Array:
    """Return the index int32[] of a state among all states (row-major over the fields)."""
    index = jnp.int32(0)
    for name, size in env.state_fields.items():
        index = index * size + state.fields[name].astype(jnp.int32)
    return index


def state_at(env: Gridworld, level: Level, index: jax.Array) -> State:
    """Return the state with this index in this level, with no steps taken."""
    fields: dict[str, jax.Array] = {}
    rest = jnp.asarray(index, jnp.int32)
    for name, size in reversed(list(env.state_fields.items())):
        fields[name] = rest % size
        rest = rest // size
    return State(level, {name: fields[name] for name in env.state_fields}, jnp.int32(0))


@lru_cache(maxsize=64)
def num_outcomes(env: Gridworld) -> int:
    """Return the number of outcomes an action can have, N, from shapes alone."""
    index = jax.ShapeDtypeStruct((), jnp.int32)
    level = jax.eval_shape(lambda key: env.sample_level(key, "train"), jax.random.key(0))
    chance = jax.eval_shape(
        lambda level, at, action: env.outcome_probability(state_at(env, level, at), action),
        level,
        index,
        index,
    )
    return chance.shape[0]


def tabular(env: Gridworld, level: Level, advance: Advance, start: jax.Array) -> Tabular:
    """Tabulate one level; vmap over levels gives thousands in one call.

    Args:
        env: the world.
        level: one.
        advance: `Env.advance`, the transition with all that it pays.
        start: float32[S], how likely an episode begins in each state.

    Raises:
        UserError: the env has more states than its `max_states`.
    """
    if env.num_states > env.max_states:
        raise UserError(
            f"{env.name} has {env.num_states:,} states, more than its max_states of "
            f"{env.max_states:,}; make the grid smaller, or raise max_states if memory allows"
        )
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    actions = jnp.arange(env.num_actions, dtype=jnp.int32)
    outcomes = jnp.arange(num_outcomes(env), dtype=jnp.int32)

    def one(index, action, outcome):
        moved = advance(state_at(env, level, index), action, outcome)
        return index_of(env, moved.state), moved.rewards, moved.terminated

    def chance(index, action):
        return env.outcome_probability(state_at(env, level, index), action)

    table = jax.vmap(jax.vmap(jax.vmap(one, (None, None, 0)), (None, 0, None)), (0, None, None))
    next_state, rewards, terminated = table(states, actions, outcomes)
    probability = jax.vmap(jax.vmap(chance, (None, 0)), (0, None))(states, actions)
    return Tabular(
        next_state=next_state,
        probability=probability.astype(jnp.float32),
        rewards=jnp.moveaxis(rewards.astype(jnp.float32), -1, 0),
        terminated=terminated,
        reachable=reachable_from(start > 0, next_state, probability > 0, terminated),
        start=start,
    )


def reachable_from(start, next_state, possible, terminated) -> jax.Array:
    """Return bool[S]: the states that some actions lead to, starting from bool[S] `start`.

    A terminal state counts as reached, but nothing is reached through it.
    """
    onward = possible & ~terminated

    def grow(carry):
        reached, _ = carry
        lit = (reached[:, None, None] & onward).reshape(-1)
        grown = reached | jnp.zeros_like(reached).at[next_state.reshape(-1)].max(lit)
        return grown, jnp.any(grown != reached)

    reached, _ = jax.lax.while_loop(lambda carry: carry[1], grow, (start, jnp.bool_(True)))
    last = (reached[:, None, None] & possible).reshape(-1)
    return reached | jnp.zeros_like(reached).at[next_state.reshape(-1)].max(last)


def sampled_start_probability(env: Gridworld, level: Level, start: Start) -> jax.Array:
    """Estimate float32[S], how likely an episode starts in each state, from its `start` itself.

    For envs whose author gives `start` only; the draws are fixed, so the estimate is too.
    """
    keys = jax.random.split(jax.random.key(0), START_DRAWS)
    drawn = jax.vmap(lambda key: index_of(env, start(key, level)))(keys)
    count = jnp.zeros(env.num_states, jnp.float32).at[drawn].add(1.0)
    return count / START_DRAWS
