"""Breadth-first search in plain Python, to compare path lengths and connected cells with."""

from __future__ import annotations

from collections import deque

import numpy as np


def flood(walls: np.ndarray, source: tuple[int, int]) -> np.ndarray:
    """Moves from `source` to every cell by breadth-first search, -1 where there is no way."""
    found = np.full(walls.shape, -1)
    found[source], queue = 0, deque([source])
    while queue:
        row, column = queue.popleft()
        for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            cell = row + down, column + right
            inside = 0 <= cell[0] < walls.shape[0] and 0 <= cell[1] < walls.shape[1]
            if inside and not walls[cell] and found[cell] < 0:
                found[cell] = found[row, column] + 1
                queue.append(cell)
    return found
