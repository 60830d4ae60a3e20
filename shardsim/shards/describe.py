"""A shard in plain words, made from its numbers alone.

Axis letters: C contexts · K shards · O concepts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

PLAIN = 0.3  # a preference smaller than this part of the largest is not worth a word
ACTIVE = 0.4  # a gate is active above this part of its peak
PEAK = 98.0  # percentile of a gate that counts as its peak
EVERYWHERE = 0.9  # weighted part of the contexts in which a shard is active
NAMED = 0.5  # a concept that weighs this part of the strongest one is in the short name
CLEAR = 0.6  # Youden's index above which a condition may be said


class Condition(NamedTuple):
    """A region of context in words, with how well it matches where a gate is active."""

    words: str
    inside: np.ndarray  # bool[C]
    index: float  # Youden's index: sensitivity + specificity − 1, in −1..1


def describe(
    gates: np.ndarray,
    preferences: np.ndarray,
    concepts: Sequence[str],
    covariates: Mapping[str, np.ndarray],
    weight: np.ndarray,
) -> list[str]:
    """Describe every shard: where it is active, and what it pushes for.

    Args:
      gates: float[C, K], logits per move.
      preferences: float[K, O], unit norm.
      concepts: names on the axis O.
      covariates: name -> float[C].
      weight: float[C].

    Returns:
      One line a shard, such as 'active within 4 steps of the cheese; pushes toward it'.
    """
    return [
        _line(gates[:, number], preferences[number], concepts, covariates, weight)
        for number in range(len(preferences))
    ]


def short_names(preferences: np.ndarray, concepts: Sequence[str]) -> list[str]:
    """Name every shard by what it mostly pushes for, as `cheese` or `cheese + corner`.

    A concept that weighs at least half of the strongest one is named too, and what is avoided
    has `not` before it. Shards with one name are numbered.

    Args:
      preferences: float64[K, O].
      concepts: names on the axis O.
    """
    names = []
    for row in preferences:
        weight = np.abs(row)
        order = [o for o in np.argsort(-weight) if weight[o] >= NAMED * weight.max()]
        names.append(" + ".join(f"{'' if row[o] > 0 else 'not '}{concepts[o]}" for o in order))
    return [
        name if names.count(name) == 1 else f"{name} ({names[:place].count(name) + 1})"
        for place, name in enumerate(names)
    ]


def _line(gate, preference, concepts, covariates, weight) -> str:
    place = where_active(gate, concepts, covariates, weight)
    return f"{place}; {pushes(preference, concepts, place)}"


def pushes(preference: np.ndarray, concepts: Sequence[str], before: str = "") -> str:
    """Say what a preference float[O] pushes for; 'it' where `before` names that concept last."""
    largest = np.abs(preference).max()
    named = [n for n in np.argsort(-np.abs(preference)) if abs(preference[n]) >= PLAIN * largest]
    toward = [concepts[n] for n in named if preference[n] > 0]
    away = [concepts[n] for n in named if preference[n] < 0]
    if len(named) == 1 and before.endswith(f"the {concepts[named[0]]}"):
        return "pushes toward it" if toward else "pushes away from it"
    said = [
        f"{word} {_listed(names)}"
        for word, names in (("toward", toward), ("away from", away))
        if names
    ]
    return "pushes " + " and ".join(said)


def _listed(names: list) -> str:
    return " and ".join(f"the {name.replace('_', ' ')}" for name in names)


def where_active(
    gate: np.ndarray,
    concepts: Sequence[str],
    covariates: Mapping[str, np.ndarray],
    weight: np.ndarray,
) -> str:
    """Say where a gate float[C] exceeds `ACTIVE` of its peak, by the best single condition."""
    peak = np.percentile(gate, PEAK)
    if peak <= 0:
        return "never active"
    active = gate > ACTIVE * peak
    if (active * weight).sum() >= EVERYWHERE * weight.sum():
        return "active everywhere"
    found = [
        Condition(words, inside, youden(inside, active, weight))
        for words, inside in conditions(concepts, covariates)
    ]
    best = max(found, key=lambda condition: condition.index)
    if best.index >= CLEAR:
        return f"active {best.words}"
    part = (active * weight).sum() / weight.sum()
    return f"active in {round(100 * part)} % of contexts, mainly {best.words}"


def youden(inside: np.ndarray, active: np.ndarray, weight: np.ndarray) -> float:
    """Sensitivity + specificity − 1 of a region bool[C] for the active contexts bool[C]."""
    yes, no = weight * active, weight * ~active
    hit = (yes * inside).sum() / max(yes.sum(), 1e-30)
    alarm = (no * inside).sum() / max(no.sum(), 1e-30)
    return float(hit - alarm)


def conditions(concepts: Sequence[str], covariates: Mapping[str, np.ndarray]):
    """Yield (words, bool[C]) for every condition that the covariates allow."""
    for name in concepts:
        shown = name.replace("_", " ")
        distance = covariates[f"distance_{name}"]
        for bound in _bounds(distance):
            steps = "step" if bound == 1 else "steps"
            yield f"within {bound} {steps} of the {shown}", distance <= bound
            yield f"more than {bound} {steps} from the {shown}", distance > bound
        if f"sees_{name}" in covariates:
            yield f"in sight of the {shown}", covariates[f"sees_{name}"] > 0.5
            yield f"out of sight of the {shown}", covariates[f"sees_{name}"] <= 0.5
    yield from _pairs(concepts, covariates)
    yield from _rest(covariates)


def _bounds(values: np.ndarray) -> range:
    finite = values[np.isfinite(values)]
    return range(1, int(finite.max(initial=1.0)))


def _pairs(concepts: Sequence[str], covariates: Mapping[str, np.ndarray]):
    for first, a in enumerate(concepts):
        for b in concepts[first + 1 :]:
            one, two = (n.replace("_", " ") for n in (a, b))
            gap = covariates[f"distance_{a}"] < covariates[f"distance_{b}"]
            yield f"nearer to the {one} than to the {two}", gap
            yield f"nearer to the {two} than to the {one}", ~gap
            name = f"conflict_{a}_{b}"
            if name in covariates:
                apart = covariates[name] > 0.5
                yield f"where {one} and {two} lie in different directions", apart
                yield f"where {one} and {two} lie in the same direction", ~apart


def _rest(covariates: Mapping[str, np.ndarray]):
    """Position, exits, and whatever the env's author added."""
    told = {"rows_to", "columns_to", "straight", "sees", "distance", "conflict"}
    for name, values in covariates.items():
        if any(name.startswith(f"{prefix}_") for prefix in told) or name == "steps":
            continue
        levels = np.unique(values[np.isfinite(values)])
        shown = name.replace("_", " ")
        for bound in levels[:-1][:16]:
            yield f"where {shown} is at most {bound:g}", values <= bound
            yield f"where {shown} is above {bound:g}", values > bound
