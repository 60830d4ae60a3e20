"""From which point of training an agent is reflectively stable: sentences and a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.columns import aligned
from shardsim.reflection.stability_tables import DRIFT, NONE, OUTCOME, coverage
from shardsim.runs.figure_data.over_time import steps_in_words
from shardsim.runs.figure_data.stability import models_of
from shardsim.runs.files import STABILITY
from shardsim.runs.report.formats import count as counted
from shardsim.runs.report.formats import minus, number, percent
from shardsim.runs.report.reflection_text import where
from shardsim.runs.run import Run

TITLE = "Reflection from checkpoints: largest mean change of a shard's value ÷ its range"


def sentences(found: xr.Dataset) -> list[str]:
    """Return a paragraph a class of onsets: what reflection changes, and where it leads.

    Before them, a sentence on the model and its steps.
    """
    model, sham = models_of(found)
    lines = [_about(found, model)]
    for kind in found["kind"].values.tolist():
        here = found.sel(kind=kind)
        if np.isnan(here["stable_median"].sel(model=model)).any():
            lines.append(f"Reflecting {where(kind)} was not tried: no seed has such contexts.")
            continue
        drift, outcome = (here.sel(model=model, question=one) for one in (DRIFT, OUTCOME))
        still = here.sel(model=NONE, question=OUTCOME)
        beside = f"; under the sham {_seeds(here.sel(model=sham, question=DRIFT))}" if sham else ""
        lines.append(
            f"Reflecting {where(kind)} ({model}): values stay unchanged {_all(drift)} "
            f"({_seeds(drift)}{beside}); it leads to the same values as from the last checkpoint "
            f"{_all(outcome)} ({_seeds(outcome)}), and agents that do not reflect have the values "
            f"of the last checkpoint {_all(still)} ({_seeds(still)}). {_covered(still)}"
        )
    return lines


def _all(found: xr.Dataset) -> str:
    """From when on the verdict over all seeds is constant."""
    steps = float(found["stable_together"])
    if np.isfinite(steps):
        return f"from {steps_in_words(steps)} env steps on"
    return "at no point of this run"


def _seeds(found: xr.Dataset) -> str:
    """The median seed, with the interval where there is one."""
    median = f"median seed {_steps(float(found['stable_median']))}"
    if not coverage(found["stable_from"].values)[1]:
        return median
    low, high = found["stable_interval"].transpose("end").values
    ends = _steps(float(low)), _steps(float(high))
    return f"{median} [{ends[0]}, {ends[1]}]"


def _covered(found: xr.Dataset) -> str:
    """What the intervals of a class are worth, which depends on how many seeds have it."""
    known, share = coverage(found["stable_from"].values)
    if not share:
        return "One seed has no interval over seeds."
    said = f"[ ] is the interval of the median over {known} seeds, which holds it in"
    return f"{said} {percent(share)}."


def _about(found: xr.Dataset, model: str) -> str:
    """Which model reflected, and for how long; an older table does not say the latter."""
    steps = found.attrs.get("reflection_steps")
    long = "" if steps is None else f" for {counted(int(steps), 'step')}"
    return f"Agents of {len(found['steps'])} checkpoints reflect by {model}{long}."


def _steps(steps: float) -> str:
    return steps_in_words(steps) if np.isfinite(steps) else "never"


def columns(found: xr.Dataset) -> tuple[str, ...]:
    """Return the heads of `rows`."""
    model, sham = models_of(found)
    return (
        "onset",
        "env steps",
        f"drift by {model}",
        *(["by its sham"] if sham else []),
        "verdict on drift",
        "from the last outcome",
        "verdict on outcome",
        "the same without reflection",
    )


def rows(found: xr.Dataset) -> list[list[str]]:
    """Return a row a class of onsets and checkpoint."""
    model, sham = models_of(found)
    made = []
    for kind in found["kind"].values.tolist():
        for place, steps in enumerate(found["steps"].values):
            here = found.sel(kind=kind).isel(checkpoint=place)
            drift, outcome = (here.sel(model=model, question=one) for one in (DRIFT, OUTCOME))
            made.append(
                [
                    str(kind),
                    steps_in_words(float(steps)),
                    _largest(drift),
                    *([_largest(here.sel(model=sham, question=DRIFT))] if sham else []),
                    str(drift["kind_verdict"].item()),
                    _largest(outcome),
                    str(outcome["kind_verdict"].item()),
                    _largest(here.sel(model=NONE, question=OUTCOME)),
                ]
            )
    return made


def _largest(here: xr.Dataset) -> str:
    """The mean change that is largest over shards and places, with its interval."""
    change = here["kind_change"].transpose("place", "shard").values
    if not np.isfinite(change).all():
        return "–"
    at = np.unravel_index(np.abs(change).argmax(), change.shape)
    low, high = here["kind_interval"].transpose("place", "shard", "end").values[at]
    return minus(f"{change[at] + 0.0:+.3f}") + f" [{number(low)}, {number(high)}]"


def table(run: Run) -> tuple[str, tuple[str, ...], list[list[str]]]:
    """Return title, heads and rows of the report's table; no rows where it was not asked."""
    if not run.store.has(STABILITY):
        return TITLE, (), []
    found = run.stability
    return TITLE, columns(found), rows(found)


def as_data(found: xr.Dataset) -> list[dict[str, Any]]:
    """Return verdicts by env steps, and from when each class is stable, as plain values."""
    names = ("stable_together", "stable_median", "stable_interval", "stable_from")
    steps = found["steps"].values.tolist()
    made = []
    for question in found["question"].values.tolist():
        for kind in found["kind"].values.tolist():
            for model in found["model"].values.tolist():
                here = found.sel(question=question, kind=kind, model=model)
                known, share = coverage(here["stable_from"].values)
                verdicts = here["kind_verdict"].transpose("checkpoint").values.tolist()
                made.append(
                    {
                        "question": question,
                        "onset": kind,
                        "model": model,
                        "verdicts": dict(zip(steps, verdicts, strict=True)),
                        **{name: here[name].values.tolist() for name in names},
                        "known_seeds": known,
                        "interval_coverage": share,
                    }
                )
    return made


def in_words(found: xr.Dataset) -> str:
    """Return the table and the sentences for a terminal."""
    shown = aligned([columns(found), *rows(found)])
    return "\n".join([*shown, "", *sentences(found)])
