"""Pairs of measured and exact values, and the diagnosis that they lead to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.components import SECTIONS
from shardsim.base.columns import aligned


class Pair(NamedTuple):
    """One measurement beside its exact value; scalars, or arrays of one shape."""

    measured: Any  # float32[...]
    exact: Any  # float32[...]; NaN where there is no one exact value
    gap: Any  # float32[...], how far apart they are in the measurement's own terms, >= 0


class Measurement(NamedTuple):
    """What a pair is about, and how large a gap is still noise."""

    name: str
    section: str  # whose output is checked against its own input; "" where none in particular
    unit: str
    tolerance: float  # of the gap


class Evidence(NamedTuple):
    """One row of the table that a person can check: the worst phase of one seed or of all."""

    measurement: str
    section: str
    phase: int  # update after which it was measured
    seed: int  # position along the seeds
    measured: float
    exact: float
    unit: str
    gap: float
    tolerance: float
    verdict: str  # "agrees", "disagrees", or what a behavioural measurement says
    note: str = ""

    @property
    def disagrees(self) -> bool:
        """Whether measured and exact lie further apart than noise."""
        return self.verdict == "disagrees"


NOT_DIAGNOSED = "not diagnosed"


class Diagnosis(NamedTuple):
    """The category that a run falls into, and why."""

    world: str  # "healthy", "no-update", "wrong-code", "representation", "undertrained", "unknown"
    section: str | None  # for no-update and wrong-code
    representation: str | None  # the concept that misleads the agent
    probabilities: dict[str, float]  # label -> probability
    evidence: tuple[Evidence, ...]
    tier: str = "T"
    seeds: tuple[str, ...] = ()  # each seed's own label
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The category with what it names: `wrong-code(reward)`."""
        return label_of(self.world, self.section, self.representation)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, NaN as None."""
        return {
            "world": self.world,
            "section": self.section,
            "representation": self.representation,
            "label": self.label,
            "probabilities": dict(self.probabilities),
            "tier": self.tier,
            "seeds": list(self.seeds),
            "notes": list(self.notes),
            "evidence": [
                {key: _plain(value) for key, value in row._asdict().items()}
                for row in self.evidence
            ],
        }

    def __str__(self) -> str:
        """Return the diagnosis and its table of evidence as text."""
        seeds = ", ".join(self.seeds)
        head = [f"{self.label}   (evidence tier {self.tier}; by seed: {seeds})", *self.notes]
        return "\n".join([*head, "", table(self.evidence)])


def label_of(world: str, section: str | None, representation: str | None) -> str:
    """Return the category with what it names in brackets."""
    named = section if world in ("wrong-code", "no-update") else representation
    return f"{world}({named})" if named and world != "unknown" else world


def label_in(found: Mapping[str, Any]) -> str:
    """Return the label of a `diagnosis.json`."""
    if found["world"] is None:
        return NOT_DIAGNOSED
    return label_of(found["world"], found.get("section"), found.get("representation"))


def worst(measured: jax.Array, exact: jax.Array, scale: jax.Array | float = 1.0) -> Pair:
    """Return the entries that lie furthest apart, and how far, divided by `scale`."""
    measured = measured.reshape(-1).astype(jnp.float32)
    exact = exact.reshape(-1).astype(jnp.float32)
    apart = jnp.nan_to_num(jnp.abs(measured - exact), nan=jnp.inf)
    index = jnp.argmax(apart)
    return Pair(measured[index], exact[index], apart[index] / scale)


def share(wrong: jax.Array) -> Pair:
    """Return the share of bool[...] `wrong`, beside 0."""
    part = jnp.mean(wrong.astype(jnp.float32))
    return Pair(part, jnp.zeros_like(part), part)


def collect(
    measurements: Sequence[Measurement], phases: Mapping[int, Mapping[str, Pair]], seed: int
) -> list[Evidence]:
    """Return one row a measurement for one seed: the phase with the largest gap.

    `phases` maps an update to the pairs [K] by measurement name.
    """
    rows = []
    for measurement in measurements:
        found = {
            update: pairs[measurement.name]
            for update, pairs in phases.items()
            if measurement.name in pairs
        }
        if found:
            update = max(found, key=lambda phase: float(np.asarray(found[phase].gap)[seed]))
            rows.append(row(measurement, found[update], update, seed))
    return rows


def row(measurement: Measurement, pair: Pair, phase: int, seed: int, note: str = "") -> Evidence:
    """Return the evidence of one pair [K] for one seed."""
    measured, exact, gap = (float(np.asarray(part)[seed]) for part in pair)
    agrees = gap <= measurement.tolerance
    return Evidence(
        measurement=measurement.name,
        section=measurement.section,
        phase=phase,
        seed=seed,
        measured=measured,
        exact=exact,
        unit=measurement.unit,
        gap=gap,
        tolerance=measurement.tolerance,
        verdict="agrees" if agrees else "disagrees",
        note=note,
    )


def first_section(rows: Sequence[Evidence]) -> str | None:
    """Return the first section in dataflow order with a row that disagrees."""
    wrong = {row.section for row in rows if row.disagrees}
    return next((section for section in SECTIONS if section in wrong), None)


def table(rows: Sequence[Evidence]) -> str:
    """Return the evidence as text in columns."""
    head = ("section", "measurement", "measured", "exact", "unit", "after", "verdict", "")
    cells = [
        (
            row.section or "–",
            row.measurement,
            _number(row.measured),
            _number(row.exact),
            row.unit,
            f"update {row.phase}",
            row.verdict,
            row.note,
        )
        for row in rows
    ]
    return "\n".join(aligned([head, *cells]))


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
