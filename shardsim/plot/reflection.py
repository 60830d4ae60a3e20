"""What reflection does, by onset and model. Axes: T steps, K seeds, S shards, M models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from shardsim.base.statistics import SHARE, t_interval
from shardsim.plot.style import INK, MODELS, NULL, WIDTH, band, legend_below, new_figure, styled

CONTROLS = ("distillation", "sham")
DASHES = {  # so that lines on one another stay visible
    "summed": (0, (5, 2)),
    "replicator": (0, (6, 2, 1, 2)),
    "distillation": (0, (3, 2)),
    "sham": (0, (1, 1.5)),
}
MARKERS = {"sham": "s", "distillation": "D", "replicator": "^"}


class Changes(NamedTuple):
    """Change of each old shard's value, with its interval, and the margin that counts as none."""

    mean: np.ndarray  # f[S, M]
    low: np.ndarray  # f[S, M]
    high: np.ndarray  # f[S, M]
    margin: np.ndarray  # f[S]


@styled
def reflection_trajectories(
    steps: np.ndarray,
    probabilities: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    confidence: float = 0.9,
    unit: str = "probability",
) -> Figure:
    """Exact behaviour over reflection steps: a row an onset, a column an outcome, a line a model.

    Lines are means over seeds. Models have a band, and every model, controls too, has its interval
    at the last step, beside the axis.

    Args:
        steps: f[T], reflection steps.
        probabilities: onset -> outcome ("cheese first") -> model -> f[T, K].
        confidence: of the bands, Student's t over seeds.
        unit: of the values.
    """
    onsets = list(probabilities)
    outcomes = list(next(iter(probabilities.values())))
    models = list(dict.fromkeys(m for onset in onsets for m in probabilities[onset][outcomes[0]]))
    colours = model_colours(models)
    figure, axes = new_figure(
        WIDTH, 0.7 + 1.45 * len(onsets), len(onsets), len(outcomes), sharex=True, sharey=True
    )
    for row, onset in enumerate(onsets):
        for column, outcome in enumerate(outcomes):
            place = axes[row, column]
            for model, values in probabilities[onset][outcome].items():
                interval = t_interval(values, axis=-1, confidence=confidence, within=SHARE)
                low, high = interval.low, interval.high
                if values.shape[1] > 1:
                    if model not in DASHES or model == "summed":
                        band(place, steps, low, high, colours[model], alpha=0.15)
                    beyond = steps[-1] + (1 + models.index(model)) * 0.025 * np.ptp(steps)
                    place.vlines(beyond, low[-1], high[-1], color=colours[model], linewidth=2)
                place.plot(
                    steps,
                    interval.mean,
                    color=colours[model],
                    linestyle=DASHES.get(model, "-"),
                    label=model,
                )
            if row == 0:
                place.set_title(outcome)
            if row == len(onsets) - 1:
                place.set_xlabel("reflection steps")
        axes[row, 0].set_ylabel(f"onset {onset}\n{unit}")
    axes[0, 0].set_ylim(-0.02, 1.02)
    room = 0.025 * (1 + len(models)) * np.ptp(steps)
    axes[0, 0].set_xlim(float(steps.min()), float(steps.max()) + room)
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    legend_below(figure, axes[0, 0], columns=len(models))
    return figure


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """A colour a reflection model; controls are grey."""
    real = [model for model in models if model not in CONTROLS]
    return {
        model: NULL if model in CONTROLS else MODELS[real.index(model) % len(MODELS)]
        for model in models
    }


@styled
def value_changes(
    onsets: Mapping[str, Changes], shards: Sequence[str], models: Sequence[str]
) -> Figure:
    """ΔJ of every old shard under the new policy, by onset, beside the margin of equivalence.

    A shard whose interval lies inside the grey strip kept its value; outside it, it changed.
    """
    figure, axes = new_figure(
        WIDTH,
        0.8 + len(shards) * (0.25 + 0.13 * len(models)),
        1,
        len(onsets),
        sharex=True,
        sharey=True,
    )
    colours = model_colours(models)
    offsets = np.linspace(-0.3, 0.3, len(models)) if len(models) > 1 else np.zeros(1)
    for place, (onset, change) in zip(axes[0], onsets.items(), strict=True):
        for row in range(len(shards)):
            margin = float(change.margin[row])
            place.fill_betweenx(
                [row - 0.42, row + 0.42], -margin, margin, color="#DDDDDD", linewidth=0, zorder=0
            )
            for number, model in enumerate(models):
                y = row + offsets[number]
                ends = change.low[row, number], change.high[row, number]
                if np.isfinite(ends).all():
                    place.plot(ends, [y, y], color=colours[model], linewidth=1.4)
                place.plot(
                    change.mean[row, number],
                    y,
                    MARKERS.get(model, "o"),
                    color=colours[model],
                    markersize=4,
                )
        place.axvline(0, color=INK, linewidth=0.8)
        place.set_title(f"onset {onset}")
        place.set_xlabel("ΔJ ÷ achievable range")
        place.xaxis.set_major_locator(MaxNLocator(4))
        place.grid(False, axis="y")
    axes[0, 0].set_yticks(range(len(shards)), shards)
    axes[0, 0].set_ylim(len(shards) - 0.5, -0.5)
    handles = [
        Line2D(
            [], [], color=colours[model], marker=MARKERS.get(model, "o"), markersize=4, label=model
        )
        for model in models
    ]
    strip = Line2D([], [], color="#DDDDDD", linewidth=6, label="counts as constant (±ε)")
    figure.legend(handles=[*handles, strip], loc="outside lower center", ncols=len(models) + 1)
    return figure
