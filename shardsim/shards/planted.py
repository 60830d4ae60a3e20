"""Planted agents: rules with known shards (or none), to test the method on before any network.

A planted agent is a frozen description; `planted_logits` turns it into exact logits over a
battery. Axes: C contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shardsim.base.errors import UserError

GATE_KINDS = ("constant", "near", "far", "decay", "conflict", "row", "column", "sees")
NULL_KINDS = (
    "one-utility",
    "gain",
    "planner",
    "habit",
    "random",
    "equal-preferences",
    "equal-contexts",
)
KINDS = ("shards", "avoid", *NULL_KINDS)

Covariates = Mapping[str, np.ndarray]  # name -> [C]


@dataclass(frozen=True)
class PlantedGate:
    """Where a planted shard is active; its value lies between 0 and 1 before the strength.

    `threshold` is in moves for near, far and decay, and in cells for row and column; `width` is
    the softness of the step (0: hard) or the decay rate a move for decay.
    """

    kind: str
    concept: int = 0
    other: int = 1
    threshold: float = 3.0
    width: float = 0.0
    flipped: bool = False


@dataclass(frozen=True)
class PlantedSpec:
    """One planted agent. Preferences are rows of unit norm; strengths are in logits a move."""

    kind: str
    concepts: tuple[str, ...]
    gates: tuple[PlantedGate, ...]
    preferences: tuple[tuple[float, ...], ...]
    strengths: tuple[float, ...]
    habit: tuple[float, ...]
    affordance: float = -2.0
    noise: float = 0.0
    planner: tuple[float, ...] = ()  # τ, then u_o for every concept, then κ_o for every concept
    seed: int = 0

    @property
    def num_shards(self) -> int:
        """The number of shards that behaviour can show (0 or 1 for a null)."""
        if self.kind in ("shards", "avoid"):
            return len(self.gates)
        return 0 if self.kind in ("habit", "random") else 1


def _step(value: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """1 below the threshold, 0 above, with a logistic edge of the given width."""
    if width <= 0:
        return (value <= threshold).astype(np.float64)
    return 1.0 / (1.0 + np.exp(np.clip((value - threshold) / width, -50, 50)))


def _gate(gate: PlantedGate, concepts: tuple[str, ...], covariates: Covariates) -> np.ndarray:
    here, there = concepts[gate.concept], concepts[gate.other % len(concepts)]
    distance = np.asarray(covariates[f"distance_{here}"], np.float64)
    if gate.kind == "constant":
        value = np.ones_like(distance)
    elif gate.kind == "near":
        value = _step(distance, gate.threshold, gate.width)
    elif gate.kind == "far":
        value = 1.0 - _step(distance, gate.threshold, gate.width)
    elif gate.kind == "decay":
        value = gate.width ** np.maximum(distance - 1.0, 0.0)
    elif gate.kind == "conflict":
        name = f"conflict_{here}_{there}"
        name = name if name in covariates else f"conflict_{there}_{here}"
        value = np.asarray(covariates[name], np.float64)
    elif gate.kind in ("row", "column"):
        value = _step(np.asarray(covariates[gate.kind], np.float64), gate.threshold, gate.width)
    elif gate.kind == "sees":
        value = np.asarray(covariates[f"sees_{here}"], np.float64)
    else:
        raise UserError(f"no planted gate '{gate.kind}'; choose one of {', '.join(GATE_KINDS)}")
    return 1.0 - value if gate.flipped else value


def planted_gates(spec: PlantedSpec, covariates: Covariates) -> np.ndarray:
    """The true gates [C, K], in logits a move (strength included)."""
    columns = [
        strength * _gate(gate, spec.concepts, covariates)
        for gate, strength in zip(spec.gates, spec.strengths, strict=True)
    ]
    size = len(next(iter(covariates.values())))
    return np.stack(columns, 1) if columns else np.zeros((size, 0))


def smooth_noise(covariates: Covariates, num_actions: int, seed: int) -> np.ndarray:
    """A random smooth function of the covariates, [C, A], of unit standard deviation.

    Random Fourier features (Rahimi & Recht 2007, Random features for large-scale kernel machines).
    """
    rng = np.random.default_rng(seed)
    names = sorted(n for n in covariates if n.startswith(("distance_", "row", "column")))
    raw = np.stack([np.asarray(covariates[n], np.float64) for n in names], 1)
    raw = np.where(np.isfinite(raw), raw, 99.0)
    scaled = (raw - raw.mean(0)) / (raw.std(0) + 1e-9)
    frequency = rng.normal(size=(scaled.shape[1], 64))
    phase = rng.uniform(0, 2 * np.pi, 64)
    coefficient = rng.normal(size=(64, num_actions)) * np.sqrt(2 / 64)
    return np.cos(scaled @ frequency + phase) @ coefficient


def _planner_logits(
    spec: PlantedSpec, covariates: Covariates, advantages: np.ndarray
) -> np.ndarray:
    """Gain times U = τ·log Σ_o exp((u_o − κ_o d_o)/τ) of the state that the action reaches."""
    count = len(spec.concepts)
    tau = spec.planner[0]
    value, slope = np.asarray(spec.planner[1 : 1 + count]), np.asarray(spec.planner[1 + count :])
    distance = np.stack([np.asarray(covariates[f"distance_{o}"]) for o in spec.concepts], 1)
    finite = np.where(np.isfinite(distance), distance, 99.0)
    after = finite[:, None, :] - 1.0 - advantages  # [C, A, O]
    score = (value - slope * after) / tau
    peak = score.max(-1, keepdims=True)
    utility = tau * (peak[..., 0] + np.log(np.exp(score - peak).sum(-1)))
    return planted_gates(spec, covariates).sum(1)[:, None] * utility


def planted_logits(
    spec: PlantedSpec,
    covariates: Covariates,
    advantages: np.ndarray,
    blocked: np.ndarray,
) -> np.ndarray:
    """Exact logits [C, A] of a planted agent.

    Args:
      spec: the agent.
      covariates: name -> [C], as a battery has them.
      advantages: [C, A, O], best action 0, in moves.
      blocked: [C, A], which actions bump.

    Raises:
      UserError: an unknown kind of gate.
    """
    advantages = np.asarray(advantages, np.float64)
    num_actions = advantages.shape[1]
    logits = np.zeros(advantages.shape[:2])
    if spec.kind == "planner":
        logits = _planner_logits(spec, covariates, advantages)
    elif spec.kind == "random":
        logits = 2.0 * smooth_noise(covariates, num_actions, spec.seed + 1)
    elif spec.gates:
        pull = planted_gates(spec, covariates) @ np.asarray(spec.preferences)  # [C, O]
        logits = np.einsum("co,cao->ca", pull, advantages)
    logits = logits + np.asarray(spec.habit) + spec.affordance * np.asarray(blocked, np.float64)
    return logits + spec.noise * smooth_noise(covariates, num_actions, spec.seed)


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
    if gate.kind == "conflict":
        return gate.kind, min(gate.concept, gate.other), max(gate.concept, gate.other)
    return ("near" if gate.kind == "decay" else gate.kind), gate.concept, gate.flipped


def _distinct(gates: list[PlantedGate], preferences: np.ndarray) -> bool:
    """No two gates alike, no two preferences within 45 degrees."""
    keys = [_identity(g) for g in gates]
    close = np.abs(preferences @ preferences.T) > 0.7
    independent = np.linalg.matrix_rank(preferences, tol=0.2) == len(gates)
    return len(set(keys)) == len(keys) and not np.triu(close, 1).any() and bool(independent)


def _sample_shards(
    rng: np.random.Generator, count: int, shards: int, size: float, negative: bool
) -> tuple[list[PlantedGate], np.ndarray]:
    """Gates and preferences that behaviour can tell apart; the last one shuns where asked."""
    while True:
        gates = [_sample_gate(rng, count, size) for _ in range(shards)]
        preferences = np.stack([_sample_preference(rng, count) for _ in range(shards)])
        if negative:
            preferences[-1] = -np.eye(count)[preferences[-1].argmax()]
        if _distinct(gates, preferences):
            return gates, preferences


def sample_spec(
    rng: np.random.Generator,
    kind: str = "shards",
    *,
    concepts: tuple[str, ...],
    num_shards: int = 2,
    num_actions: int = 4,
    size: float = 9.0,
    noise: float | None = None,
) -> PlantedSpec:
    """Draw a planted agent of a kind.

    Args:
      rng: numpy generator; all randomness comes from it.
      kind: "shards", "avoid" (the last shard shuns a concept) or one of `NULL_KINDS`.
      concepts: names, in the order of the battery's axis O.
      num_shards: of kinds with shards, at most the number of concepts.
      num_actions: A.
      size: rows of the grid, for gates by position.
      noise: standard deviation of the smooth noise in logits; drawn from .1–.5 by default.

    Raises:
      UserError: an unknown kind, or more shards than concepts.
    """
    if kind not in KINDS:
        raise UserError(f"no planted kind '{kind}'; choose one of {', '.join(KINDS)}")
    count = len(concepts)
    if num_shards > count:
        raise UserError(f"{num_shards} shards cannot be told apart on {count} concepts; ask fewer")
    shards = {"shards": num_shards, "avoid": num_shards, "habit": 0, "random": 0}.get(kind, 1)
    shards = 2 if kind.startswith("equal") else shards
    gates, preferences = [], np.zeros((0, count))
    if shards:
        gates, preferences = _sample_shards(rng, count, shards, size, kind == "avoid")
    if kind in ("one-utility", "planner"):
        gates = [PlantedGate("constant")]
    if kind == "equal-preferences":
        preferences = np.repeat(preferences[:1], 2, 0)
    if kind == "equal-contexts":
        gates = [gates[0], gates[0]]
    strengths = 1.0 * np.exp(rng.uniform(0, np.log(5), shards))
    planner = ()
    if kind == "planner":
        value, slope = rng.uniform(0, 3, count), rng.uniform(0.3, 1.2, count)
        planner = tuple(float(v) for v in [rng.uniform(0.3, 1.5), *value, *slope])
        strengths = strengths + 1.0
    return PlantedSpec(
        kind=kind,
        concepts=tuple(concepts),
        gates=tuple(gates),
        preferences=tuple(tuple(float(v) for v in row) for row in preferences),
        strengths=tuple(float(v) for v in strengths),
        habit=tuple(float(v) for v in rng.normal(size=num_actions) * 0.3),
        affordance=float(rng.uniform(-4, -1)),
        noise=float(rng.uniform(0.1, 0.5)) if noise is None else float(noise),
        planner=planner,
        seed=int(rng.integers(2**31)),
    )
