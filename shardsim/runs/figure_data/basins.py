"""Where reflection leads from each cell of a level, for one agent.

Axes: H rows, W columns; L levels, S states.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, Split, State
from shardsim.plot.levels import Board
from shardsim.reflection import onsets
from shardsim.reflection.config import RULES
from shardsim.reflection.ground import ground_of, policies_on
from shardsim.reflection.reflect import Reflected, reflect_agents
from shardsim.reflection.site import Subjects, goals_of, reached_first
from shardsim.runs.agents import subjects_of
from shardsim.runs.figure_data.level import board_of, chosen_level, surveyed
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import gathered
from shardsim.shards.contexts.sampling import Survey

LOOKED_AT = 16  # levels among which the one with most contested cells is chosen


class Basins(NamedTuple):
    """One agent on one level, every cell an onset of its own."""

    board: Board
    goals: tuple[str, str]
    before: np.ndarray  # f[H, W], P(first goal first) from the cell; NaN where none is decided
    after: dict[str, np.ndarray]  # model -> f[H, W], the same after reflecting from there


def basins(
    run: Run,
    seed: Whole = 0,
    level: Whole | None = None,
    split: str = "target",
    models: tuple[str, ...] = ("turns", "summed", "sham"),
) -> Basins:
    """Let one agent reflect from every cell of a level in which it decides, by some models.

    What a state holds beside the cell, such as a drive, is what makes most cells contested.

    Args:
        run: a run whose shards are identified.
        seed: position of the agent.
        level: number of the level; by default the one of the first with most contested cells.
        split: "train", "held-out" or "target".
        models: rules that change the network.

    Raises:
        UserError: no such seed, level, split or model, or no shard that could judge.
    """
    for model in models:
        if model not in RULES:
            raise UserError(f"there is no model {model!r}; {did_you_mean(model, RULES)}")
    subjects, config = alone(run, seed), run.config.reflect
    levels, of_levels = _looked_at(run, level, split)
    home, cells = _most_contested(subjects, config.open, goals_of(subjects, config), levels)
    decided = np.asarray(of_levels.decision)[home]
    where = decided[cells]
    states = cells[where]
    about = {"kind": "uniform", "split": split, "seed": 0}
    places = np.full_like(states, home), states
    onset = gathered(run.env, levels, of_levels, places, np.ones(len(states)), about)
    done = reflect_agents(subjects, config, models, onset=onset, apart=1)
    return _on_board(done, board_of(run.env, take(levels, home)), where, models)


def _looked_at(run: Run, level: Whole | None, split: str) -> tuple[Level, Survey]:
    """The levels [L] to choose among, and their survey: one that is asked for, or the first."""
    chosen, found, _ = chosen_level(run, level, split)
    if level is not None:
        one, of_one = (jax.tree.map(lambda leaf: leaf[None], part) for part in (chosen, found))
        return cast(Level, one), cast(Survey, of_one)
    many, of_many = surveyed(run.env, run.config.train.evaluation_levels, cast(Split, split), 0)
    first = slice(0, LOOKED_AT)
    return take(many, first), take(of_many, first)


def alone(run: Run, seed: Whole) -> Subjects:
    """One agent of a run with its shards, as a population of one."""
    agent, every = run.agent(seed), run.shards
    if not every.num_shards:
        raise UserError("no shard was found in this run, so nobody judges plans")
    subjects = subjects_of(run)
    assert subjects.networks is not None
    parameters = jax.tree.map(lambda leaf: leaf[None], agent.parameters)
    networks = subjects.networks._replace(parameters=parameters)
    return subjects._replace(shards=every.seed(seed), networks=networks)


def _most_contested(
    subjects: Subjects, least: float, goals: tuple[int, int], levels: Level
) -> tuple[int, np.ndarray]:
    """The level, and the states int[H, W] of its cells, of which most are contested.

    States differ in the cell alone; what else they hold is chosen, too. `levels` [L].
    """
    env = subjects.env
    count = len(jax.tree.leaves(levels)[0])
    ground = ground_of(env, _first_states(env, levels, count))
    policy = policies_on(ground, subjects.networks, [])
    hit = reached_first(ground, policy, goals)[0]
    open_here = onsets.contested(hit, least) & ground.world.decision  # [L, R]
    names, sizes = list(env.state_fields), list(env.state_fields.values())
    stride = prod(sizes[names.index("cell") + 1 :])
    cell = ground.states // stride % sizes[names.index("cell")]
    rest = ground.states - cell * stride
    number = np.zeros((count, prod(sizes)), int)
    np.add.at(number, (np.arange(count)[:, None], rest), open_here)
    home, base = np.unravel_index(int(number.argmax()), number.shape)
    every = base + stride * np.arange(env.height * env.width)
    return int(home), every.reshape(env.height, env.width)


def _first_states(env: Env, levels: Level, count: int) -> State:
    """The state numbered 0 of each level, as `ground_of` takes levels."""
    return jax.vmap(env.state_at)(jax.device_put(levels), jnp.zeros(count, jnp.int32))


def _on_board(done: Reflected, board: Board, where: np.ndarray, models: tuple[str, ...]) -> Basins:
    assert done.trace is not None
    hits = np.asarray(done.trace.measured.hits)[0, ..., 0]  # [U, R, T + 1]

    def placed(values: np.ndarray) -> np.ndarray:
        shown = np.full(where.shape, np.nan)
        shown[where] = values
        return shown

    after = {rule: placed(hits[:, row, -1]) for row, rule in enumerate(models)}
    goals = done.setting.goal_names
    return Basins(board, (goals[0], goals[1]), placed(hits[:, 0, 0]), after)
