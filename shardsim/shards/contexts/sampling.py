"""Which contexts a battery holds: candidates, strata, and weights back to what they stand for.

Axis letters: L levels · S states · N candidates (decision states of all levels) · O concepts ·
A actions · C contexts drawn.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.covariates import analyse, covariates
from shardsim.env.instances import without
from shardsim.env.levels import first_of, in_blocks
from shardsim.env.types import Level, Tabular

DISTANCE_EDGES = (1.5, 2.5, 3.5, 5.5)  # moves: bins 1, 2, 3, 4-5, 6 and more (or unreachable)
DISTANCE_BINS = ("1", "2", "3", "4-5", "6+")
ABSENT = 0.25  # chance that an object is missing from an off-distribution level


class Survey(NamedTuple):
    """Every state of every level, analysed."""

    covariates: dict[str, jax.Array]  # name -> float32[L, S]
    distance: jax.Array  # float32[L, S, O]
    advantage: jax.Array  # float32[L, S, A, O]
    reachable: jax.Array  # bool[L, S, O]
    blocked: jax.Array  # bool[L, S, A]
    decision: jax.Array  # bool[L, S], an agent can come to decide here


def survey(env: Env, levels: Level) -> Survey:
    """Analyse every state of levels [L], one level after the other."""
    return in_blocks(partial(_survey, env), levels)


@partial(jax.jit, static_argnums=0)
def _survey(env: Env, levels: Level, count: jax.Array) -> Survey:
    return first_of(partial(_survey_one, env), levels, count)


def _survey_one(env: Env, level: Level) -> Survey:
    analysis = analyse(env, level)
    states = jnp.arange(env.num_states, dtype=jnp.int32)

    def describe(index: jax.Array) -> dict[str, jax.Array]:
        return covariates(env, analysis, env.state_at(level, index))

    return Survey(
        covariates=jax.vmap(describe)(states),
        distance=analysis.distance,
        advantage=analysis.advantage,
        reachable=analysis.reachable,
        blocked=analysis.blocked,
        decision=decision_states(analysis.tabular),
    )


def decision_states(tabular: Tabular) -> jax.Array:
    """Return bool[S]: starts, and what is reached from them without the episode ending.

    `Tabular.reachable` also holds the states in which an episode ends, where nothing is decided.
    """
    onward = (tabular.probability > 0) & ~tabular.terminated
    flat = tabular.next_state.reshape(-1)

    def grow(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        reached, _ = carry
        lit = (reached[:, None, None] & onward).reshape(-1)
        grown = reached | jnp.zeros_like(reached).at[flat].max(lit)
        return grown, jnp.any(grown != reached)

    start = (tabular.start > 0, jnp.bool_(True))
    return jax.lax.while_loop(lambda carry: carry[1], grow, start)[0]


@partial(jax.jit, static_argnums=0)
def visits(env: Env, levels: Level, policy: jax.Array) -> jax.Array:
    """Return float32[L, S]: expected decisions in each state in one episode of policy [L, S, A]."""

    def one(args: tuple[Level, jax.Array]) -> jax.Array:
        tabular = env.tabular(args[0])
        return planning.visitation(tabular, args[1], tabular.start, env.max_steps)

    return jax.lax.map(one, (levels, policy))


@partial(jax.jit, static_argnums=0)
def scatter_objects(env: Env, key: jax.Array, levels: Level) -> Level:
    """Return levels [L] with every object on any free cell, or missing with chance `ABSENT`.

    Such levels lie off every split's distribution: nothing that the env's author said about
    where objects belong is left.
    """
    return jax.vmap(partial(_scatter_one, env))(
        jax.random.split(key, levels.walls.shape[0]), levels
    )


def _scatter_one(env: Env, key: jax.Array, level: Level) -> Level:
    free = ~level.walls.reshape(-1)
    for number, concept in enumerate(env.concepts):
        if concept.kind == "place":
            continue
        for instance in range(concept.instances):
            key, where, whether = jax.random.split(key, 3)
            chance = jnp.where(free, 0.0, -jnp.inf)
            cell = jax.random.categorical(where, chance).astype(jnp.int32)
            # Where little is free, the last cell is left for the agent.
            gone = jax.random.bernoulli(whether, ABSENT) | (jnp.sum(free, dtype=jnp.int32) < 2)
            free = free.at[cell].set(False)
            spot = jnp.stack([cell // env.width, cell % env.width])
            # What else a level holds about where its objects lie follows them.
            moved = env.place(env.state_at(level, jnp.int32(0)), number, instance, spot).level
            kept = without(moved, number, instance)
            level = jax.tree.map(partial(jnp.where, gone), kept, moved)
    return level


def distance_bin(distance: np.ndarray) -> np.ndarray:
    """Return int64[...]: the bin of `DISTANCE_BINS` of distances in moves (0 counts as 1)."""
    return np.digitize(np.where(np.isfinite(distance), distance, 1e9), DISTANCE_EDGES)


def strata(distance: np.ndarray, advantage: np.ndarray, reachable: np.ndarray) -> np.ndarray:
    """Return int64[P, N]: the stratum of each candidate, once for each ordered pair of concepts.

    A stratum is a distance bin to the first concept (a bin of its own where it is unreachable) and
    whether the best actions for the two have none in common.

    Args:
      distance: float[N, O].
      advantage: float[N, A, O].
      reachable: bool[N, O].
    """
    bins = np.where(reachable, distance_bin(distance), len(DISTANCE_BINS))
    count = distance.shape[1]
    if count == 1:
        return bins.T
    best = planning.best_actions(advantage)
    found = []
    for first in range(count):
        for second in range(count):
            if first != second:
                apart = ~(best[:, :, first] & best[:, :, second]).any(1)
                apart &= reachable[:, first] & reachable[:, second]
                found.append(2 * bins[:, first] + apart)
    return np.stack(found)


def sampling_density(chance: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """Return float64[N]: the density that gives the strata of each pair equal probability.

    The mixture over the rows of int[P, N] `stratum` of densities under which all strata of that
    row that occur are equally likely, each being float[N] `chance` inside itself.
    """
    density = np.zeros(len(chance))
    for row in stratum:
        mass = np.bincount(row, chance)
        occur = np.maximum((mass > 0).sum(), 1)
        density += chance / np.maximum(mass[row], 1e-300) / occur
    return density / len(stratum)


def inclusion(density: np.ndarray, size: int) -> np.ndarray:
    """Return float64[N]: chances of being drawn, in proportion where below 1; they sum to `size`.

    The fixed-size unequal-probability design of Hartley & Rao (1962, "Sampling with unequal
    probabilities and without replacement"). Needs at least `size` candidates of positive density.
    """
    chance = np.zeros_like(density)
    sure = np.zeros(len(density), bool)
    while True:
        rest = density * ~sure
        chance = np.where(sure, 1.0, rest * (size - sure.sum()) / max(rest.sum(), 1e-300))
        over = chance > 1.0
        if not over.any():
            return chance
        sure |= over


def draw(chance: np.ndarray, seed: int) -> np.ndarray:
    """Return int64[C]: indices drawn systematically with float[N] inclusion chances."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(chance))
    ends = np.floor(np.cumsum(chance[order]) + rng.uniform() + 1e-9)
    drawn = np.diff(ends, prepend=0.0) > 0
    return np.sort(order[drawn])
