"""What the page is told, as plain JSON: first what the run is, then answers to its questions.

The server, the notebook's widget and the file without a server all speak this.
A question: `{"level": int or null, "checkpoint": int, "seeds": [int], "off": [int], "edit": {}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import jax
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.types import Level
from shardsim.plot.levels import MOVES
from shardsim.plot.style import concept_colours, shard_colours
from shardsim.runs.figure_data.level import chosen_level
from shardsim.runs.run import Run
from shardsim.shards.evidence.dose_response import summaries
from shardsim.view.answers import Answer, Answers, Scene
from shardsim.view.edit import (
    Edit,
    choosable,
    edit_of,
    initial_state,
    read_edit,
    walls_can_move,
)

DIGITS = 4  # of probabilities and gates that are sent
FULL = 99.0  # percentile of a shard's gates that gets the full colour


class Desk:
    """Tells a page about one run and answers it."""

    def __init__(self, run: Run, level: int | None = None, split: str = "target") -> None:
        """Look at a level, by default the one with most decisions in conflict.

        Raises:
            UserError: no such level or split, or nothing is trained yet.
        """
        self.run = run
        self.split = split
        self.answers = Answers(run)
        self.answers.parameters(-1)  # says so where there is no checkpoint
        self.level = lru_cache(maxsize=64)(self._level)
        _, _, self.number = self.level(level)
        self._seen: tuple[Any, Scene | None] = (None, None)

    def warm(self) -> None:
        """Compile and fit what the first questions need, so that they are answered at once."""
        self.answer({"level": self.page["level"]})
        for number in range(self.answers.fitted.count):
            self.answer({"off": [number]})

    def fit_all(self) -> None:
        """Fit the gates of every agent at every checkpoint, so that scrubbing waits for nothing.

        Seeds take turns, and the last checkpoints come first, as where people begin.
        """
        if self.answers.fitted.count:
            for checkpoint in reversed(self.run.checkpoints):
                for seed in range(len(self.run.seeds)):
                    self.answers.fitted.model(seed, checkpoint)

    def _level(self, number: int | None) -> tuple[Level, Edit, int]:
        level, _, number = chosen_level(self.run, number, self.split)
        level = jax.device_put(level)
        return level, edit_of(self.run.env, initial_state(self.run.env, level)), number

    @cached_property
    def choices(self) -> dict[str, int]:
        """State fields that can be chosen, with their numbers of values."""
        level, _, _ = self.level(self.number)
        return choosable(self.run.env, initial_state(self.run.env, level))

    @cached_property
    def page(self) -> dict[str, Any]:
        """What the run is."""
        run, env = self.run, self.run.env
        colours = concept_colours(env.concept_names)
        return {
            "run": run.path.name,
            "env": env.name,
            "size": [env.height, env.width],
            "actions": list(env.action_names),
            "moves": [list(MOVES.get(name, (0.0, 0.0))) for name in env.action_names],
            "concepts": [
                {"name": one.name, "kind": one.kind, "colour": colours[one.name]}
                for one in env.concepts
            ],
            "shards": self._shards(),
            "verdict": self.answers.fitted.found.verdict if self.answers.fitted.found else "",
            "seeds": run.seeds,
            "steps": self._steps(),
            "level": self.number,
            "levels": run.config.train.evaluation_levels,
            "split": self.split,
            "movable": [n for n, one in enumerate(env.concepts) if one.kind == "object"],
            "walls_move": walls_can_move(env),
            "fields": self.choices,
        }

    def _steps(self) -> list[int]:
        """Env steps of each seed at each checkpoint."""
        one = self.run.config.train
        return [update * one.num_envs * one.rollout_steps for update in self.run.updates]

    def _shards(self) -> list[dict[str, Any]]:
        found = self.answers.fitted.found
        if not self.answers.fitted.count or found is None:
            return []
        gates = found.gates.reshape(-1, found.num_shards)
        colours = shard_colours(self.answers.fitted.preferences, self.run.env.concept_names)
        shares = self._shares()
        return [
            {
                "name": found.names[number],
                "words": found.words[number],
                "status": found.statuses[number],
                "colour": colours[number],
                "full": max(float(np.percentile(gates[:, number], FULL)), 1e-3),
                "layer": self.answers.fitted.layers()[number],
                "slope": summary.get("interventions", {}).get("slope"),
                "shares": None if shares is None else _plain(shares[..., number]),
            }
            for number, summary in enumerate(summaries(found.dataset))
        ]

    def _shares(self) -> np.ndarray | None:
        """float64[T, S, K] over training, where the run was tracked."""
        if not self.run.store.has("track.nc"):
            return None
        return self.run.track["share"].transpose("checkpoint", "seed", "shard").values

    def answer(self, asked: Any) -> dict[str, Any]:
        """Answer a question of the page.

        Raises:
            UserError: it asks for what is not there, or for a level that cannot be.
        """
        if not isinstance(asked, Mapping):
            raise UserError("a question is a JSON object; reload the page")
        number = asked.get("level")
        level, base, number = self.level(self.number if number is None else _whole(number))
        edit = read_edit(self.run.env, base, asked.get("edit") or {}, self.choices)
        scene = self._scene(number, level, base, edit)
        checkpoint = _index(asked.get("checkpoint", -1), len(self.run.updates), "checkpoint")
        off = _indices(asked.get("off", []), self.answers.fitted.count, "shard")
        seeds = _indices(asked.get("seeds", [0]), len(self.run.seeds), "seed")
        variants = [(), tuple(off)] if off else [()]
        return {
            "level": number,
            "checkpoint": checkpoint,
            "off": off,
            "edit": plain_edit(edit, self.choices),
            "decision": scene.decision.tolist(),
            "seeds": {
                str(seed): plain_answer(self.answers.answer(scene, seed, checkpoint, variants))
                for seed in seeds
            },
        }

    def _scene(self, number: int, level: Level, base: Edit, edit: Edit) -> Scene:
        """The scene of an edit; the last one is kept, since scrubbing asks for it again."""
        key = number, edit.walls.tobytes(), edit.cells.tobytes(), tuple(edit.fields.items())
        seen = self._seen
        if seen[0] != key or seen[1] is None:
            seen = key, self.answers.scenes(level, base, [edit])[0]
            self._seen = seen
        assert seen[1] is not None
        return seen[1]


def plain_edit(edit: Edit, choices: Mapping[str, int]) -> dict[str, Any]:
    """An edit as JSON, with the fields that can be chosen."""
    walls = edit.walls.reshape(-1).astype(int)
    fields = {name: edit.fields[name] for name in choices}
    return {"walls": walls.tolist(), "cells": edit.cells.tolist(), "fields": fields}


def plain_answer(answer: Answer) -> dict[str, Any]:
    """An answer as JSON: lists [V][N·A] and [K][N]."""
    return {
        "network": [_plain(one.reshape(-1)) for one in answer.network],
        "model": [_plain(one.reshape(-1)) for one in answer.model],
        "gates": _plain(answer.gates.T),
    }


def _plain(values: np.ndarray) -> Any:
    return np.round(np.nan_to_num(values), DIGITS).tolist()


def _whole(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise UserError(f"{given!r} is no whole number; reload the page")
    return given


def _index(given: Any, count: int, what: str) -> int:
    number = _whole(given)
    if not -count <= number < count:
        raise UserError(f"there is no {what} {number} among {count}; reload the page")
    return number % count


def _indices(given: Any, count: int, what: str) -> list[int]:
    if not isinstance(given, list):
        raise UserError(f"{what}s are not a list; reload the page")
    return sorted({_index(one, count, what) for one in given})
