"""Rows of a finding's table: the paper's figure, ours, and a verdict from the interval over seeds.

A verdict says `agrees` only where the interval does, and `cannot tell` where it leaves both open.
Axis letters: K seeds · C contexts.
"""

from __future__ import annotations

import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.base.statistics import Bounds
from shardsim.env.levels import all_states
from shardsim.env.types import Level
from shardsim.plot.findings import A_NULL, AGREES, CANNOT_TELL, DISAGREES, Row
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import observations_of
from shardsim.studies.decision_squares import LogitsFn
from shardsim.studies.influence_reach import scaled

CLOSE = 0.1  # of the paper's figure: how near one without seeds must be to agree


def logits_fn_of(run: Run, checkpoint: int = -1) -> LogitsFn:
    """All seeds of a run at one checkpoint: observations -> logits float32[K, C, A]."""
    network, parameters = run.learner.network, run.checkpoint(checkpoint).parameters
    return lambda seen: np.asarray(forward_many(network, parameters, seen).logits)


def untrained(run: Run, bank: Level) -> LogitsFn:
    """Untrained networks whose heads are scaled to the trained ones' entropy on these levels."""
    seen = np.asarray(observations_of(run.env, all_states(run.env, bank)))
    few = seen[:: max(1, len(seen) // 2000)]
    return scaled(logits_fn_of(run, 0), logits_fn_of(run), few)


def same_sign(measure: str, paper: float | str, seeds: np.ndarray, sign: float = 0.0) -> Row:
    """Agrees where the interval lies wholly on the paper's side of 0.

    `sign` says which side where the paper gives no number.
    """
    side = sign if isinstance(paper, str) else paper
    row = Row(measure, paper, np.asarray(seeds, np.float64), CANNOT_TELL)
    if not np.isfinite(row.seeds).all():
        return row
    found = row.interval()
    if found.low * side > 0 and found.high * side > 0:
        return row._replace(verdict=AGREES)
    opposite = found.low * side < 0 and found.high * side < 0
    return row._replace(verdict=DISAGREES if opposite else CANNOT_TELL)


def beyond(
    measure: str, paper: str, seeds: np.ndarray, nulls: np.ndarray, sign: float = 0.0
) -> Row:
    """The verdict of the difference to a null, seed by seed, so that what a null shows is none.

    With a `sign` the difference has to lie on that side of 0; without, to exclude 0.
    """
    row = Row(measure, paper, np.asarray(seeds, np.float64), CANNOT_TELL)
    excess = same_sign(measure, paper, row.seeds - np.asarray(nulls), sign)
    if sign:
        return row._replace(verdict=excess.verdict)
    told = np.isfinite(excess.seeds).all() and excess.interval().excludes_zero()
    return row._replace(verdict=AGREES if told else CANNOT_TELL)


def below(measure: str, paper: str, seeds: np.ndarray, bound: float) -> Row:
    """Agrees where the interval lies below a bound, disagrees where it lies above."""
    row = Row(measure, paper, np.asarray(seeds, np.float64), CANNOT_TELL)
    found = row.interval()
    if not np.isfinite(row.seeds).all():
        return row
    if found.high < bound:
        return row._replace(verdict=AGREES)
    return row._replace(verdict=DISAGREES if found.low > bound else CANNOT_TELL)


def still(measure: str, paper: str, seeds: np.ndarray, bound: float) -> Row:
    """Agrees where the interval lies within ±bound, disagrees where it lies wholly outside."""
    row = Row(measure, paper, np.asarray(seeds, np.float64), CANNOT_TELL)
    found = row.interval()
    if not np.isfinite(row.seeds).all():
        return row
    if -bound < found.low and found.high < bound:
        return row._replace(verdict=AGREES)
    outside = found.low > bound or found.high < -bound
    return row._replace(verdict=DISAGREES if outside else CANNOT_TELL)


def close(measure: str, paper: float, value: float) -> Row:
    """Of one number without seeds: agrees within a tenth of the paper's."""
    near = abs(value - paper) <= CLOSE * abs(paper)
    way = "higher" if value > paper else "lower"
    return Row(measure, paper, np.array([value]), AGREES if near else f"{DISAGREES}: {way}")


def null(measure: str, seeds: np.ndarray) -> Row:
    """What the same measurement says where there is nothing to find."""
    return Row(measure, "—", np.asarray(seeds, np.float64), A_NULL)


def beside(
    measure: str,
    paper: float | str,
    seeds: np.ndarray,
    verdict: str,
    within: Bounds | None = None,
) -> Row:
    """Ours and the paper's beside each other, with a verdict in words: not one to be tested."""
    return Row(measure, paper, np.asarray(seeds, np.float64), verdict, within=within)
