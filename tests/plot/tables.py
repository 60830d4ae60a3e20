"""Small tables with known numbers, in the shape that the plot functions take."""

from __future__ import annotations

import numpy as np

from shardsim.plot.constancy import Change
from shardsim.plot.curves import Curves
from shardsim.plot.influence import Influence
from shardsim.plot.levels import Board
from shardsim.plot.reflection import Shift
from shardsim.plot.shares import Distribution, Shares
from shardsim.plot.style import AFFORDANCE, BLUE, HABIT, ORANGE, PURPLE, RESIDUAL

STEPS = np.array([0, 2048, 4096, 8192, 16384, 65536, 131072, 400_000], float)
PARTS = ("cheese", "corner", "habit", "affordance", "unexplained rest")
COLOURS = (ORANGE, BLUE, HABIT, AFFORDANCE, RESIDUAL)


def generator() -> np.random.Generator:
    """The one source of chance here."""
    return np.random.default_rng(0)


def curves() -> Curves:
    rise = 1 - np.exp(-STEPS / 40_000)
    seeds = 1 - 0.03 * np.arange(4)[:, None]
    return Curves(STEPS, {"held-out": 0.96 * rise * seeds, "target": 0.35 * rise * seeds})


def distribution(seeds: int = 4) -> Distribution:
    ramp = np.linspace(0, 1, len(STEPS))[:, None, None]
    raw = np.concatenate([ramp, 0.6 * ramp, 1 - 0.9 * ramp, 0.2 + 0 * ramp, 1 - 0.7 * ramp], 2)
    noise = generator().uniform(0.8, 1.2, (len(STEPS), seeds, 5))
    share = raw * noise
    return Distribution(STEPS, share / share.sum(2, keepdims=True), PARTS, COLOURS, "target levels")


def shares() -> Shares:
    seeds = distribution().share[-1]
    return Shares(seeds.mean(0), seeds.mean(0) - 0.04, seeds.mean(0) + 0.04, seeds)


def influence() -> Influence:
    fall = np.array([0.81, 0.31, 0.05, 0.02, 0.0])
    noise = generator().normal(0, 0.02, (4, 5))
    missing = np.zeros((4, 5))
    missing[:, -1] = np.nan
    return Influence(
        bins=("1", "2", "3", "4–5", "6+"),
        signed={"cheese": fall + noise, "decoy": 0.02 * noise + missing},
        colours={"cheese": ORANGE, "decoy": PURPLE},
        model={"cheese, in the model": fall + 0.05 + noise},
        nulls={"untrained, head scaled": noise * 0.1, "policy shuffled": noise},
    )


def board() -> Board:
    walls = np.zeros((5, 7), bool)
    walls[1, [1, 2, 3]] = walls[3, [3, 5]] = True
    concepts = {"cheese": [[4, 4]], "decoy": [[2, 6]], "corner": [[0, 0]]}
    return Board(walls, {name: np.array(cells) for name, cells in concepts.items()})


def bits() -> tuple[list[str], np.ndarray]:
    models = ["habits and affordance", "one utility", "planner with gain", "shards", "ceiling"]
    mean = np.array([0.892, 0.701, 0.524, 0.503, 0.248])
    return models, mean[:, None] + np.array([-0.02, 0.0, 0.01, 0.03])


def trajectories() -> tuple[np.ndarray, dict]:
    steps = np.arange(0, 25, 4).astype(float)
    made: dict = {}
    for row, onset in enumerate(("near the corner", "near the cheese", "contested")):
        for model, pull in (("turns", 0.008), ("summed", 0.02), ("sham", 0.0)):
            spread = np.array([-0.05, 0.0, 0.02, 0.04])
            cheese = np.clip(0.3 + 0.1 * row + pull * steps[:, None] + spread, 0, 0.9)
            made.setdefault(onset, {}).setdefault("cheese first", {})[model] = cheese
            made[onset].setdefault("corner first", {})[model] = 0.95 - cheese
            made[onset].setdefault("neither", {})[model] = np.full_like(cheese, 0.05)
    return steps, made


def shift() -> Shift:
    before = np.array([[0.2, 0.1], [0.3, 0.1], [0.25, 0.2]])
    turned = before + np.array([-0.1, 0.02])
    sham = before + np.array([[0.01, 0.0], [0.0, 0.0], [-0.01, 0.03]])
    return Shift(before, {"turns": turned, "sham": sham}, {"turns": "drifted"})


def changes() -> list[Change]:
    values = {"cheese": 0.01, "corner": -0.2}
    noise = 0.002 * np.arange(4)
    return [
        Change(shard, place, {"turns": value + noise, "sham": noise})
        for shard, value in values.items()
        for place in ("target", "onset")
    ]


def evidence() -> list[dict]:
    rows = (
        ("environment", "transition audit", 4, 0, 0.0, 0.0, "fraction of steps", "agrees"),
        ("advantage", "advantage recomputed", 98, 1, 1.12345, 0.0, "max abs. gap", "disagrees"),
        ("update", "gradient from Adam", 196, 0, 4e-7, 0.0, "relative", "agrees"),
    )
    keys = ("section", "measurement", "phase", "seed", "measured", "exact", "unit", "verdict")
    gaps = ((0.0, 0.0), (1.12345, 0.001), (4e-7, 4e-4))
    return [
        dict(zip(keys, row, strict=True)) | {"gap": gap, "tolerance": tolerance}
        for row, (gap, tolerance) in zip(rows, gaps, strict=True)
    ]
