"""The shapes of sprites as signed distances, which draw smoothly at any size.

A shape takes x and y, float64[p, p] from -1 to 1 over a cell, x to the right and y downwards, and
returns float64[p, p]: negative inside. After Quílez (2D distance functions, iquilezles.org).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


def disc(x: np.ndarray, y: np.ndarray, radius: float = 0.58) -> np.ndarray:
    """A filled circle."""
    return np.hypot(x, y) - radius


def ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A circle's outline."""
    return np.abs(np.hypot(x, y) - 0.45) - 0.16


def box(x: np.ndarray, y: np.ndarray, width: float = 0.5, height: float = 0.5) -> np.ndarray:
    """A rectangle around the middle, of half `width` and half `height`."""
    across, down = np.abs(x) - width, np.abs(y) - height
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
    return outside + np.minimum(np.maximum(across, down), 0)


def square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A square with round edges."""
    return box(x, y, 0.42, 0.42) - 0.1


def polygon(x: np.ndarray, y: np.ndarray, corners: list[tuple[float, float]]) -> np.ndarray:
    """A polygon, by the distance to its sides and the number of times a ray crosses them."""
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, corners[-1:] + corners[:-1], strict=True):
        ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
        along = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, np.hypot(wx - ex * along, wy - ey * along))
        inside ^= ((ay > y) != (by > y)) & (x < ex * (y - ay) / (by - ay + 1e-12) + ax)
    return np.where(inside, -nearest, nearest)


def diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A square on its tip."""
    return polygon(x, y, [(0, -0.66), (0.52, 0), (0, 0.66), (-0.52, 0)])


def triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A triangle on its base."""
    return polygon(x, y, [(0, -0.58), (0.6, 0.48), (-0.6, 0.48)])


def hexagon(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A regular hexagon."""
    turns = np.arange(6) * np.pi / 3
    return polygon(x, y, [(0.6 * np.cos(t), 0.6 * np.sin(t)) for t in turns])


def bar(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A slanting line."""
    one, other = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    return box(one, other, 0.66, 0.16) - 0.06


def star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A five-pointed star."""
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = [0.7, 0.32] * 5
    return polygon(
        x, y, [(r * np.cos(t), r * np.sin(t)) for r, t in zip(radii, turns, strict=True)]
    )


def cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A diagonal cross."""
    one, other = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    return np.minimum(box(one, other, 0.62, 0.14), box(one, other, 0.14, 0.62)) - 0.04


def wedge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A piece of cheese with two holes."""
    piece = polygon(x, y, [(-0.66, 0.12), (0.36, -0.5), (0.66, 0.0), (0.66, 0.48), (-0.66, 0.48)])
    holes = np.minimum(disc(x + 0.12, y - 0.2, 0.14), disc(x - 0.34, y - 0.12, 0.12))
    return np.maximum(piece - 0.03, -holes)


def drop(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A drop of water."""
    tip = polygon(x, y, [(0, -0.72), (0.39, 0.06), (-0.39, 0.06)])
    return np.minimum(disc(x, y - 0.2, 0.42), tip)


def heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A heart: two discs over a tip."""
    lobes = np.minimum(disc(x - 0.27, y + 0.18, 0.32), disc(x + 0.27, y + 0.18, 0.32))
    return np.minimum(lobes, polygon(x, y, [(-0.54, 0.0), (0, -0.2), (0.54, 0.0), (0, 0.62)]))


def key(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A key: bow, shank and two bits."""
    bow = np.abs(np.hypot(x + 0.36, y) - 0.24) - 0.1
    shank = box(x - 0.28, y, 0.42, 0.09)
    bits = np.minimum(box(x - 0.36, y - 0.2, 0.08, 0.16), box(x - 0.62, y - 0.2, 0.08, 0.2))
    return np.minimum(bow, np.minimum(shank, bits))


def chest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A chest with a gap under its lid and a lock."""
    body = box(x, y - 0.04, 0.54, 0.42) - 0.06
    gap = np.maximum(box(x, y + 0.08, 0.7, 0.05), -box(x, y + 0.02, 0.12, 0.2))
    return np.maximum(body, -gap)


def bracket(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The four corners of a frame: a place, under whatever stands on it."""
    frame = np.abs(box(x, y, 0.76, 0.76)) - 0.08
    return np.maximum(frame, np.maximum(0.36 - np.abs(x), 0.36 - np.abs(y)))


def agent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A round body with two ears."""
    ears = np.minimum(disc(x - 0.38, y + 0.42, 0.22), disc(x + 0.38, y + 0.42, 0.22))
    return np.minimum(disc(x, y - 0.06, 0.54), ears)


SHAPES: dict[str, Shape] = {
    shape.__name__: shape
    for shape in (
        disc,
        ring,
        square,
        diamond,
        triangle,
        hexagon,
        star,
        bar,
        cross,
        wedge,
        drop,
        heart,
        key,
        chest,
        bracket,
        agent,
    )
}
