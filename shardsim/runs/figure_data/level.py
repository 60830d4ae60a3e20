"""One level as an agent sees it: its policy in every cell, and what each concept does to it there.

Axes: H rows, W columns, A actions, L levels.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import Agent
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole, whole
from shardsim.env.core import Env
from shardsim.env.instances import without
from shardsim.env.levels import evaluated_levels, take
from shardsim.env.types import SPLITS, Level, Split, State
from shardsim.plot.levels import Board
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import policy_on_levels
from shardsim.shards.contexts.sampling import Survey, survey
from shardsim.shards.fit.data import probabilities
from shardsim.shards.influence.influence import can_mirror, pull

LOOKED_AT = 64  # levels among which the most telling one is chosen
LOWEST = -4.0  # moves; as everywhere in influence, what leads to a trap counts as this


class LevelView(NamedTuple):
    """Tables over the cells of a level; NaN where no decision is taken."""

    number: int  # of the level in its split's evaluation levels
    board: Board
    policy: np.ndarray  # f[H, W, A], probabilities
    change: dict[str, np.ndarray]  # concept -> f[H, W, A], the policy minus that without it
    signed: dict[str, np.ndarray]  # concept -> f[H, W], S in moves
    mirrored: tuple[str, ...]  # concepts whose influence is by the mirror test, as places are
    covariates: dict[str, np.ndarray]  # name -> f[H, W]


def level_view(
    run: Run,
    seed: Whole = 0,
    checkpoint: Whole = -1,
    level: Whole | None = None,
    split: str = "target",
) -> LevelView:
    """Look at one of the levels on which the run's agents are evaluated, through one agent.

    Args:
        run: a run that is at least partly trained.
        seed: position of the agent.
        checkpoint: position of its checkpoint.
        level: number of the level; by default the one with most decisions in conflict.
        split: "train", "held-out" or "target".

    Raises:
        UserError: no such seed, checkpoint, level or split.
    """
    agent = run.agent(seed, checkpoint)
    chosen, found, number = chosen_level(run, level, split)
    return view_of(agent, jax.device_put(chosen), found, number)


def chosen_level(run: Run, level: Whole | None, split: str) -> tuple[Level, Survey, int]:
    """One of the levels on which a run's agents are evaluated, its survey, and its number.

    Args:
        run: a run.
        level: number of the level; None for the one with most decisions in conflict.
        split: "train", "held-out" or "target".

    Raises:
        UserError: no such level or split.
    """
    known = next((one for one in SPLITS if one == split), None)
    if known is None:
        raise UserError(f"there is no split {split!r}; {did_you_mean(split, SPLITS)}")
    count = run.config.train.evaluation_levels
    level = None if level is None else whole("level", level, None)
    if level is not None and not 0 <= level < count:
        raise UserError(f"there is no level {level} among {count}; give one from 0 to {count - 1}")
    first = 0 if level is None else level // LOOKED_AT * LOOKED_AT
    levels, found = surveyed(run.env, count, known, first)
    number = most_contested(found) if level is None else level - first
    return take(levels, number), take(found, number), first + number


@lru_cache(maxsize=4)
def surveyed(env: Env, count: int, split: Split, first: int) -> tuple[Level, Survey]:
    """A block of the `count` levels of a split that agents are evaluated on, and its survey."""
    # As numpy: every shape that is cut on a device is compiled.
    bank = jax.tree.map(np.asarray, evaluated_levels(env, count, split))
    levels = take(bank, slice(first, first + LOOKED_AT))
    return levels, jax.tree.map(np.asarray, survey(env, levels))


def most_contested(found: Survey) -> int:
    """Number of the level with most decisions where concepts conflict."""
    clashes = [value for name, value in found.covariates.items() if name.startswith("conflict_")]
    if not clashes:
        return 0
    contested = np.any(np.stack(clashes) > 0, axis=0) & np.asarray(found.decision)
    return int(np.argmax(np.sum(contested, axis=1)))


def view_of(agent: Agent, level: Level, found: Survey, number: int = 0) -> LevelView:
    """The view of an agent on a single level with its survey, both without a level axis."""
    env = agent.env
    cells = cell_states(env, env.state_at(level, jnp.int32(0)))
    keep = np.asarray(found.decision)[cells]
    objects = [n for n, concept in enumerate(env.concepts) if concept.kind == "object"]
    edited = [level, *(without(level, number) for number in objects)]
    banks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *edited)
    tables = np.asarray(policy_on_levels(env, agent, banks))[:, cells]  # [1 + objects, H, W, A]
    policy = _known(tables[0], keep)
    others = {env.concept_names[n]: tables[1 + i] for i, n in enumerate(objects)}
    places = _places(env)
    if places:
        mirrored = _mirrored_policy(agent, level)[cells]
        others |= dict.fromkeys(places, mirrored)
    change = {
        name: _known(tables[0] - others[name], keep) for name in env.concept_names if name in others
    }
    return LevelView(
        number=number,
        board=board_of(env, level),
        policy=policy,
        change=change,
        signed={
            name: _signed(env, found, name, tables[0], others[name], cells, keep) for name in change
        },
        mirrored=places,
        covariates={k: _known(np.asarray(v)[cells], keep) for k, v in found.covariates.items()},
    )


def _signed(env, found, name: str, before, after, cells, keep) -> np.ndarray:
    """S of a concept f[H, W], NaN where it cannot be reached."""
    number = env.concept_index(name)
    toward = np.maximum(np.asarray(found.advantage[..., number], np.float64), LOWEST)[cells]
    reachable = np.asarray(found.reachable[:, number])[cells]
    return _known(pull(before, after, toward), keep & reachable)


def _places(env: Env) -> tuple[str, ...]:
    """Places whose influence the mirror test can show."""
    names = tuple(concept.name for concept in env.concepts if concept.kind == "place")
    return names if can_mirror(env) else ()


def _mirrored_policy(agent: Agent, level: Level) -> np.ndarray:
    """f[S, A]: the policy shown the mirrored level, its actions mirrored back."""
    env = agent.env
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    observations, unmirror = env.mirror(observations_of(env, level, states))
    return probabilities(np.asarray(agent.policy(observations)))[:, unmirror]


@partial(jax.jit, static_argnums=0)
def observations_of(env: Env, level: Level, states: jax.Array) -> jax.Array:
    """What the agent sees, float32[N, H, W, planes], in the states of a level numbered int32[N]."""
    return jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)


def cell_states(env: Env, state: State) -> np.ndarray:
    """int[H, W]: the number of the state that differs from `state` in the agent's cell alone."""
    return np.asarray(_cell_states(env, state)).reshape(env.height, env.width)


@partial(jax.jit, static_argnums=0)
def _cell_states(env: Env, state: State) -> jax.Array:
    cells = jnp.arange(env.height * env.width, dtype=jnp.int32)
    return jax.vmap(lambda cell: env.index_of(state.replace(cell=cell)))(cells)


def board_of(env: Env, level: Level) -> Board:
    """Walls and concepts of a level."""
    position, present = np.asarray(level.position), np.asarray(level.present)
    concepts = {name: position[n][present[n]] for n, name in enumerate(env.concept_names)}
    return Board(np.asarray(level.walls), concepts)


def _known(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The values as float64, NaN where not kept."""
    values = np.asarray(values, np.float64)
    return np.where(keep.reshape(keep.shape + (1,) * (values.ndim - keep.ndim)), values, np.nan)
