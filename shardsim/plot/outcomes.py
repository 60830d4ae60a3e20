"""What reflection does to behaviour: which concept is reached first. Axes: K seeds, T steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from shardsim.base.statistics import SHARE
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import curve, record_line
from shardsim.plot.reflection import CONTROLS, DASHES, model_colours
from shardsim.plot.style import WIDTH

STILL = 0.05  # of a probability: what moves less is said in words


@styled
def reflection_outcomes(
    steps: np.ndarray,
    probabilities: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    confidence: float = 0.9,
    unit: str = "probability",
    by_onset: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]] | None = None,
) -> FigureBase:
    """Exact behaviour over reflection steps, a row a class of onsets: the outcomes that move.

    Thick lines are means over seeds with bands; nulls, in which nothing is endorsed, are grey.
    Thin lines are single onsets of the class: means over seeds where these share the onset, else an
    onset of a seed. Outcomes that no model moves by more than `STILL` are a sentence above the row.

    Args:
        steps: f[T], reflection steps.
        probabilities: class of onsets -> outcome ("cheese first") -> model -> f[T, K].
        confidence: of the bands, Student's t over seeds.
        unit: of the values.
        by_onset: the same with a column a thin line; nulls are left out.
    """
    moving = {
        onset: [name for name, models in outcomes.items() if moves(models)]
        for onset, outcomes in probabilities.items()
    }
    columns = max(1, *(len(names) for names in moving.values()))
    models = list(
        dict.fromkeys(m for all_ in probabilities.values() for one in all_.values() for m in one)
    )
    height = 0.7 + sum(1.7 if names else 0.3 for names in moving.values())
    ratios = [1.7 if names else 0.3 for names in moving.values()]
    figure, axes = new_figure(
        WIDTH, height, len(moving), columns, sharey=True, height_ratios=ratios
    )
    colours = model_colours(models)
    for row, (onset, names) in enumerate(moving.items()):
        outcomes = probabilities[onset]
        still = {name: outcomes[name] for name in outcomes if name not in names}
        for column, place in enumerate(axes[row]):
            if column >= len(names):
                place.set_axis_off()
                continue
            single = (by_onset or {}).get(onset, {}).get(names[column], {})
            _single(place, steps, single, colours)
            _outcome(place, steps, outcomes[names[column]], colours, confidence)
            place.set_xlabel("reflection steps")
            place.set_ylabel(f"{names[column]}\n({unit})")
        said = f"onset {onset}" + (f" \N{EN DASH} {in_words(still)}" if still else "")
        axes[row, 0].set_title(said)
    axes[0, 0].set_ylim(-0.02, 1.02)
    axes[0, 0].set_yticks([0, 0.5, 1])
    legend_below(figure, columns=len(models))
    return figure


def _outcome(
    axes: Axes,
    steps: np.ndarray,
    models: Mapping[str, np.ndarray],
    colours: Mapping[str, str],
    confidence: float,
) -> None:
    for model, values in models.items():
        curve(
            axes,
            steps,
            values.T,
            colours[model],
            model,
            confidence=confidence,
            within=SHARE,
            linestyle=DASHES.get(model, "-"),
        )
    axes.set_xlim(float(steps.min()), float(steps.max()))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _single(
    axes: Axes, steps: np.ndarray, models: Mapping[str, np.ndarray], colours: Mapping[str, str]
) -> None:
    """A thin line an onset, where there are several."""
    for model, values in models.items():
        if model in CONTROLS or values.shape[1] < 2:
            continue
        for number, line in enumerate(values.T, start=1):
            axes.plot(steps, line, color=colours[model], linewidth=0.5, alpha=0.35, zorder=1.6)
            record_line(axes, f"{model}, onset {number}", steps, line)


def moves(models: Mapping[str, np.ndarray]) -> bool:
    """Whether any seed's probability f[T, K] moves by more than `STILL` in any model."""
    return any(bool((np.ptp(values, axis=0) > STILL).any()) for values in models.values())


def in_words(still: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """What does not move: `neither stays at 0.00`, a range where seeds or models differ."""
    said = []
    for name, models in still.items():
        known = [values[0] for values in models.values() if values.size]
        if not known:
            said.append(f"{name}: no seed has such contexts")
            continue
        low, high = (f"{float(end):.2f}" for end in (np.min(known), np.max(known)))
        between = low if low == high else f"{low}\N{EN DASH}{high}"
        said.append(f"{name} stays at {between}")
    return ", ".join(said)
