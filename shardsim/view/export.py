"""The view as one HTML file that needs no server: every answer about one level, made beforehand.

One object may lie on any free cell, or be taken away; nothing else can be changed. Numbers are
bytes: a probability p is kept as round(255 p), a gate as a part of its shard's largest.
Axis letters: T checkpoints · S seeds · V variants (all on, then each shard off) · P places of the
object · N free cells · A actions · K shards.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.progress import SILENT, Progress
from shardsim.runs.run import Run
from shardsim.view import assets
from shardsim.view.answers import Scene
from shardsim.view.edit import ABSENT, Edit
from shardsim.view.page import Desk, plain_edit

LARGEST = 6_000_000  # bytes of a file
FULL = 255  # stands for 1


class Table(NamedTuple):
    """All answers about one level, in bytes."""

    decision: np.ndarray  # uint8[P, N], 1 where an agent can come to decide
    network: np.ndarray  # uint8[T, S, V, P, N, A]
    model: np.ndarray  # uint8[T, S, V, P, N, A]; V = 0 without shards
    gates: np.ndarray  # uint8[T, S, K, P, N]
    scale: np.ndarray  # float64[K], the gate that `FULL` stands for


class Exported(NamedTuple):
    """What was written."""

    path: Path
    size: int  # bytes
    checkpoints: list[int]  # their numbers
    left_out: int  # checkpoints that did not fit


def export(
    run: Run,
    path: Path,
    *,
    level: int | None = None,
    split: str = "target",
    thing: str | None = None,
    largest: int = LARGEST,
    progress: Progress = SILENT,
) -> Exported:
    """Write the page to a file of at most `largest` bytes; fewer checkpoints if it must be.

    Args:
        run: at least partly trained.
        path: the file, `.html`.
        level: number of the level; None for the one with most decisions in conflict.
        split: "train", "held-out" or "target".
        thing: the object that can be moved; by default the first that lies in the level.
        largest: bytes.
        progress: where to say how far it is.

    Raises:
        UserError: no such level, split or object, or a file that cannot be written.
    """
    if path.suffix != ".html":
        raise UserError(f"{path} does not end in .html; give a name that does, as in view.html")
    desk = Desk(run, level, split)
    _, edit, _ = desk.level(desk.number)
    concept = _movable(desk, edit, thing)
    every = list(range(len(run.updates)))
    table, places, cells = answers_of(desk, concept, every, progress)
    kept = every
    html = _html(desk, edit, concept, table, places, cells, kept)
    while len(html) > largest and len(kept) > 1:
        kept = _fewer(every, max(1, int(len(kept) * 0.98 * largest / len(html))))
        html = _html(desk, edit, concept, table, places, cells, kept)
    try:
        path.write_bytes(html)
    except OSError as error:
        raise UserError(f"cannot write {path}: {one_line(error)}; give another") from error
    return Exported(path, len(html), kept, len(every) - len(kept))


def _fewer(every: Sequence[int], count: int) -> list[int]:
    """`count` of them, evenly, the last one always."""
    places = np.linspace(len(every) - 1, 0, count).round().astype(int)
    return sorted({every[place] for place in places})


def _movable(desk: Desk, edit: Edit, thing: str | None) -> int:
    """The concept whose first instance can be moved."""
    env = desk.run.env
    there = [
        number
        for number, one in enumerate(env.concepts)
        if one.kind == "object" and edit.cells[number, 0] >= 0
    ]
    names = [env.concept_names[number] for number in there]
    if not names:
        raise UserError(f"level {desk.number} holds no object to move; give another with --level")
    if thing is not None and thing not in names:
        raise UserError(f"no object {thing!r} lies in the level; {did_you_mean(thing, names)}")
    return there[0] if thing is None else there[names.index(thing)]


def answers_of(
    desk: Desk, concept: int, checkpoints: Sequence[int], progress: Progress = SILENT
) -> tuple[Table, list[int], list[int]]:
    """Every answer about the desk's level, by where one object lies; its places, the free cells."""
    level, edit, _ = desk.level(desk.number)
    cells = np.flatnonzero(~edit.walls.reshape(-1)).tolist()
    others = np.delete(edit.cells.reshape(-1), concept * edit.cells.shape[1]).tolist()
    objects = {cell for cell in others if cell in _object_cells(desk, edit)}
    places = [cell for cell in cells if cell not in objects] + [ABSENT]
    scenes = desk.answers.scenes(level, edit, [_with(edit, concept, place) for place in places])
    whole = merged(scenes, cells)
    variants = [(), *((shard,) for shard in range(desk.answers.fitted.count))]
    seeds = range(len(desk.run.seeds))
    network, model, gates = [], [], []
    for done, checkpoint in enumerate(checkpoints):
        progress.update(done, len(checkpoints))
        found = [desk.answers.answer(whole, seed, checkpoint, variants) for seed in seeds]
        network.append([one.network for one in found])
        model.append([one.model for one in found])
        gates.append([one.gates.T for one in found])
    size = (len(places), len(cells))
    gate = np.asarray(gates).reshape(len(checkpoints), len(seeds), -1, *size)
    decision = whole.decision.reshape(size)
    gate = np.where(decision, np.nan_to_num(gate), 0.0)
    scale = gate.max((0, 1, 3, 4), initial=1e-6)
    actions = desk.run.env.num_actions
    shape = (len(checkpoints), len(seeds), -1, *size, actions)
    table = Table(
        decision=decision.astype(np.uint8),
        network=_bytes(np.asarray(network).reshape(shape)),
        model=_bytes(np.asarray(model).reshape(*shape[:2], len(model[0][0]), *shape[3:])),
        gates=_bytes(gate / scale[:, None, None]),
        scale=scale,
    )
    return table, places, cells


def _object_cells(desk: Desk, edit: Edit) -> set[int]:
    """Cells on which an object lies."""
    kinds = [one.kind == "object" for one in desk.run.env.concepts]
    return set(edit.cells[kinds].reshape(-1).tolist()) - {ABSENT}


def _with(edit: Edit, concept: int, place: int) -> Edit:
    cells = edit.cells.copy()
    cells[concept, 0] = place
    return edit._replace(cells=cells)


def merged(scenes: Sequence[Scene], cells: Sequence[int]) -> Scene:
    """Some cells of several scenes as one, so that an agent is asked once."""
    data = scenes[0].data
    arrays = [name for name, value in data._asdict().items() if isinstance(value, np.ndarray)]
    joined = {
        name: np.concatenate([getattr(one.data, name)[cells] for one in scenes]) for name in arrays
    }
    return Scene(
        jnp.concatenate([one.observations[np.asarray(cells)] for one in scenes]),
        data._replace(**joined),
        np.concatenate([one.decision[cells] for one in scenes]),
    )


def _bytes(shares: np.ndarray) -> np.ndarray:
    return np.round(np.nan_to_num(shares) * FULL).astype(np.uint8)


def _html(
    desk: Desk,
    edit: Edit,
    concept: int,
    table: Table,
    places: Sequence[int],
    cells: Sequence[int],
    kept: Sequence[int],
) -> bytes:
    """The file, with some of the checkpoints."""
    arrays = {
        "decision": table.decision,
        "network": table.network[list(kept)],
        "model": table.model[list(kept)],
        "gates": table.gates[list(kept)],
    }
    raw = b"".join(one.tobytes() for one in arrays.values())
    stored = {
        "page": _page(desk, concept, kept),
        "edit": plain_edit(edit, {}),
        "object": [concept, 0],
        "places": list(places),
        "cells": list(cells),
        "scale": table.scale.tolist(),
        "arrays": {name: list(one.shape) for name, one in arrays.items()},
        "bytes": base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode(),
    }
    plain = json.dumps(stored).replace("<", "\\u003c")  # nothing in it ends the element
    view = assets.module().replace("export default", "const view =", 1)
    head = f"<style>\n{assets.text('view.css')}{assets.BODY}</style>"
    body = (
        f'<script type="application/json" id="stored">{plain}</script>\n'
        f'<script type="module">\n{view}\n{assets.text("stored.js")}</script>'
    )
    return assets.page(desk.run.path.name, head, body).encode()


def _page(desk: Desk, concept: int, kept: Sequence[int]) -> dict[str, Any]:
    """What the page is told, cut down to what the file can answer."""
    page = desk.page

    def cut(shares: list[Any] | None) -> list[Any] | None:
        return None if shares is None else [shares[number] for number in kept]

    return page | {
        "shards": [shard | {"shares": cut(shard["shares"])} for shard in page["shards"]],
        "steps": [page["steps"][number] for number in kept],
        "movable": [concept],
        "walls_move": False,
        "fields": {},
        "levels": 1,
        "one_off": True,
    }
