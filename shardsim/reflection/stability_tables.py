"""Stability over training as a labelled table: drift, outcome, and from when they stay.

Two questions at each checkpoint. *Drift*: does reflection change what the agent of that checkpoint
values? *Outcome*: are the values that it ends with those that reflection of the last checkpoint
ends with? The same is asked of the agents that do not reflect, whose outcome is the null: training
settles by itself.

Axis letters: C checkpoints · D seeds · U onsets · V classes of onsets · M models ·
L target levels · Q places · K shards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.base.statistics import median_rank
from shardsim.reflection import onsets
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.constancy import relative_change
from shardsim.reflection.kinds import Changes, Kinds, judged
from shardsim.reflection.schema import STABILITY
from shardsim.reflection.shard_returns import PLACES
from shardsim.reflection.stability import Stability
from shardsim.reflection.tables import NEITHER
from shardsim.shards.shardset import ShardSet

NONE = "no reflection"
DRIFT, OUTCOME = QUESTIONS = ("drift", "outcome")
NEVER = np.inf  # not in this run


def stability_table(
    shards: ShardSet,
    done: Stability,
    moments: Mapping[str, Sequence[int]],
    config: ReflectConfig,
) -> xr.Dataset:
    """Return everything as a table of the schema `STABILITY`.

    Args:
        shards: of the last checkpoint's agents.
        done: what reflection at each checkpoint came to.
        moments: `checkpoint`, `update` and `steps` of each, C.
        config: that they reflected with.
    """
    site, found = done.site, done.found
    there: np.ndarray = np.any(site.choice.weight > 0, axis=-1).T  # [U, D]
    by_question = _changes(done, there)
    steps = np.asarray(moments["steps"], np.float64)
    said = [
        [judged(one, site.classes, config.epsilon, ahead=False) for one in of_checkpoints]
        for of_checkpoints in by_question
    ]
    change = np.array([[_change(one) for one in row] for row in by_question])
    from_when = settled_by_seed(_of_classes(change, site.classes), config.epsilon, steps)
    values = {
        "hit": found.hit,
        "target_hit": found.target_hit,
        "competence": found.competence,
        "value": np.stack([found.onset, found.target.mean(-2)], -2),
        "value_low": done.low,
        "value_high": done.high,
        "judge": found.judge,
        "change": change,
        "kind_verdict": _stacked(said, "verdict"),
        "kind_change": _stacked(said, "change"),
        "kind_interval": _stacked(said, "interval"),
        "kind_says": _stacked(said, "says"),
        "stable_from": from_when,
        "stable_together": settled(_stacked(said, "verdict") == "constant", steps),
    }
    median, interval = over_seeds(from_when)
    values |= {"stable_median": median, "stable_interval": interval}
    of_shards = ("seed", "shard", "shard_name")
    coordinates = {
        **{name: shards.dataset[name].values for name in of_shards},
        **moments,
        "onset": list(site.names),
        "onset_class": list(site.classes),
        "kind": list(dict.fromkeys(site.classes)),
        "model": [NONE, *done.rules],
        "question": list(QUESTIONS),
        "outcome": [*site.goal_names, NEITHER],
        "place": list(PLACES),
        "end": ["low", "high"],
    }
    about = {
        "epsilon": config.epsilon,
        "reflection_steps": config.steps,
        "model": done.rules[0],
    }
    return labelled(
        STABILITY,
        {name: _where_there(name, one, there) for name, one in values.items()},
        coordinates,
        about,
    )


def _changes(done: Stability, there: np.ndarray) -> list[list[Changes]]:
    """Return the changes of each question at each checkpoint; NaN where a seed has no context."""
    found = done.found
    low, high = (end[:, None] for end in (done.low, done.high))  # [U, 1, D, Q, K]
    near, far = PLACES.index("onset"), PLACES.index("target")
    missing = np.where(there, 0.0, np.nan)[:, None, :, None]
    shared = onsets.shared(done.site.choice)

    def from_base(onset: np.ndarray, target: np.ndarray, number: int) -> Changes:
        here = relative_change(onset, found.onset[number], low[..., near, :], high[..., near, :])
        ends = (end[..., None, far, :] for end in (low, high))
        away = relative_change(target, found.target[number], *ends)
        return Changes(here + missing, away + missing[..., None], shared)

    every = range(len(found.onset))
    return [
        [from_base(found.onset[n][:, :1], found.target[n][:, :1], n) for n in every],
        [from_base(found.onset[-1], found.target[-1], n) for n in every],
    ]


def _change(of: Changes) -> np.ndarray:
    """Return float64[U, M, D, Q, K]."""
    return np.stack([of.onset, of.target.mean(-2)], -2)


def _of_classes(change: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return float64[2, C, V, M, D, Q, K]: means over the onsets that a seed has of each class."""
    names, each = list(dict.fromkeys(classes)), np.array(classes)
    found = []
    for name in names:
        rows = change[:, :, each == name]
        known = np.isfinite(rows)
        total = np.where(known, rows, 0.0).sum(2)
        count = known.sum(2)
        mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
        found.append(mean)
    return np.stack(found, 2)


def settled(within: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return float64[2, ...]: env steps of the first checkpoint from which on all are within.

    `NEVER` where there is none. That the last outcome equals itself says nothing, so of outcomes
    the last checkpoint but one is the latest that counts.

    Args:
        within: bool[2, C, ...], of both questions.
        steps: float64[C].
    """
    holds = np.flip(np.logical_and.accumulate(np.flip(within, 1), 1), 1)
    first = np.where(holds.any(1), holds.argmax(1), len(steps))
    latest = np.array([len(steps) - 1, len(steps) - 2]).reshape(2, *[1] * (first.ndim - 1))
    return np.append(steps, NEVER)[np.where(first <= latest, first, len(steps))]


def settled_by_seed(change: np.ndarray, epsilon: float, steps: np.ndarray) -> np.ndarray:
    """Return float64[2, V, M, D]: from when no value of a seed is off by more than the margin.

    NaN where a seed has no context of the class. `change` is float64[2, C, V, M, D, Q, K].
    """
    far = np.abs(change).max((-1, -2))
    return np.where(np.isnan(far).any(1), np.nan, settled(far <= epsilon, steps))


def over_seeds(from_when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median over known seeds of float64[..., D], and its interval float64[..., 2].

    By order statistics (Thompson 1936), since a seed for which it never is so is later than all
    others, by no number. Of an even number of seeds the later middle one is the median.
    """
    shape = from_when.shape[:-1]
    median, interval = np.full(shape, np.nan), np.full((*shape, 2), np.nan)
    for place in np.ndindex(*shape):
        known = np.sort(from_when[place][~np.isnan(from_when[place])])
        if known.size:
            rank, _ = median_rank(len(known))
            median[place] = known[len(known) // 2]
            interval[place] = known[rank], known[len(known) - 1 - rank]
    return median, interval


def coverage(from_when: np.ndarray) -> tuple[int, float]:
    """Return how many seeds float64[D] are known, and the coverage of their median's interval.

    The coverage is 0 for one seed, which has none.
    """
    known = int((~np.isnan(from_when)).sum())
    return known, median_rank(known)[1] if known else 0.0


def _stacked(said: list[list[Kinds]], name: str) -> np.ndarray:
    """Return one field of all [2, C, ...]."""
    return np.array([[getattr(one, name) for one in row] for row in said])


def _where_there(name: str, values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return a variable with NaN where a seed has no context of the onset's kind."""
    dims = STABILITY.variables[name].dims
    if not {"onset", "seed"} <= set(dims):
        return values
    shape = [{"onset": there.shape[0], "seed": there.shape[1]}.get(dim, 1) for dim in dims]
    return np.where(there.reshape(shape), values, np.nan)
