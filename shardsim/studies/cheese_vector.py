"""An object's activation vector in a run's agents, beside Turner et al. (2023).

Their figures are of one network, median over 100 mazes, at the decision square: subtracting the
vector works, adding it hardly does anything, other mazes' vectors transfer where the cheese lies
within about two cells, and random vectors of equal size wreck the policy.
Axis letters: K seeds · V vectors · X coefficients.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.base.statistics import SHARE
from shardsim.plot.findings import Row
from shardsim.runs.run import Run
from shardsim.studies.decision_squares import first_object, rivals
from shardsim.studies.object_vectors import OTHER, SAME, Vectors, vector_cases, vector_effects
from shardsim.studies.rows import beside, beyond, null, same_sign, still

PLAIN, SUBTRACTED = 0.81, 0.03
ALMOST_NOTHING = 0.05  # of probability: what adding the vector may change at most
OWN, RANDOM = 0, -1


class CheeseVector(NamedTuple):
    """Everything that the figure shows."""

    coefficient: np.ndarray  # float64[X]
    chance: dict[str, np.ndarray]  # layer -> float64[K, V, X], median over levels
    removed: dict[str, np.ndarray]  # layer -> float64[K], where the object is really removed
    name: str  # of the object
    rows: list[Row]


def cheese_vector(run: Run, levels: int, split: str, concept: str, rival: str) -> CheeseVector:
    """Measure all seeds' last checkpoint, in every layer.

    Raises UserError for an unknown split or concept, a place, too few levels where ways part, or a
    world with one concept or no object.
    """
    names = run.env.concept_names
    name = concept or first_object(run.env)
    rival = rival or names[rivals(run.env, run.env.concept_index(name))[-1]]
    if rival == name:
        raise UserError(f"the vector of the {name} needs another concept as its rival")
    cases = vector_cases(run.env, name, rival, levels, split=split)
    network, parameters = run.learner.network, run.checkpoint().parameters
    found = {
        layer: vector_effects(run.env, network, parameters, cases, name, layer)
        for layer in network.layers
    }
    first = next(iter(found.values()))
    chance = {layer: np.nanmedian(one.chance, axis=-1) for layer, one in found.items()}
    removed = {layer: np.median(one.removed, axis=-1) for layer, one in found.items()}
    rows = rows_of(first.coefficient, chance, removed, name)
    rows += [_likeness(one, layer, name) for layer, one in found.items()]
    return CheeseVector(first.coefficient, chance, removed, name, rows)


def rows_of(
    coefficient: np.ndarray,
    chance: dict[str, np.ndarray],
    removed: dict[str, np.ndarray],
    name: str,
) -> list[Row]:
    """Return the table but for its last lines, from medians as in `CheeseVector`."""
    place = {float(c): n for n, c in enumerate(coefficient)}
    plain = next(iter(chance.values()))[:, OWN, place[0.0]]
    gone = next(iter(removed.values()))
    rows = [
        beside(f"median P({name}) where directions differ", PLAIN, plain, "different mazes", SHARE),
        beside(f"its change with the {name} really removed", "—", gone - plain, "no figure"),
    ]
    for layer, values in chance.items():
        less = values[:, :, place[-1.0]] - plain[:, None]
        more = values[:, OWN, place[1.0]] - plain
        rows += [
            same_sign(f"{layer}: change, vector subtracted", SUBTRACTED - PLAIN, less[:, OWN]),
            beyond("… beyond a random vector", "below null", less[:, OWN], less[:, RANDOM], -1),
            null("… random vector of equal norm", less[:, RANDOM]),
            still(f"{layer}: change, vector added", "almost 0", more, ALMOST_NOTHING),
            same_sign("… subtracted, of another level, same cell", "below 0", less[:, SAME], -1),
            null("… subtracted, of another level and cell", less[:, OTHER]),
        ]
    return rows


def _likeness(found: Vectors, layer: str, name: str) -> Row:
    """By how much subtracting brings the policy nearer to that without the object."""
    place = list(found.coefficient).index(-1.0)
    nearer = found.residual[:, OWN, place] - found.untouched
    said = f"{layer}: change of TV from the policy without the {name}"
    return same_sign(said, "below 0", nearer.mean(-1), -1)
