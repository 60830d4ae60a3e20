"""Where reflection leads from each cell of a level, for one agent. Axes: H rows, W columns."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole
from shardsim.plot.levels import Board
from shardsim.reflection.config import RULES
from shardsim.reflection.reflect import Reflected, reflect_agents
from shardsim.runs.figure_data.level import board_of, cell_states, chosen_level
from shardsim.runs.run import Run
from shardsim.runs.stages.reflect import subjects_of
from shardsim.shards.contexts.battery import gathered


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

    Args:
        run: a run whose shards are identified.
        seed: position of the agent.
        level: number of the level; by default the one with most decisions in conflict.
        split: "train", "held-out" or "target".
        models: rules that change the network.

    Raises:
        UserError: no such seed, level, split or model, or no shard that could judge.
    """
    for model in models:
        if model not in RULES:
            raise UserError(f"there is no model {model!r}; {did_you_mean(model, RULES)}")
    one = run.agent(seed)
    if not run.shards.num_shards:
        raise UserError("no shard was found in this run, so nobody judges plans")
    chosen, found, number = chosen_level(run, level, split)
    cells = cell_states(run.env, run.env.state_at(jax.device_put(chosen), jnp.int32(0)))
    where = np.asarray(found.decision)[cells]
    states = cells[where]
    many = [jax.tree.map(lambda leaf: np.asarray(leaf)[None], part) for part in (chosen, found)]
    about = {"kind": "uniform", "split": split, "seed": 0}
    level_of = np.zeros_like(states)
    onset = gathered(run.env, *many, (level_of, states), np.ones(len(states)), about)
    subjects = subjects_of(run)
    assert subjects.networks is not None
    subjects = subjects._replace(
        shards=run.shards.seed(seed),
        networks=subjects.networks._replace(
            parameters=jax.tree.map(lambda leaf: leaf[None], one.parameters)
        ),
    )
    done = reflect_agents(
        subjects, run.config.reflect, models, onset=onset, apart=True, seed=number
    )
    return _on_board(done, board_of(run.env, chosen), where, models)


def _on_board(done: Reflected, board: Board, where: np.ndarray, models: tuple[str, ...]) -> Basins:
    assert done.trace is not None
    hits = np.asarray(done.trace.measured.hits)[0, ..., 0]  # [U, R, T + 1]
    rules = [rule for rule in RULES if rule in models]

    def placed(values: np.ndarray) -> np.ndarray:
        shown = np.full(where.shape, np.nan)
        shown[where] = values
        return shown

    after = {rule: placed(hits[:, row, -1]) for row, rule in enumerate(rules)}
    goals = done.setting.goal_names
    return Basins(board, (goals[0], goals[1]), placed(hits[:, 0, 0]), after)
