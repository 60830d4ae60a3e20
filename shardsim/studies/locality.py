"""How far the influence of objects reaches in a run's agents, beside Aristizabal (2024).

What could be read of his study is its abstract: that the effect of the cheese on behaviour is
spatially localised. Its radius stands in figures that could not be read, and the table says so.
Axis letters: K seeds · D distances.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.edits import object_index
from shardsim.env.levels import sample_levels
from shardsim.plot.findings import NOT_READABLE, Row
from shardsim.runs.run import Run
from shardsim.studies.decision_squares import pair_of
from shardsim.studies.influence_reach import (
    Kernel,
    Reach,
    at_equal,
    far_over_near,
    half_distance,
    kernel,
    mean_influence,
    only,
    reaches,
)
from shardsim.studies.rows import below, beside, logits_fn_of, null, same_sign, untrained

LEVEL_SEED = 20240929
NEAR, FAR = 2.0, 5.0  # moves or cells
LOCALISED = 0.5  # of the near influence: what is left of it far away must be less
NEVER_PAYS = "decoy"  # in every world that has one
UNITS = {"steps": "moves", "straight": "cells"}
SAID = {"steps": "by steps", "straight": "in a straight line"}


class Locality(NamedTuple):
    """Everything that the figure shows."""

    kernels: dict[str, dict[str, Kernel]]  # "steps" or "straight" -> object -> kernel
    nulls: dict[str, Kernel]  # the same of the first object in untrained networks
    half: dict[str, np.ndarray]  # "steps" or "straight" -> float64[K], of the first object
    name: str  # of the first object
    rows: list[Row]


def locality(run: Run, levels: int, split: str, toward: str = "", against: str = "") -> Locality:
    """Measure all seeds of a run on `levels` levels of a split.

    Raises UserError for an unknown split or concept, or a place, which cannot be removed.
    """
    env, logits_fn = run.env, logits_fn_of(run)
    bank = sample_levels(env, jax.random.key(LEVEL_SEED), levels, split)
    pair = pair_of(env, toward, against)
    name = env.concept_names[pair.toward]
    object_index(env, name)
    found = reaches(env, bank, logits_fn, pair.against)
    if name not in found:
        raise UserError(f"the {name} can be reached nowhere in these levels; take more levels")
    blank = reaches(env, bank, untrained(run, bank), pair.against)[name]
    mine = found[name]
    rows = []
    for by in UNITS:
        rows += _rows_of(mine, blank, name, by)
    rows += _either(mine, name)
    for other, reach in found.items():
        if other != name:
            rows += [
                _other(
                    f"influence of the {other} within {NEAR:.0f} {UNITS[by]} (moves)", other, near
                )
                for by, near in ((by, _near(reach, by)) for by in UNITS)
            ]
    kernels = {by: {o: kernel(reach, by) for o, reach in found.items()} for by in UNITS}
    return Locality(
        kernels=kernels,
        nulls={by: kernel(blank, by) for by in UNITS},
        half={by: half_distance(kernels[by][name]) for by in UNITS},
        name=name,
        rows=rows,
    )


def _other(measure: str, name: str, near: np.ndarray) -> Row:
    """Of another object: a null only where it never pays."""
    return null(measure, near) if name == NEVER_PAYS else beside(measure, "—", near, "no figure")


def _near(reach: Reach, by: str) -> np.ndarray:
    """Mean influence float64[K] within `NEAR`, NaN where no decision is so near."""
    return mean_influence(reach, getattr(reach, by) <= NEAR)


def _rows_of(mine: Reach, blank: Reach, name: str, by: str) -> list[Row]:
    unit, said = UNITS[by], SAID[by]
    conflict = only(mine, mine.conflict)
    within = f"{NEAR:.0f} {unit}"
    return [
        same_sign(
            f"influence of the {name} within {within} (moves)", "above 0", _near(mine, by), 1
        ),
        null("… in untrained networks, heads scaled", _near(blank, by)),
        below(
            f"influence {FAR:.0f} {unit} and more away ÷ within {within}",
            "localised",
            far_over_near(mine, by, NEAR, FAR),
            LOCALISED,
        ),
        _radius(f"distance at which it halves, {said} ({unit})", half_distance(kernel(mine, by))),
        _radius("… where the directions differ", half_distance(kernel(conflict, by))),
    ]


def _radius(measure: str, found: np.ndarray) -> Row:
    return beside(measure, NOT_READABLE, found, "no figure")


def _either(mine: Reach, name: str) -> list[Row]:
    """Which of the two distances the influence goes by."""
    return [
        beside(
            f"change of the {name}'s influence a {one} further, {other} equal (moves)",
            NOT_READABLE,
            at_equal(mine, by, given),
            "no figure",
        )
        for one, other, by, given in (
            ("move", "straight distance", "steps", "straight"),
            ("cell", "steps", "straight", "steps"),
        )
    ]
