"""Pictures of a state: RGB arrays for figures and films, coloured text for terminals.

H, W rows and columns of the grid; h, w pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import jax
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env import legend as looks
from shardsim.env.core import Env
from shardsim.env.shapes import SHAPES
from shardsim.env.types import State

ENLARGED = 1.2  # how much larger objects and the agent are drawn than `SHAPES` has them
RESET = "\x1b[0m"


def render_rgb(env: Env, state: State, cell_pixels: int = 32) -> np.ndarray:
    """Draw a state as uint8[h, w, 3], with a frame of a quarter of a cell around the grid.

    Places lie under objects and objects under the agent. Raises UserError below 4 pixels a cell.
    """
    if cell_pixels < 4:
        raise UserError(f"cell_pixels must be at least 4 to show anything, not {cell_pixels}")
    walls = np.asarray(state.level.walls)
    picture = _ground(walls, cell_pixels)
    for sprite, mask in layers(env, state):
        tile, alpha = _tile(sprite, cell_pixels)
        for row, column in np.argwhere(mask):
            rows = slice(row * cell_pixels, (row + 1) * cell_pixels)
            columns = slice(column * cell_pixels, (column + 1) * cell_pixels)
            under = picture[rows, columns]
            picture[rows, columns] = under + alpha * (tile - under)
    frame = max(1, cell_pixels // 4)
    edge = np.pad(picture, ((frame, frame), (frame, frame), (0, 0)), constant_values=np.nan)
    edge = np.where(np.isnan(edge), _rgb(looks.WALL), edge)
    return np.rint(edge).astype(np.uint8)


def render_ansi(env: Env, state: State, mark: tuple[int, int] | None = None) -> str:
    """Draw a state as H lines of coloured text, two columns a cell; `mark` frames one cell."""
    walls = np.asarray(state.level.walls)
    glyphs = np.full(walls.shape, " ", object)
    backs = np.where(walls, looks.WALL, looks.FLOOR).astype(object)
    fronts = np.full(walls.shape, looks.INK, object)
    for sprite, mask in layers(env, state):
        where = np.asarray(mask)
        glyphs[where] = sprite.glyph
        backs[where] = sprite.colour if sprite == looks.AGENT else looks.FLOOR
        fronts[where] = looks.FLOOR if sprite == looks.AGENT else _darker(sprite.colour)
    seconds = np.full(walls.shape, " ", object)
    if mark is not None:
        backs[mark], fronts[mark], seconds[mark] = looks.YELLOW, looks.INK, "<"
    cells = [
        [
            _paint(first + second, front, back)
            for first, second, front, back in zip(*row, strict=True)
        ]
        for row in zip(glyphs, seconds, fronts, backs, strict=True)
    ]
    return "\n".join("".join(row) for row in cells)


def legend_ansi(env: Env, state: State) -> str:
    """Name everything that `render_ansi` draws, in its colours, with how many of it are there."""
    words = [f"{_paint(f'{looks.AGENT.glyph} ', looks.FLOOR, looks.AGENT.colour)} agent"]
    there = np.asarray(env.present(state)).sum(axis=1)
    for count, concept in zip(there, env.concepts, strict=True):
        sprite = looks.legend(env)[concept.name]
        many = f" {count} of {concept.instances}" if concept.instances > 1 else ""
        gone = " gone" if not count else many
        key = _paint(f"{sprite.glyph} ", _darker(sprite.colour), looks.FLOOR)
        words.append(f"{key} {concept.name}{gone}")
    return "  ".join([*words, f"{_paint('  ', looks.INK, looks.WALL)} wall"])


def tiled(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Put frames uint8[h, w, 3] of one size side by side, in about as many rows as columns."""
    columns = math.ceil(math.sqrt(len(frames)))
    blank = np.broadcast_to(_rgb(looks.WALL).astype(np.uint8), frames[0].shape)
    filled = [*frames, *[blank] * (-len(frames) % columns)]
    rows = [np.hstack(filled[at : at + columns]) for at in range(0, len(filled), columns)]
    return np.vstack(rows)


def layers(env: Env, state: State) -> list[tuple[looks.Sprite, np.ndarray]]:
    """Return sprites with the cells bool[H, W] they cover, from the bottom to the top."""
    legend = looks.legend(env)
    ordered = sorted(env.concepts, key=lambda concept: concept.kind != "place")
    found = [
        (legend[concept.name], np.asarray(env.goal_mask(state, concept.name)))
        for concept in ordered
    ]
    row, column = (int(part) for part in jax.device_get(env.agent_cell(state)))
    here = np.zeros((env.height, env.width), bool)
    here[row, column] = True
    return [*found, (looks.AGENT, here)]


def _ground(walls: np.ndarray, pixels: int) -> np.ndarray:
    """Return float64[h, w, 3]: floor with fine lines, and walls with a light upper edge."""
    wall = np.kron(walls, np.ones((pixels, pixels), bool))[..., None]
    lines = np.zeros(wall.shape[:2], bool)
    lines[::pixels], lines[:, ::pixels] = True, True
    floor = np.where(lines[..., None], _rgb(looks.LINE), _rgb(looks.FLOOR))
    picture = np.where(wall, _rgb(looks.WALL), floor)
    open_below = np.vstack([~walls[1:] & walls[:-1], np.zeros((1, walls.shape[1]), bool)])
    depth = max(1, pixels // 8)
    for row, column in np.argwhere(open_below):
        bottom = (row + 1) * pixels
        picture[bottom - depth : bottom, column * pixels : (column + 1) * pixels] *= 0.72
    return picture


@lru_cache(maxsize=256)
def _tile(sprite: looks.Sprite, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a sprite as colours float64[p, p, 3] and opacity float64[p, p, 1], with an outline."""
    at = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    # Objects fill their cell; a place already does.
    scale = 1.0 if sprite.shape == "bracket" else ENLARGED
    x, y = np.meshgrid(at / scale, at / scale)
    distance = SHAPES[sprite.shape](x, y) * scale * pixels / 2
    thickness = max(1.0, pixels / 20)
    body = np.clip(0.5 - distance, 0, 1)[..., None]
    fill = np.clip(0.5 - distance - thickness, 0, 1)[..., None]
    outline = _rgb(looks.FLOOR if sprite == looks.AGENT else _darker(sprite.colour))
    if sprite == looks.AGENT:
        body = np.clip(0.5 - distance + thickness, 0, 1)[..., None]
        fill = np.clip(0.5 - distance, 0, 1)[..., None]
    tile = outline + fill * (_rgb(sprite.colour) - outline)
    if sprite == looks.AGENT:
        for side in (-0.2, 0.2):
            away = np.hypot(x - side, y + 0.02) - 0.1
            eye = np.clip(0.5 - away * scale * pixels / 2, 0, 1)
            tile = tile + eye[..., None] * (255.0 - tile)
    return tile, body


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], np.float64)


def _darker(colour: str) -> str:
    red, green, blue = (int(part * 0.62) for part in _rgb(colour))
    return f"#{red:02X}{green:02X}{blue:02X}"


def _paint(text: str, front: str, back: str) -> str:
    fore, behind = (";".join(str(int(part)) for part in _rgb(c)) for c in (front, back))
    return f"\x1b[38;2;{fore};48;2;{behind}m{text}{RESET}"
