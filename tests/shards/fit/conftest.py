"""Loop mazes in plain numpy, with exact distances: a battery without an env."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest

from shardsim.shards.fit.data import DecisionData, decision_data

MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
SIZE = 9


class Mazes(NamedTuple):
    """What a battery offers to the model."""

    concepts: tuple[str, ...]
    covariates: dict[str, np.ndarray]
    advantages: np.ndarray
    blocked: np.ndarray
    reachable: np.ndarray
    level_index: np.ndarray

    def decisions(self, logits: np.ndarray) -> DecisionData:
        """What an agent with these logits [C, A] did there."""
        rest = (self.advantages, self.blocked, self.reachable, logits, self.level_index)
        return decision_data(self.covariates, self.concepts, *rest)


def _maze(rng):
    walls = np.ones((SIZE, SIZE), bool)
    walls[0, 0], stack, seen = False, [(0, 0)], {(0, 0)}
    while stack:
        row, column = stack[-1]
        near = [(row + 2 * a, column + 2 * b, row + a, column + b) for a, b in MOVES]
        near = [n for n in near if 0 <= n[0] < SIZE and 0 <= n[1] < SIZE and n[:2] not in seen]
        if not near:
            stack.pop()
            continue
        one, two, between, beside = near[rng.integers(len(near))]
        walls[one, two] = walls[between, beside] = False
        seen.add((one, two))
        stack.append((one, two))
    rows, columns = np.indices(walls.shape)
    return walls & ~(((rows + columns) % 2 == 1) & (rng.random(walls.shape) < 0.4))


def _distances(walls, goal):
    distance = np.where(walls, -1.0, np.inf)
    distance[goal] = 0.0
    padded = np.full((SIZE + 2, SIZE + 2), np.inf)
    for _ in range(SIZE * SIZE):
        padded[1:-1, 1:-1] = np.where(walls, np.inf, distance)
        near = np.min([padded[1 + a : 1 + a + SIZE, 1 + b : 1 + b + SIZE] for a, b in MOVES], 0)
        new = np.where(walls, -1.0, np.minimum(distance, near + 1))
        if (new == distance).all():
            break
        distance = new
    return distance


def _context(walls, distances, goals, cell, concepts):
    row, column = cell
    here = distances[:, row, column]
    advantage, blocked = np.zeros((4, len(goals))), np.zeros(4, bool)
    for action, (down, right) in enumerate(MOVES):
        there = row + down, column + right
        inside = 0 <= there[0] < SIZE and 0 <= there[1] < SIZE and not walls[there]
        blocked[action] = not inside
        after = distances[:, there[0], there[1]] if inside else here
        advantage[action] = np.where(here > 0, here - 1 - after, 0)
    found = {"row": row, "column": column, "exits": float((~blocked).sum()), "steps": 0.0}
    best = (advantage == 0) & (here > 0)
    for index, (name, goal) in enumerate(zip(concepts, goals, strict=True)):
        found[f"distance_{name}"] = here[index]
        line = goal[0] == row or goal[1] == column
        between = walls[min(row, goal[0]) : max(row, goal[0]) + 1]
        between = between[:, min(column, goal[1]) : max(column, goal[1]) + 1]
        found[f"sees_{name}"] = float(line and not between.any())
    for first, second in combinations(range(len(goals)), 2):
        apart = not (best[:, first] & best[:, second]).any() and (here[[first, second]] > 0).all()
        found[f"conflict_{concepts[first]}_{concepts[second]}"] = float(apart)
    return found, advantage, blocked


def build_mazes(seed: int, concepts: int = 3, levels: int = 60, contexts: int = 24) -> Mazes:
    """A battery stratified by distance to a concept drawn for each level."""
    rng = np.random.default_rng(seed)
    names = (*(f"thing{i}" for i in range(concepts - 1)), "corner")
    rows = []
    for level in range(levels):
        walls = _maze(rng)
        free = rng.permutation(np.argwhere(~walls))
        goals = [*(tuple(int(v) for v in cell) for cell in free[: concepts - 1]), (0, 0)]
        distances = np.stack([_distances(walls, goal) for goal in goals])
        cells = [tuple(int(v) for v in c) for c in free if tuple(c) not in goals[:-1]]
        stratum = np.array([min(distances[rng.integers(concepts), r, c], 6) for r, c in cells])
        for _ in range(contexts):
            pick = rng.choice(np.flatnonzero(stratum == rng.choice(stratum)))
            rows.append((level, *_context(walls, distances, goals, cells[pick], names)))
    return Mazes(
        names,
        {name: np.array([row[1][name] for row in rows], float) for name in rows[0][1]},
        np.stack([row[2] for row in rows]),
        np.stack([row[3] for row in rows]),
        np.ones((len(rows), concepts), bool),
        np.array([row[0] for row in rows]),
    )


@pytest.fixture(scope="session")
def mazes() -> Mazes:
    """One battery of three concepts that most tests share."""
    return build_mazes(0, levels=50, contexts=20)


@pytest.fixture(scope="session")
def make_mazes():
    """Build other batteries."""
    return build_mazes
