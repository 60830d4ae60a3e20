"""The proxy's share against the share of decorrelated training levels, over several runs.

After Langosco et al. (2022, "Goal misgeneralization in deep reinforcement learning"), who sweep
the share of levels on which the coin is placed at random, and the corner-size sweep of jaxgmg
(Farrugia-Roberts, 2024), one run an arm. The former's figures could not be read. Axis letters:
K seeds · F shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from shardsim.base.errors import UserError
from shardsim.base.statistics import SHARE, Interval, welch_difference
from shardsim.plot.curves import RATIO
from shardsim.plot.findings import AGREES, CANNOT_TELL, DISAGREES, NOT_READABLE, Row
from shardsim.runs.figure_data import outcomes, results
from shardsim.runs.run import Run

# jaxgmg's sweep: 13x13, 2,048 levels, one run a corner size; returns.
CORNER = np.arange(1, 12)
OPTIMUM = 0.882  # return, on shifted levels
SHIFTED = np.array([0.130, 0.190, 0.260, 0.340, 0.461, 0.517, 0.634, 0.658, 0.678, 0.675, 0.691])
USUAL = np.array([0.629, 0.639, 0.680, 0.718, 0.743, 0.706, 0.715, 0.712, 0.684, 0.672, 0.685])
PROXY = np.array([0.463, 0.013, 0.134, 0.098, 0.019, 0.040, 0.020, 0.021, 0.039, 0.019, 0.027])


class Arm(NamedTuple):
    """All seeds trained with one share of decorrelated levels."""

    share: float
    goal: np.ndarray  # float64[K], share of decision influence on target levels
    proxy: np.ndarray  # float64[K], the same of the proxy
    target: np.ndarray  # float64[K], return ÷ optimum on target levels
    usual: np.ndarray  # float64[K], return ÷ optimum on held-out levels


class Sweep(NamedTuple):
    """Everything that the figure shows, by rising share."""

    arms: list[Arm]
    goal: str  # names of the two
    proxy: str
    rows: list[Row]


def sweep(runs: Sequence[Run], parameter: str, goal: str, proxy: str) -> Sweep:
    """Gather runs by the value of an env's parameter; runs with one value are pooled.

    Raises UserError where an env lacks the parameter, or a run its shards.
    """
    arms: dict[float, list[Arm]] = {}
    for run in runs:
        share = share_of(run, parameter)
        arms.setdefault(share, []).append(_arm(run, share, goal, proxy))
    pooled = [_pool(arms[share]) for share in sorted(arms)]
    return Sweep(pooled, goal, proxy, rows_of(pooled, goal, proxy))


def share_of(run: Run, parameter: str) -> float:
    """The share of decorrelated training levels; `cheese_anywhere` counts as all of them."""
    if not hasattr(run.env, parameter):
        raise UserError(
            f"the env of {run.path} has no parameter {parameter!r}; "
            "name the swept one with parameter=<name>"
        )
    if parameter == "anywhere_share" and getattr(run.env, "cheese_anywhere", False):
        return 1.0
    return float(getattr(run.env, parameter))


def _arm(run: Run, share: float, goal: str, proxy: str) -> Arm:
    shares = outcomes.concept_shares(run.shards, "target")
    for name in (goal, proxy):
        run.env.concept_index(name)
    curves = results.curves({"": run})[""]
    if curves.unit != RATIO:
        raise UserError(
            f"the optimum of {run.path} is not positive, so there is no return ÷ optimum; "
            "sweep runs whose reward can be won"
        )
    nothing = np.zeros(len(run.seeds))
    return Arm(
        share,
        shares.get(goal, nothing),
        shares.get(proxy, nothing),
        curves.ratio["target"][:, -1],
        curves.ratio["held-out"][:, -1],
    )


def _pool(arms: Sequence[Arm]) -> Arm:
    values = (np.concatenate(parts) for parts in zip(*(arm[1:] for arm in arms), strict=True))
    return Arm(arms[0].share, *values)


def rows_of(arms: Sequence[Arm], goal: str, proxy: str) -> list[Row]:
    """The table: a row a share, then the differences between the widest and the narrowest."""
    rows = []
    for arm in arms:
        label = f"{arm.share:g} decorrelated:"
        rows += [
            Row(
                f"{label} share of the {proxy} shard",
                NOT_READABLE,
                arm.proxy,
                "no figure",
                within=SHARE,
            ),
            Row(f"{label} return ÷ optimum, target levels", NOT_READABLE, arm.target, "no figure"),
        ]
    if len(arms) < 2:
        return rows
    for measure, paper, name, side in (
        ("return ÷ optimum, target levels", _change(SHIFTED), "target", 1.0),
        ("return ÷ optimum, levels as in training", _change(USUAL), "usual", 0.0),
        (f"share of the {proxy} shard (jaxgmg: its return)", _change(PROXY), "proxy", -1.0),
        (f"share of the {goal} shard", "rises", "goal", 1.0),
    ):
        rows.append(_widest(f"widest − narrowest: {measure}", paper, arms, name, side))
    rows.append(_rank(arms, proxy))
    return rows


def _change(returns: np.ndarray) -> float:
    """jaxgmg's widest less its narrowest corner, of the optimal return."""
    return round(float(returns[-1] - returns[0]) / OPTIMUM, 3)


def _widest(measure: str, paper: float | str, arms, name: str, side: float) -> Row:
    first, last = (np.asarray(getattr(arms[n], name)) for n in (0, -1))
    if min(len(first), len(last)) < 2:
        return Row(measure, paper, np.array([last.mean() - first.mean()]), CANNOT_TELL)
    gap = welch_difference(last, first)
    return Row(measure, paper, np.array([gap.mean]), _verdict(gap, side), given=gap)


def _verdict(gap: Interval, side: float) -> str:
    if side == 0:
        return "not tested"
    if gap.low * side > 0 and gap.high * side > 0:
        return AGREES
    return DISAGREES if gap.low * side < 0 and gap.high * side < 0 else CANNOT_TELL


def _rank(arms: Sequence[Arm], proxy: str) -> Row:
    x = np.concatenate([np.full(len(arm.proxy), arm.share) for arm in arms])
    y = np.concatenate([arm.proxy for arm in arms])
    measure = f"rank correlation of the {proxy} shard's share over all seeds"
    found = float(spearmanr(x, y)[0]) if np.ptp(y) > 0 else np.nan  # pyright: ignore
    return Row(measure, "falls", np.array([found]), "not tested")
