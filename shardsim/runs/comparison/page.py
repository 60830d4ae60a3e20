"""A comparison as one HTML page that needs no network: sentences, figures, tables."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Callable
from typing import Any

from markupsafe import Markup
from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError
from shardsim.plot.canvas import save_bytes
from shardsim.plot.style import PIXELS_AN_INCH
from shardsim.runs.comparison import text
from shardsim.runs.comparison.compare import Comparison
from shardsim.runs.comparison.design import Axis, label_of
from shardsim.runs.comparison.pictures import improvement_figure, results_figure
from shardsim.runs.report.build import Picture, template

USUAL = 0.9  # confidence of the figures
TEMPLATE = "compare.html.j2"
RESULTS = "Each result against {}: groups of seeds with intervals, and every seed."
PAIRS = "How often a seed of one value of {} exceeds one of another, beside chance."


def page_of(found: Comparison) -> str:
    """Return the page as text."""
    listed = text.listing(found.measures, found.seeds)
    return template(TEMPLATE, "shardsim.runs.comparison").render(
        title=f"{found.design.name}: comparison",
        headline=text.headline(found),
        failures=text.failures(found),
        about=text.about(found),
        notes=text.notes(found),
        parts=[_part(found, axis) for axis in found.axes],
        results=list(listed.items()),
        runs=_runs(found),
        seeds=_seeds(found),
    )


def _part(found: Comparison, axis: Axis) -> dict[str, Any]:
    return {
        "key": axis.key,
        "surprises": text.surprises(found, axis),
        "results": _picture(found, axis, "sweep-results", RESULTS, results_figure),
        "improvement": _picture(found, axis, "sweep-improvement", PAIRS, improvement_figure),
        "groups": text.group_table(found, axis),
        "pairs": text.pair_table(found, axis),
    }


def _picture(
    found: Comparison,
    axis: Axis,
    name: str,
    caption: str,
    draw: Callable[[Comparison, Axis], FigureBase],
) -> Picture:
    caption = caption.format(axis.key)
    try:
        figure: Any = draw(found, axis)
    except UserError as error:
        return Picture(name, caption, missing=str(error).partition("; ")[0])
    code = base64.b64encode(save_bytes(figure)).decode()
    width = round(figure.get_figwidth() * PIXELS_AN_INCH)
    return Picture(
        command_of(found, axis, name), caption, Markup(f"data:image/png;base64,{code}"), width
    )


def command_of(found: Comparison, axis: Axis, name: str) -> str:
    """Return what `shardsim plot DIR` needs to draw a figure again."""
    held = ",".join(f"{key}={value}" for key, value in found.held.items())
    options = {
        "result": ",".join(found.asked),
        "against": axis.key,
        "by": "" if found.by is None else found.by.key,
        "where": held,
        "confidence": "" if found.confidence == USUAL else f"{found.confidence:g}",
    }
    return shlex.join([name, *(f"{key}={value}" for key, value in options.items() if value)])


def _runs(found: Comparison) -> tuple[list[str], list[list[str]]]:
    keys = [axis.key for axis in found.design.axes]
    rows = [
        [
            point.title,
            *(label_of(point.settings.get(key)) for key in keys),
            "–" if point.run is None else ", ".join(map(str, point.run.seeds)),
            point.state or "–",
            point.why,
        ]
        for point in found.design.points
    ]
    return ["run", *keys, "seeds", "state", "why"], rows


def _seeds(found: Comparison) -> tuple[list[str], list[list[str]]]:
    told: Any = found.seeds
    rows = [
        [
            *map(str, (row["run"], row["seed"], row["result"])),
            "missing" if row["why"] else text.minus(f"{row['value']:.4g}"),
            str(row["why"]),
        ]
        for _, row in told.iterrows()
    ]
    return ["run", "seed", "result", "value", "why missing"], rows
