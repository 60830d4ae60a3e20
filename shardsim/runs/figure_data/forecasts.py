"""The forecast of reflection beside its outcome, as the table that the figure takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.plot.forecast import Foreseen
from shardsim.reflection.forecast.foresee import CLOSED, FITTED
from shardsim.reflection.forecast.table import SELECTS, STILL
from shardsim.reflection.forecast.written import goal_first
from shardsim.runs import forecasts
from shardsim.runs.figure_data.outcomes import reflected
from shardsim.runs.run import Run


class Beside(NamedTuple):
    """What the figure shows."""

    panels: dict[str, dict[str, Foreseen]]  # rule -> forecast -> its cases
    onsets: list[str]
    null: np.ndarray  # f[C], changes by rules that select nothing
    quantity: str


def beside(run: Run) -> Beside:
    """Put a run's forecast beside what came of it.

    Raises:
        UserError: the run has no forecast, or none of a rule that selects.
    """
    found = reflected(run)
    told = forecasts.read(run)
    after = forecasts.outcomes_of(told, found)
    scored = run.json("reflection.json")["forecast"]["models"]
    before = goal_first(told["before"])
    rules = [rule for rule in SELECTS if rule in told["paths"]]
    if not rules:
        raise UserError(f"no rule of {run.path} was foreseen; ask for turns or summed")
    panels = {
        rule: {
            kind: _cases(told["models"][rule][kind], before, after[rule], scored[rule], kind)
            for kind in (CLOSED, FITTED)
        }
        for rule in rules
    }
    still = [(after[rule] - before).ravel() for rule in STILL if rule in after]
    null = np.concatenate(still) if still else np.zeros(0)
    quantity = f"P({told['outcomes'][0]} first)"
    return Beside(panels, told["onsets"], null[np.isfinite(null)], quantity)


def _cases(
    one: Mapping[str, Any],
    before: np.ndarray,
    after: np.ndarray,
    scored: Mapping[str, Any],
    kind: str,
) -> Foreseen:
    said, low, high = (goal_first(one[name]) - before for name in ("after", "low", "high"))
    there = np.isfinite(said) & np.isfinite(after)
    seed, onset = np.nonzero(there)
    return Foreseen(
        said=said[there],
        low=low[there],
        high=high[there],
        found=(after - before)[there],
        seed=seed,
        onset=onset,
        about=_about(scored, scored["forecasts"][kind]),
    )


def _about(scored: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """The score in words; what is not defined is left out."""
    parts = {
        f"sign right {{:.0%}} of {scored['moved']}": one["sign_right"],
        "rank {:.2f}": one["rank"]["mean"],
        "error {:.3f}": one["error"],
    }
    return ", ".join(form.format(value) for form, value in parts.items() if value is not None)
