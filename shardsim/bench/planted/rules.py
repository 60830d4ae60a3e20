"""Planted agents: rules with known shards (or none), to test the method on before any network.

A planted agent is a frozen description; `planted_logits` turns it into exact logits over a
battery, `planted_policy` (in `planted_policy`) into a policy in any env, and `sample_spec` (in
`planted_sampling`) draws one. Axes: C contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shardsim.base.errors import UserError
from shardsim.shards.fit.data import LOWEST_ADVANTAGE

GATE_KINDS = ("constant", "near", "far", "decay", "conflict", "row", "column", "sees")
HIDDEN = "hidden"  # a gate on a drive or an inventory, by the name of its covariate
EVERY_GATE = (*GATE_KINDS, HIDDEN)
SHARD_KINDS = (
    "shards",
    "avoid",  # the last shard shuns a concept
    "place",  # the first one wants a place
    "hidden",  # the first one's gate reads a drive
    "always-on",  # the first one is active everywhere
    "overlap",  # wide, soft gates
    "ratio",  # strengths up to 20:1
    "habits",  # strong biases without a context
    "decoy",  # gates may read a concept that no shard wants
    "noise",  # two and a half times as much
    "beyond-rank",  # more shards than independent preferences
    "shun",  # the last one wants a concept and shuns another
)
NULL_KINDS = (
    "one-utility",
    "gain",
    "planner",
    "drive-planner",
    "habit",
    "random",
    "equal-preferences",
    "equal-contexts",
)
# A kind's place is part of its agents' seed, so that kinds which came later stand last.
LATER = ("shun",)
KINDS = (*(kind for kind in SHARD_KINDS if kind not in LATER), *NULL_KINDS, *LATER)

FARTHEST = 24.0  # moves; what an unreachable concept counts as in smooth noise
NOISE_SCALE = 4.0  # moves or cells over which smooth noise changes

Covariates = Mapping[str, np.ndarray]  # name -> [C]


@dataclass(frozen=True)
class PlantedGate:
    """Where a planted shard is active; its value lies between 0 and 1 before the strength.

    `threshold` is in moves for near, far and decay, in cells for row and column, and in the
    covariate's own unit for hidden, which is active above it; `width` is the softness of the step
    (0: hard) or the decay rate a move for decay; `name` is the covariate that hidden reads.
    """

    kind: str
    concept: int = 0
    other: int = 1
    threshold: float = 3.0
    width: float = 0.0
    flipped: bool = False
    name: str = ""


@dataclass(frozen=True)
class PlantedSpec:
    """One planted agent. Preferences are rows of unit norm; strengths are in logits per move."""

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
    # of an agent that plans in the exact worlds: weights by the names of `tabular_model.term_names`
    reward: tuple[tuple[str, float], ...] = ()
    discount: float = 0.9

    @property
    def num_shards(self) -> int:
        """The number of shards that behaviour can show (0 or 1 for a null)."""
        if self.kind in SHARD_KINDS:
            return len(self.gates)
        return 0 if self.kind in ("habit", "random") else 1


def _step(value: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """1 below the threshold, 0 above, with a logistic edge of the given width."""
    if width <= 0:
        return (value <= threshold).astype(np.float64)
    return 1.0 / (1.0 + np.exp(np.clip((value - threshold) / width, -50, 50)))


def _read(covariates: Covariates, *names: str) -> np.ndarray:
    """The first of the named covariates that is there."""
    for name in names:
        if name in covariates:
            return np.asarray(covariates[name], np.float64)
    raise UserError(
        f"a planted gate reads '{names[0]}', which this env does not have; "
        f"it has {', '.join(sorted(covariates))}"
    )


def _gate(gate: PlantedGate, concepts: tuple[str, ...], covariates: Covariates) -> np.ndarray:
    here, there = concepts[gate.concept], concepts[gate.other % len(concepts)]
    distance = _read(covariates, f"distance_{here}")
    if gate.kind == "constant":
        value = np.ones_like(distance)
    elif gate.kind == "near":
        value = _step(distance, gate.threshold, gate.width)
    elif gate.kind == "far":
        value = 1.0 - _step(distance, gate.threshold, gate.width)
    elif gate.kind == "decay":
        value = gate.width ** np.maximum(distance - 1.0, 0.0)
    elif gate.kind == "conflict":
        value = _read(covariates, f"conflict_{here}_{there}", f"conflict_{there}_{here}")
    elif gate.kind in ("row", "column"):
        value = _step(_read(covariates, gate.kind), gate.threshold, gate.width)
    elif gate.kind == "sees":
        value = _read(covariates, f"sees_{here}")
    elif gate.kind == HIDDEN:
        value = 1.0 - _step(_read(covariates, gate.name), gate.threshold, gate.width)
    else:
        raise UserError(f"no planted gate '{gate.kind}'; choose one of {', '.join(EVERY_GATE)}")
    return 1.0 - value if gate.flipped else value


def planted_gates(spec: PlantedSpec, covariates: Covariates) -> np.ndarray:
    """The true gates [C, K], in logits per move (strength included)."""
    columns = [
        strength * _gate(gate, spec.concepts, covariates)
        for gate, strength in zip(spec.gates, spec.strengths, strict=True)
    ]
    size = len(next(iter(covariates.values())))
    return np.stack(columns, 1) if columns else np.zeros((size, 0))


def smooth_noise(covariates: Covariates, num_actions: int, seed: int) -> np.ndarray:
    """A random smooth function of the covariates, [C, A], of unit standard deviation.

    A function of each context alone, so that an edited context gets what a battery would give it.
    Random Fourier features (Rahimi & Recht 2007, Random features for large-scale kernel machines).
    """
    rng = np.random.default_rng(seed)
    names = sorted(n for n in covariates if n.startswith(("distance_", "row", "column")))
    raw = np.stack([np.asarray(covariates[n], np.float64) for n in names], 1)
    scaled = np.clip(raw, -FARTHEST, FARTHEST) / NOISE_SCALE
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
    planned: np.ndarray | None = None,
) -> np.ndarray:
    """Exact logits [C, A] of a planted agent.

    Args:
      spec: the agent.
      covariates: name -> [C], as a battery has them.
      advantages: [C, A, O], best action 0, in moves; clipped at LOWEST_ADVANTAGE.
      blocked: [C, A], which actions bump.
      planned: [C, A], action values of an agent that plans its reward in the exact worlds.

    Raises:
      UserError: an unknown kind of gate, or a planned reward without its values.
    """
    advantages = np.maximum(np.asarray(advantages, np.float64), LOWEST_ADVANTAGE)
    num_actions = advantages.shape[1]
    logits = np.zeros(advantages.shape[:2])
    if spec.reward:
        if planned is None:
            raise UserError("this agent plans in its worlds; ask planted_policy(spec) for logits")
        logits = planted_gates(spec, covariates).sum(1)[:, None] * np.asarray(planned, np.float64)
    elif spec.kind == "planner":
        logits = _planner_logits(spec, covariates, advantages)
    elif spec.kind == "random":
        logits = 2.0 * smooth_noise(covariates, num_actions, spec.seed + 1)
    elif spec.gates:
        pull = planted_gates(spec, covariates) @ np.asarray(spec.preferences)  # [C, O]
        logits = np.einsum("co,cao->ca", pull, advantages)
    logits = logits + np.asarray(spec.habit) + spec.affordance * np.asarray(blocked, np.float64)
    return logits + spec.noise * smooth_noise(covariates, num_actions, spec.seed)
