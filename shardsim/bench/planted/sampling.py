"""Planted agents drawn at random: of every kind, with as many shards as asked.

Axes: O concepts, K shards, A actions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shardsim.base.errors import UserError
from shardsim.bench.planted.rules import (
    GATE_KINDS,
    HIDDEN,
    KINDS,
    SHARD_KINDS,
    PlantedGate,
    PlantedSpec,
)

ATTEMPTS = 10_000
LARGEST_RATIO = 20.0
SHUNNED = (0.3, 0.8)  # of what a shard wants, how much it shuns beside it


def sample_spec(
    rng: np.random.Generator,
    kind: str = "shards",
    *,
    concepts: tuple[str, ...],
    num_shards: int = 2,
    num_actions: int = 4,
    size: float = 9.0,
    noise: float | None = None,
    drives: tuple[str, ...] = (),
    places: tuple[int, ...] = (),
) -> PlantedSpec:
    """Draw a planted agent of a kind.

    Args:
      rng: numpy generator; all randomness comes from it.
      kind: one of `planted.KINDS`.
      concepts: names, in the order of the battery's axis O.
      num_shards: of kinds with shards, at most the number of concepts ("beyond-rank": more).
      num_actions: A.
      size: rows of the grid, for gates by position.
      noise: standard deviation of the smooth noise in logits; drawn from .1–.5 by default.
      drives: names of the env's drives and inventories, for "hidden" and "drive-planner".
      places: which concepts are places, for "place".

    Raises:
      UserError: an unknown kind, more shards than concepts, or an env without what the kind needs.
    """
    _check(kind, len(concepts), num_shards, drives, places)
    gates, preferences = _shards(rng, kind, len(concepts), num_shards, size, drives, places)
    strengths = _strengths(rng, kind, len(gates))
    planner = _planner(rng, len(concepts)) if kind == "planner" else ()
    drawn_noise = float(rng.uniform(0.1, 0.5)) * (2.5 if kind == "noise" else 1.0)
    habit = rng.normal(size=num_actions) * (1.5 if kind == "habits" else 0.3)
    return PlantedSpec(
        kind=kind,
        concepts=tuple(concepts),
        gates=tuple(gates),
        preferences=tuple(tuple(float(v) for v in row) for row in preferences),
        strengths=tuple(float(v) for v in strengths),
        habit=tuple(float(v) for v in habit),
        affordance=float(rng.uniform(-4, -1)),
        noise=drawn_noise if noise is None else float(noise),
        planner=planner,
        seed=int(rng.integers(2**31)),
        reward=_reward(rng, concepts, drives) if kind == "drive-planner" else (),
        discount=float(rng.uniform(0.8, 0.97)) if kind == "drive-planner" else 0.9,
    )


def _check(kind: str, count: int, shards: int, drives: tuple, places: tuple) -> None:
    if kind not in KINDS:
        raise UserError(f"no planted kind '{kind}'; choose one of {', '.join(KINDS)}")
    if shards > count and kind != "beyond-rank":
        raise UserError(f"{shards} shards cannot be told apart on {count} concepts; ask fewer")
    if kind == "hidden" and not drives:
        raise UserError("a hidden gate reads a drive, and this env has none; choose another env")
    if kind == "place" and not places:
        raise UserError(
            "this env has no place to prefer; choose another env, such as cheese-corner"
        )


def _shards(rng, kind, count, num_shards, size, drives, places):
    """Gates [K] and preferences [K, O] of a kind."""
    if kind in ("habit", "random"):
        return [], np.zeros((0, count))
    several = kind in SHARD_KINDS
    wanted = num_shards if several else 2 if kind.startswith("equal") else 1
    for _ in range(ATTEMPTS):
        gates = [_sample_gate(rng, count, size) for _ in range(wanted)]
        preferences = np.stack([_sample_preference(rng, count) for _ in range(wanted)])
        gates, preferences = _shaped(rng, kind, gates, preferences, drives, places)
        if _distinct(gates, preferences, kind == "beyond-rank"):
            break
    else:
        raise UserError(f"{wanted} shards of kind '{kind}' do not fit {count} concepts; ask fewer")
    if kind == "equal-preferences":
        preferences = np.repeat(preferences[:1], 2, 0)
    if kind == "equal-contexts":
        gates = [gates[0], gates[0]]
    if kind in ("one-utility", "planner"):
        gates = [PlantedGate("constant")]
    return gates, preferences


def _shaped(rng, kind, gates, preferences, drives, places):
    """What the kind asks of its gates and preferences."""
    count = preferences.shape[1]
    if kind == "avoid":
        preferences[-1] = -np.eye(count)[preferences[-1].argmax()]
    elif kind == "shun":
        wanted, shunned = rng.choice(count, 2, replace=False)
        mixed = np.eye(count)[wanted] - rng.uniform(*SHUNNED) * np.eye(count)[shunned]
        preferences[-1] = mixed / np.linalg.norm(mixed)
    elif kind == "place":
        preferences[0] = np.eye(count)[rng.choice(places)]
    elif kind == "hidden":
        drive = str(rng.choice(drives))
        gates[0] = PlantedGate(HIDDEN, threshold=0.5, flipped=bool(rng.integers(2)), name=drive)
    elif kind == "always-on":
        gates[0] = PlantedGate("constant")
    elif kind == "overlap":
        gates = [_softened(rng, gate) for gate in gates]
    elif kind == "decoy":
        preferences[:, -1] = 0.0
        norm = np.linalg.norm(preferences, axis=1, keepdims=True)
        preferences = preferences / np.maximum(norm, 1e-9)
    return gates, preferences


def _softened(rng: np.random.Generator, gate: PlantedGate) -> PlantedGate:
    """A gate that reaches far into the others': wide edges, slow decay."""
    if gate.kind == "decay":
        return replace(gate, width=float(rng.uniform(0.75, 0.95)))
    return replace(gate, width=float(rng.uniform(1.5, 3.0)))


def _sample_gate(rng: np.random.Generator, count: int, size: float) -> PlantedGate:
    kind = str(rng.choice(GATE_KINDS))
    concept, other = (int(v) for v in rng.choice(count, 2, replace=False))
    threshold = float(rng.integers(2, 6)) if kind in ("near", "far") else float(size // 2)
    width = float(rng.choice([0.0, 0.5, 1.0])) if kind != "decay" else float(rng.uniform(0.4, 0.8))
    flipped = kind in ("row", "column", "sees") and bool(rng.integers(2))
    return PlantedGate(kind, concept, other, threshold, width, flipped)


def _sample_preference(rng: np.random.Generator, count: int) -> np.ndarray:
    if rng.random() < 0.6:
        return np.eye(count)[rng.integers(count)]
    mixed = rng.dirichlet(np.full(count, 0.6))
    return mixed / np.linalg.norm(mixed)


def _identity(gate: PlantedGate) -> tuple:
    """What of a gate decides where it is active."""
    if gate.kind in ("constant", "row", "column"):
        return gate.kind, gate.flipped and gate.kind != "constant"
    if gate.kind == HIDDEN:
        return gate.kind, gate.name, gate.flipped
    if gate.kind == "conflict":
        return gate.kind, min(gate.concept, gate.other), max(gate.concept, gate.other)
    return ("near" if gate.kind == "decay" else gate.kind), gate.concept, gate.flipped


def _distinct(gates: list[PlantedGate], preferences: np.ndarray, beyond_rank: bool) -> bool:
    """No two gates alike; no two preferences within 45 degrees (26 where there are many)."""
    keys = [_identity(g) for g in gates]
    close = np.abs(preferences @ preferences.T) > (0.9 if beyond_rank else 0.7)
    if len(set(keys)) < len(keys) or np.triu(close, 1).any():
        return False
    if np.linalg.norm(preferences, axis=1).min() <= 0.5:
        return False
    return beyond_rank or bool(np.linalg.matrix_rank(preferences, tol=0.2) == len(gates))


def _strengths(rng: np.random.Generator, kind: str, shards: int) -> np.ndarray:
    """Peak strengths [K] in logits per move: 1 to 5, or .5 to 10 with the widest ratio drawn."""
    if kind == "ratio" and shards > 1:
        ratio = np.exp(rng.uniform(np.log(5.0), np.log(LARGEST_RATIO)))
        between = np.exp(rng.uniform(0, np.log(ratio), shards - 2))
        return rng.permutation(0.5 * np.r_[1.0, ratio, between])
    strengths = np.exp(rng.uniform(0, np.log(5), shards))
    return strengths + 1.0 if kind == "planner" else strengths


def _planner(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    value, slope = rng.uniform(0, 3, count), rng.uniform(0.3, 1.2, count)
    return tuple(float(v) for v in [rng.uniform(0.3, 1.5), *value, *slope])


def _reward(
    rng: np.random.Generator, concepts: tuple[str, ...], drives: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    """One reward: what reaching each concept pays, and how each drive changes that.

    In units of the temperature, before the gain; one concept in four pays nothing.
    """
    found = []
    for name in concepts:
        pays = float(rng.uniform(1.0, 4.0)) * float(rng.random() < 0.75)
        found.append((f"reaching {name}", pays))
        found += [(f"reaching {name} by {d}", float(rng.uniform(-pays, 3.0))) for d in drives]
    if not any(weight for _, weight in found):
        found[0] = (found[0][0], 2.0)
    return tuple(found)
