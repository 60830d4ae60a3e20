"""Decision squares: states where the way to an object and the way to its rival part.

Grietzer & Turner (2023, "Behavioural statistics for a maze-solving agent") take the one square
where the two paths of a tree maze part. Here it is every state in which no best action for the one
is a best action for the other, so that mazes may have loops, and the response is what the network
itself says there.

Axis letters: K policies (seeds) · L levels · S states · A actions · O concepts · N squares ·
C contexts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from shardsim.base.errors import UserError
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.covariates import analyse
from shardsim.env.levels import all_states
from shardsim.env.types import Level, State
from shardsim.shards.contexts.battery import observations_of
from shardsim.shards.contexts.policies import BATCH
from shardsim.shards.contexts.sampling import decision_states

LogitsFn = Callable[[np.ndarray], np.ndarray]  # observations [C, H, W, planes] -> logits [K, C, A]


class Pair(NamedTuple):
    """An object and what it is weighed against, as concept numbers."""

    toward: int
    against: int


class Squares(NamedTuple):
    """All decision squares of some levels; distances in moves (steps) or cells (straight)."""

    steps: np.ndarray  # float64[N], to the object
    steps_rival: np.ndarray  # float64[N], to the rival
    straight: np.ndarray  # float64[N], to the object
    straight_rival: np.ndarray  # float64[N], to the rival
    apart: np.ndarray  # float64[N], straight from object to rival
    ways: np.ndarray  # int64[N, 2], best actions for either
    level: np.ndarray  # int64[N]
    weight: np.ndarray  # float64[N], mean 1; every level counts the same
    log_odds: np.ndarray  # float64[K, N], log p(a best action for the object) / p(for the rival)
    first: np.ndarray  # float64[K, N], probability that the object is reached first


def first_object(env: Env) -> str:
    """Name of the first object; raises UserError where a world has none, or one concept only."""
    rivals(env, 0)
    for concept in env.concepts:
        if concept.kind == "object":
            return concept.name
    raise UserError(f"{env.name} has no object, and this is measured on one; choose another world")


def rivals(env: Env, concept: int) -> list[int]:
    """Numbers of the other concepts; raises UserError where there is none."""
    if len(env.concepts) < 2:
        raise UserError(
            f"{env.name} has only one concept, so no two goals; choose a world with two"
        )
    return [number for number in range(len(env.concepts)) if number != concept]


def pair_of(env: Env, toward: str = "", against: str = "") -> Pair:
    """Two concepts by name; by default the first object, and the first place (or other object).

    Raises UserError for an unknown name, one name twice, or an env with one concept.
    """
    kinds = [concept.kind for concept in env.concepts]
    first = env.concept_index(toward or first_object(env))
    others = sorted(rivals(env, first), key=lambda n: kinds[n] != "place")
    second = env.concept_index(against) if against else others[0]
    if second == first:
        raise UserError(f"a decision square needs two concepts, not {env.concept_names[first]}")
    return Pair(first, second)


def decision_squares(env: Env, levels: Level, logits_fn: LogitsFn, pair: Pair) -> Squares:
    """Find all decision squares of levels [L] and what K policies do there.

    Args:
      env: the world.
      levels: batched.
      logits_fn: the policies.
      pair: the object and its rival.

    Raises:
      UserError: there is no decision square in these levels.
    """
    logits = logits_on_levels(env, levels, logits_fn)
    table = jax.nn.softmax(jnp.asarray(logits, jnp.float32), axis=-1)
    found = jax.tree.map(np.asarray, _solve(env, pair, levels, jnp.moveaxis(table, 1, 0)))
    level, state = np.nonzero(found["square"])
    if not len(level):
        names = " and ".join(env.concept_names[number] for number in pair)
        raise UserError(
            f"the best moves to {names} differ nowhere in these levels; use more levels"
        )
    best = found["best"][level, state]  # [N, A, 2]
    at = logits[:, level, state].astype(np.float64)
    said = [np.asarray(logsumexp(np.where(best[..., n], at, -np.inf), axis=-1)) for n in (0, 1)]
    weight = 1.0 / np.bincount(level)[level]
    return Squares(
        *(found[name][level, state].astype(np.float64) for name in _DISTANCES),
        ways=best.sum(1),
        level=level,
        weight=weight / weight.mean(),
        log_odds=said[0] - said[1],
        first=np.moveaxis(found["first"][level, :, state], 0, -1).astype(np.float64),
    )


_DISTANCES = ("steps", "steps_rival", "straight", "straight_rival", "apart")


def logits_on_levels(env: Env, levels: Level, logits_fn: LogitsFn) -> np.ndarray:
    """Return float32[K, L, S, A]: what policies say in every state of levels [L]."""
    states = all_states(env, levels)
    observations = np.asarray(observations_of(env, states))
    parts = [logits_fn(observations[at : at + BATCH]) for at in range(0, len(observations), BATCH)]
    whole = np.concatenate(parts, axis=1)
    return whole.reshape(len(whole), levels.walls.shape[0], env.num_states, -1)


def straight_to(env: Env, state: State) -> jax.Array:
    """Return float32[O]: cells in a straight line to the nearest instance; inf where none is."""
    here = jnp.stack(env.agent_cell(state))
    return _nearest(env.position(state) - here, env.present(state))


def _nearest(offset: jax.Array, there: jax.Array) -> jax.Array:
    length = jnp.sqrt(jnp.sum(jnp.square(offset.astype(jnp.float32)), axis=-1))
    return jnp.min(jnp.where(there, length, jnp.inf), axis=-1)


def _apart(env: Env, pair: Pair, state: State) -> jax.Array:
    where, there = env.position(state), env.present(state)
    offset = where[pair.toward][:, None] - where[pair.against][None]
    both = there[pair.toward][:, None] & there[pair.against][None]
    return jnp.min(_nearest(offset, both))


@partial(jax.jit, static_argnums=(0, 1))
def _solve(env: Env, pair: Pair, levels: Level, policy: jax.Array) -> dict[str, jax.Array]:
    """Solve levels [L] for policies [L, K, S, A]; everything float or bool[L, (K,) S, …]."""
    return planning.for_levels(partial(_solve_one, env, pair), levels, policy)


def _solve_one(env: Env, pair: Pair, level: Level, policy: jax.Array) -> dict[str, jax.Array]:
    both = jnp.array(pair)
    found = analyse(env, level)
    index = jnp.arange(env.num_states, dtype=jnp.int32)
    states = jax.vmap(lambda i: env.state_at(level, i))(index)
    best = planning.best_actions(found.advantage[..., both])
    straight = jax.vmap(lambda state: straight_to(env, state))(states)[:, both]
    steps = found.distance[:, both]
    known = jnp.all(found.reachable[:, both] & (steps > 0), axis=1)
    hit = jax.vmap(
        lambda one: planning.hitting_probabilities(
            found.tabular, one, found.goals[:, both], env.max_steps, found.entered[..., both]
        )
    )(policy)
    return {
        "square": decision_states(found.tabular) & known & ~jnp.any(jnp.all(best, -1), 1),
        "best": best,
        "steps": steps[:, 0],
        "steps_rival": steps[:, 1],
        "straight": straight[:, 0],
        "straight_rival": straight[:, 1],
        "apart": jax.vmap(lambda state: _apart(env, pair, state))(states),
        "first": hit[..., 0],
    }
