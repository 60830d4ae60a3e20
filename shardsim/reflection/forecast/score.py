"""How good a forecast was, beside nulls that know nothing of shards.

A case is an agent and an onset; what is scored is the change of the probability that the first goal
is reached first. Intervals are over agents. Axis letters: D agents · U onsets · C cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from shardsim.base.statistics import Interval, t_interval
from shardsim.reflection.forecast.foresee import CLOSED, FITTED
from shardsim.reflection.forecast.table import SELECTS, at_step
from shardsim.reflection.forecast.written import array, foreseen_by, goal_first, verdicts

WITHOUT = "fitted without the agent"
NULLS = ("no change", "training's trend", "other agents' mean")
RATES = np.linspace(0.0, 1.0, 41)


class Cases(NamedTuple):
    """What was foreseen of one rule and what came, over agents and onsets of one run or several."""

    agent: np.ndarray  # int[C]
    onset: np.ndarray  # int[C], the same number for what is the same onset of one run
    before: np.ndarray  # float64[C]
    found: np.ndarray  # float64[C], the change
    said: Mapping[str, np.ndarray]  # forecast -> float64[C], the change
    covered: Mapping[str, np.ndarray]  # forecast with an interval -> bool[C]
    path: np.ndarray  # float64[T + 1, C], the closed form's change step by step
    trend: np.ndarray  # float64[C], NaN where there was no earlier checkpoint


def cases_of(told: Mapping[str, Any], after: Mapping[str, np.ndarray]) -> dict[str, Cases]:
    """Put a forecast beside what came of it.

    Args:
        told: `forecast.json`.
        after: rule -> float64[D, U], how likely the first goal is reached first after it.
    """
    before = goal_first(told["before"])
    return {rule: _cases(told, rule, before, after[rule]) for rule in told["paths"]}


def _cases(told: Mapping[str, Any], rule: str, before: np.ndarray, after: np.ndarray) -> Cases:
    there = np.isfinite(before) & np.isfinite(after)
    agent, onset = np.nonzero(there)
    said = {name: (x - before)[there] for name, x in foreseen_by(told, rule).items()}
    ends = {
        kind: (goal_first(one["low"]), goal_first(one["high"]))
        for kind, one in told["models"][rule].items()
    }
    slack = 1e-5  # forecasts are written with six digits
    covered = {
        kind: ((low - slack <= after) & (after <= high + slack))[there]
        for kind, (low, high) in ends.items()
    }
    path = np.moveaxis(array(told["paths"][rule]), -1, 0)
    trend = goal_first(told["trend"]) if "trend" in told else np.full_like(before, np.nan)
    return Cases(
        agent=agent,
        onset=onset,
        before=before[there],
        found=(after - before)[there],
        said=said,
        covered=covered,
        path=(path - path[0])[:, there],
        trend=(trend - before)[there],
    )


def together(runs: Sequence[Mapping[str, Cases]]) -> dict[str, Cases]:
    """Return the cases of several runs as those of one, by rule; agents and onsets stay apart.

    Forecasts that only some of the runs have are left out.
    """
    rules = [rule for rule in runs[0] if all(rule in run for run in runs)]
    return {rule: _joined([run[rule] for run in runs]) for rule in rules}


def _joined(parts: Sequence[Cases]) -> Cases:
    def apart(name: str) -> np.ndarray:
        sizes = [1 + max(getattr(part, name), default=-1) for part in parts]
        begin = np.cumsum([0, *sizes[:-1]])
        return np.concatenate(
            [first + getattr(part, name) for first, part in zip(begin, parts, strict=True)]
        )

    def joined(name: str) -> dict[str, np.ndarray]:
        maps = [getattr(part, name) for part in parts]
        keys = [key for key in maps[0] if all(key in one for one in maps)]
        return {key: np.concatenate([one[key] for one in maps]) for key in keys}

    # Paths of different lengths are read at the same parts of them.
    longest = max(len(part.path) for part in parts)
    share = np.linspace(0.0, 1.0, longest)
    paths = [
        np.stack([at_step(part.path, where * (len(part.path) - 1)) for where in share])
        for part in parts
    ]
    return Cases(
        agent=apart("agent"),
        onset=apart("onset"),
        before=np.concatenate([part.before for part in parts]),
        found=np.concatenate([part.found for part in parts]),
        said=joined("said"),
        covered=joined("covered"),
        path=np.concatenate(paths, axis=1),
        trend=np.concatenate([part.trend for part in parts]),
    )


def score(cases: Mapping[str, Cases], margin: float) -> dict[str, Any]:
    """Return by rule how good each forecast was, and the error of each null.

    Args:
        cases: of each rule.
        margin: a change up to here counts as none, and its sign is not asked for.
    """
    return {rule: _score(rule, one, margin) for rule, one in cases.items()}


def _score(rule: str, cases: Cases, margin: float) -> dict[str, Any]:
    said = dict(cases.said)
    if rule in SELECTS:
        said[WITHOUT] = fitted_without(cases)
    else:
        said = {kind: said[kind] for kind in (CLOSED, FITTED)}  # others foresee selection
    return {
        "cases": len(cases.found),
        "agents": len(np.unique(cases.agent)),
        "moved": int((np.abs(cases.found) > margin).sum()),
        "rate": best_rate(cases) if rule in SELECTS else None,
        "forecasts": {name: _one(cases, name, drift, margin) for name, drift in said.items()},
        "nulls": {name: error(cases.found, drift) for name, drift in _nulls(cases).items()},
    }


def _one(cases: Cases, name: str, drift: np.ndarray, margin: float) -> dict[str, Any]:
    moved = np.abs(cases.found) > margin
    signed = moved if np.any(drift) else np.zeros_like(moved)
    right = np.sign(drift[signed]) == np.sign(cases.found[signed])
    covered = cases.covered.get(name)
    return {
        "sign_right": _mean(right),
        "rank": rank_correlation(drift, cases.found, cases.agent)._asdict(),
        "coverage": _mean(covered),
        "coverage_moved": _mean(None if covered is None else covered[moved]),
        "error": error(cases.found, drift),
    }


def _mean(values: np.ndarray | None) -> float | None:
    return float(values.mean()) if values is not None and values.size else None


def error(found: np.ndarray, said: np.ndarray) -> float | None:
    """Return the mean absolute error; None where nothing was said."""
    known = np.isfinite(said)
    return float(np.abs(found - said)[known].mean()) if known.any() else None


def rank_correlation(said: np.ndarray, found: np.ndarray, agent: np.ndarray) -> Interval:
    """Return Spearman's correlation with its 90 % interval over agents, by the jackknife.

    Each agent is left out in turn (Tukey 1958, "Bias and confidence in not-quite large samples").
    """
    whole, agents = _spearman(said, found), np.unique(agent)
    if not np.isfinite(whole) or len(agents) < 2:
        return Interval(whole, np.nan, np.nan)
    without = np.array([_spearman(said[agent != one], found[agent != one]) for one in agents])
    pseudo = len(agents) * whole - (len(agents) - 1) * without
    if not np.isfinite(pseudo).all():
        return Interval(whole, np.nan, np.nan)
    reach = t_interval(pseudo)
    half = float(reach.high - reach.mean)
    return Interval(whole, max(-1.0, whole - half), min(1.0, whole + half))


def _spearman(said: np.ndarray, found: np.ndarray) -> float:
    # What cannot be told from nothing is a tie, as it is in the file.
    first, second = np.round(said, 6), np.round(found, 6)
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    result: Any = spearmanr(first, second)  # which scipy does not declare
    return float(result.statistic)


def best_rate(cases: Cases) -> float:
    """Return the part of a closed form's step that a network's step is worth, by least error."""
    steps = len(cases.path) - 1
    errors = [np.abs(cases.found - at_step(cases.path, rate * steps)).mean() for rate in RATES]
    return float(RATES[int(np.argmin(errors))])


def fitted_without(cases: Cases) -> np.ndarray:
    """Return float64[C]: the closed form at the rate that suits the other agents best."""
    said, steps = np.full_like(cases.found, np.nan), len(cases.path) - 1
    for agent in np.unique(cases.agent):
        own = cases.agent == agent
        others = cases._replace(found=cases.found[~own], path=cases.path[:, ~own])
        if len(others.found):
            said[own] = at_step(cases.path, best_rate(others) * steps)[own]
    return said


def _nulls(cases: Cases) -> dict[str, np.ndarray]:
    """Return what each null says, float64[C]."""
    others = np.full_like(cases.found, np.nan)
    for onset in np.unique(cases.onset):
        at = np.flatnonzero(cases.onset == onset)
        if len(at) > 1:
            others[at] = (cases.found[at].sum() - cases.found[at]) / (len(at) - 1)
    return dict(zip(NULLS, (np.zeros_like(cases.found), cases.trend, others), strict=True))


def verdicts_right(
    told: Mapping[str, Any], change: Mapping[str, np.ndarray]
) -> dict[str, dict[str, dict[str, str]]]:
    """Return by rule, forecast and onset what was foreseen and found: `constant, drifted`.

    Args:
        told: `forecast.json`.
        change: rule -> float64[D, U, K], of each shard's value at the onset, over its range.
    """
    epsilon = told["settings"]["epsilon"]
    found = {rule: verdicts(one, told["onsets"], epsilon) for rule, one in change.items()}
    return {
        rule: {
            "found": found[rule],
            **{kind: one["verdict"] for kind, one in told["models"][rule].items()},
        }
        for rule in told["paths"]
        if rule in found
    }
