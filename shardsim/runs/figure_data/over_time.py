"""Tables over checkpoints that no stage keeps: made from the networks when they are drawn.

Axes: T checkpoints, K seeds, C contexts, O concepts, D distance bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.base.errors import UserError
from shardsim.base.scalars import Whole, whole
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.sampling import DISTANCE_BINS
from shardsim.shards.evidence.activations import sample
from shardsim.shards.influence.influence import Edited, by_distance, edit, influence_of


class OverTime(NamedTuple):
    """Influence by distance at several checkpoints."""

    steps: np.ndarray  # f[T], env steps of each seed
    bins: list[str]  # D
    concepts: dict[str, np.ndarray]  # label -> f[T, K, D], in moves


def checkpoints(run: Run, count: Whole) -> list[int]:
    """Positions of so many checkpoints, evenly from the untrained network to the last.

    Raises UserError for fewer than two, or where the run has not been trained.
    """
    count, there = whole("checkpoints", count, 2), len(run.updates)
    if there < 2:
        raise UserError(f"{run.path} has {there} checkpoints; continue with: {run.store.to_go_on}")
    return sorted({round(place) for place in np.linspace(0, there - 1, min(count, there))})


def steps_in_words(steps: float) -> str:
    """Env steps for a title: `0`, `950`, `1.5k`, `12k`, `1M`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if steps >= size:
            parts = steps / size
            return (
                f"{parts:.0f}{unit}"
                if parts >= 9.95
                else f"{parts:.1f}".rstrip("0").rstrip(".") + unit
            )
    return f"{steps:.0f}"


def influence(
    run: Run, battery: str, places: list[int], contexts: Whole, seed: Whole | None = None
) -> OverTime:
    """Signed influence by distance at checkpoints: by removal, and by the mirror test for places.

    Args:
        run: a run that is trained.
        battery: "target" or "held-out".
        places: positions of the checkpoints.
        contexts: at most so many of the battery.
        seed: only the agent at this position.

    Raises:
        UserError: no such battery or seed.
    """
    config = run.config.identify
    whole_battery = run.battery(results.one_of("battery", battery, results.BATTERIES))
    most = whole("contexts", contexts, 2)
    few = whole_battery.take(sample(whole_battery.size, config.seed, most))
    edited = edit(few)
    signed, mirror = (
        np.stack(kind)
        for kind in zip(*(_at(run, place, few, edited) for place in places), strict=True)
    )  # f[T, K, O, D]
    if seed is not None:
        run.agent(seed)  # refuses what is not there
        place = whole("seed", seed, None)
        signed, mirror = signed[:, place, None], mirror[:, place, None]
    found = {}
    for number, name in enumerate(few.concepts):
        for values, label in ((signed, name), (mirror, f"{name} (mirror test)")):
            if np.isfinite(values[:, :, number]).any():
                found[label] = values[:, :, number]
    steps = np.asarray(run.training["steps"], np.float64)[places]
    return OverTime(steps, [name.replace("-", "–") for name in DISTANCE_BINS], found)


def _at(run: Run, place: int, few: Battery, edited: Edited) -> tuple[np.ndarray, np.ndarray]:
    """Influence by removal and by the mirror test at one checkpoint, f[K, O, D] each."""
    parameters = run.checkpoint(place).parameters

    def logits(states, observations: np.ndarray) -> np.ndarray:
        del states  # networks see observations alone
        return np.asarray(forward_many(run.learner.network, parameters, observations).logits)

    found = influence_of(logits, few, edited)
    return tuple(by_distance(one, few.distance, few.weight)[0] for one in found)  # type: ignore
