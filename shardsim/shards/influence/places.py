"""Places tested by moving the whole maze: does the pull follow the maze, the mark or the frame?

An agent may know a place by its plane in the observation (the mark), by the walls around it (the
maze), or by where it lies on the grid (the frame). In the maze flipped east-west the place's cell
of the maze and its cell of the frame are two different cells; the mark can lie on either.

Axis letters: S policies · C contexts · A actions · Q places · V variants of the test · W widths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from shardsim.shards.contexts import sampling
from shardsim.shards.contexts.battery import Battery, gathered
from shardsim.shards.influence.influence import advantage_toward, can_mirror
from shardsim.shards.influence.objects import centred

VARIANTS = ("unmoved", "mark stays in the frame", "mark moves with the maze")
TARGETS = ("maze", "frame")


class PlaceTest(NamedTuple):
    """Mean pulls, in logits a move, toward where the place lies in the maze and in the frame."""

    places: tuple[int, ...]  # Q, concept indices
    pull: np.ndarray  # float64[S, Q, V, 2], NaN where no context has a way to both cells
    shiftable: float  # part of the contexts whose maze can be shifted by a cell and stay whole
    shifted: np.ndarray  # float64[S, Q], pull in the shifted maze there; NaN where there are none


def place_test(ask: Callable[[np.ndarray], np.ndarray], none: Battery) -> PlaceTest:
    """Move the maze under policies and read where their pull goes.

    Args:
      ask: observations float32[C, H, W, planes] -> logits [S, C, A].
      none: contexts without objects (`objects.emptied`), so that no object pulls as well.

    Returns:
      Pulls are the coefficients of a least-squares fit of the centred logits to the exact
      advantages of both cells, over the contexts in which both are reachable; no places where
      actions have no mirror image. The frame's cell is, seen from the maze, the mirrored one.
    """
    env = none.env
    places = tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "place")
    if not can_mirror(env) or not places:
        return PlaceTest((), np.zeros((0, 0, len(VARIANTS), 2)), 0.0, np.zeros((0, 0)))
    flipped, back = env.mirror(jnp.asarray(none.observations))
    whole = np.ascontiguousarray(none.observations[:, :, ::-1])
    plain = ask(none.observations)
    seen = [plain, ask(np.asarray(flipped))[..., back], ask(whole)[..., back]]
    said = [centred(logits) for logits in seen]
    moved, free = shifted_by_one(none)
    after = centred(ask(moved)) if free.any() else None
    image = mirrored_places(none, places)
    pull = np.full((len(plain), len(places), len(VARIANTS), 2), np.nan)
    shifted = np.full((len(plain), len(places)), np.nan)
    for at, number in enumerate(places):
        both = none.reachable[:, number] & image.reachable[:, number]
        ways = np.stack([advantage_toward(one, number) for one in (none, image)], -1)
        for variant, logits in enumerate(said):
            if both.any():
                pull[:, at, variant] = _pulls(logits[:, both], ways[both], none.weight[both])
        kept = both & free
        if after is not None and kept.any():
            shifted[:, at] = _pulls(after[:, kept], ways[kept], none.weight[kept])[:, 0]
    return PlaceTest(places, pull, float(np.average(free, weights=none.weight)), shifted)


def mirrored_places(none: Battery, places: tuple[int, ...]) -> Battery:
    """Return the contexts with every place at its mirror image east-west, analysed anew."""
    home, model = none.tabular_model
    which = np.isin(np.arange(len(none.env.concepts)), places)
    position = jnp.asarray(model.levels.position)
    image = position.at[..., 1].set(none.env.width - 1 - position[..., 1])
    cells = jnp.where(jnp.asarray(which)[None, :, None, None], image, position)
    levels = model.levels.replace(position=cells)
    found = sampling.survey(none.env, levels)
    about = {name: getattr(none, name) for name in ("kind", "split", "seed")}
    return gathered(none.env, levels, found, tuple(home.T), none.weight, about)


def shifted_by_one(none: Battery) -> tuple[np.ndarray, np.ndarray]:
    """Shift each observation one cell where that loses nothing: past a side that is all wall.

    Returns:
      Observations float32[C, H, W, planes] and bool[C], whether the maze could be shifted. A maze
      that has a free cell at every side fills the frame, and no shift leaves it whole.
    """
    walls = np.asarray(none.states.level.walls, bool)
    moved, done = none.observations.copy(), np.zeros(none.size, bool)
    for axis, side in ((1, -1), (1, 0), (2, -1), (2, 0)):
        able = np.take(walls, side, axis).all(1) & ~done
        moved[able] = np.roll(none.observations[able], 1 if side else -1, axis)
        done |= able
    return moved, done


def _pulls(logits: np.ndarray, ways: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return float64[S, 2]: coefficients of logits [S, C, A] on advantages [C, A, 2]."""
    ways = (ways - ways.mean(1, keepdims=True)) * np.sqrt(weight)[:, None, None]
    scaled = logits * np.sqrt(weight)[None, :, None]
    table = ways.reshape(-1, 2)
    return np.linalg.lstsq(table, scaled.reshape(len(logits), -1).T, rcond=None)[0].T
