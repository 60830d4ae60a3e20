"""What reflection does to the shard distribution and to behaviour, a row an onset.

Axes: K seeds, S shards, T steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from shardsim.base.statistics import SHARE
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import curve, dots, key, over_seeds, record
from shardsim.plot.style import MODELS, NULL, WIDTH, ink, paper

SHAM = "sham"
CONTROLS = ("distillation", SHAM)
DASHES = {  # so that lines on one another stay visible
    "summed": (0, (5, 2)),
    "replicator": (0, (6, 2, 1, 2)),
    "distillation": (0, (3, 2)),
    SHAM: (0, (1, 1.5)),
}
MARKERS = {SHAM: "s", "distillation": "D", "replicator": "^", "summed": "v"}
STILL = 0.01  # of a probability: what moves less is said in words
TURN = 0.55  # from before to after, of the distance between two shards


class Shift(NamedTuple):
    """Shares before and after reflecting from one onset."""

    before: np.ndarray  # f[K, S]
    after: Mapping[str, np.ndarray]  # model -> f[K, S]; NaN where a seed has no such context
    verdicts: Mapping[str, str] = {}  # model -> constant, drifted, undecided


@styled
def reflection_shares(
    onsets: Mapping[str, Shift],
    shards: Sequence[str],
    colours: Sequence[str],
    confidence: float = 0.9,
    about: str = "",
) -> FigureBase:
    """Each shard's share before and after, a row an onset; right, the difference from the sham.

    Left, thick lines are means over seeds with intervals, thin ones are seeds, and grey ones the
    sham: reflection with shuffled endorsements. Right, after reflection minus after the sham,
    paired by seed, with a line at zero. The verdict of constancy is the row's title.

    Args:
        onsets: onset -> shares.
        shards: names, S.
        colours: of the shards, S.
        confidence: of Student's intervals over seeds.
        about: battery and seeds, for the title.
    """
    models = list(dict.fromkeys(m for shift in onsets.values() for m in shift.after if m != SHAM))
    sham = any(SHAM in shift.after for shift in onsets.values())
    figure, axes = new_figure(
        WIDTH,
        0.8 + len(onsets) * (1.0 + 0.22 * len(shards) * max(1, len(models))),
        len(onsets),
        2,
        sharex="col",
        sharey="col",
        width_ratios=[1.25, 1],
    )
    for (left, right), (onset, shift) in zip(axes, onsets.items(), strict=True):
        said = [f"{model}: {verdict}" for model, verdict in shift.verdicts.items()]
        left.set_title(f"onset {onset}" + (f" \N{EN DASH} {', '.join(said)}" if said else ""))
        _slopes(left, shift, shards, colours, confidence)
        _against_sham(right, shift, models, shards, colours, confidence)
        left.set_ylabel("share of\ndecision influence")
    axes[0, 0].set_ylim(bottom=0)
    _shards_along(axes[-1, 0], shards)
    axes[0, 1].set_yticks(range(len(shards)), shards)
    axes[0, 1].set_ylim(len(shards) - 0.5, -0.5)
    axes[-1, 1].set_xlabel(f"change of share{', minus that of the sham' if sham else ''}")
    key(axes[0, 0], "after the sham", NULL, marker="s", linestyle=DASHES[SHAM])
    for model in models:
        key(axes[0, 0], model, paper(), marker=MARKERS.get(model, "o"), markeredgecolor=ink())
    legend_below(figure, columns=5)
    axes[0, 1].set_title(about, loc="right")
    return figure


def _shards_along(axes: Axes, shards: Sequence[str]) -> None:
    places = [place for number in range(len(shards)) for place in (number, number + TURN)]
    axes.set_xticks(places, ["before", "after"] * len(shards))
    for number, name in enumerate(shards):
        axes.annotate(
            name,
            (number + TURN / 2, 0),
            (0, -24),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            annotation_clip=False,
        )
    axes.set_xlim(-0.25, len(shards) - 1 + TURN + 0.25)


def _slopes(
    axes: Axes, shift: Shift, shards: Sequence[str], colours: Sequence[str], confidence: float
) -> None:
    """Lines from before to after, a pair of places a shard."""
    axes.grid(False, axis="x")
    for number, name in enumerate(shards):
        x, before = (number, number + TURN), shift.before[:, number]
        _end(axes, x[0], before, colours[number], "o", confidence, f"{name}, before")
        for model, after in shift.after.items():
            plain = model == SHAM
            colour, marker = (NULL if plain else colours[number]), MARKERS.get(model, "o")
            for one, other in zip(before, after[:, number], strict=True):
                axes.plot(x, (one, other), color=colour, linewidth=0.6, alpha=0.45, zorder=1.5)
            known = np.isfinite(after[:, number])
            if not known.any():
                continue
            ends = before[known].mean(), after[known, number].mean()
            dashes = DASHES[SHAM] if plain else "-"
            axes.plot(x, ends, color=colour, linewidth=1.2 if plain else 2, linestyle=dashes)
            place = x[1] + (0.07 if plain else 0.0)
            _end(axes, place, after[:, number], colour, marker, confidence, f"{name}, {model}")


def _end(
    axes: Axes,
    x: float,
    values: np.ndarray,
    colour: str,
    marker: str,
    confidence: float,
    series: str,
) -> None:
    """A mean with its interval, upright."""
    found = over_seeds(values, confidence, SHARE)
    if np.isfinite(found.low) and np.isfinite(found.high):
        axes.plot([x, x], [found.low, found.high], color=colour, linewidth=1.4, alpha=0.8)
    axes.plot(x, found.mean, marker, color=colour, ms=5, markeredgecolor=ink(), mew=0.5, zorder=3)
    words = {"at_label": "shard, when", "at": series}
    record(axes, "share", value=found.mean, low=found.low, high=found.high, **words)
    for seed, value in enumerate(values):
        record(axes, "share", value=value, seed=seed, **words)


def _against_sham(
    axes: Axes,
    shift: Shift,
    models: Sequence[str],
    shards: Sequence[str],
    colours: Sequence[str],
    confidence: float,
) -> None:
    """After reflection minus after the sham, paired by seed; minus before where no sham was."""
    zero_line(axes)
    offsets = np.linspace(-0.22, 0.22, len(models)) if len(models) > 1 else [0.0]
    baseline = shift.after.get(SHAM, shift.before)
    for number, name in enumerate(shards):
        for offset, model in zip(offsets, models, strict=True):
            if model not in shift.after:
                continue
            gap = shift.after[model][:, number] - baseline[:, number]
            row, marker = number + offset, MARKERS.get(model, "o")
            series = f"{model} minus {SHAM if SHAM in shift.after else 'before'}"
            found = dots(
                axes,
                row,
                gap,
                colours[number],
                series,
                at=name,
                confidence=confidence,
                marker=marker,
            )
            axes.annotate(
                signed(found.mean),
                (found.mean, row),
                (0, 6),
                textcoords="offset points",
                ha="center",
                fontsize="x-small",
                bbox={"facecolor": paper(), "edgecolor": "none", "pad": 0.6},
            )
    axes.grid(False, axis="y")


def zero_line(axes: Axes) -> None:
    """A line at no change, over the grid and under the data."""
    axes.axvline(0, color=ink(), linewidth=1.0, zorder=1.8)


def signed(value: float) -> str:
    """Two decimals with a true sign; empty where nothing is known."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else ""


@styled
def reflection_outcomes(
    steps: np.ndarray,
    probabilities: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    confidence: float = 0.9,
    unit: str = "probability",
) -> FigureBase:
    """Exact behaviour over reflection steps, a row an onset: the outcomes that move, by model.

    Lines are means over seeds, with bands of models that are no controls. Outcomes that no model
    moves by more than `STILL` are a sentence above the row.

    Args:
        steps: f[T], reflection steps.
        probabilities: onset -> outcome ("cheese first") -> model -> f[T, K].
        confidence: of the bands, Student's t over seeds.
        unit: of the values.
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
            shaded=model not in CONTROLS,
            linestyle=DASHES.get(model, "-"),
        )
    axes.set_xlim(float(steps.min()), float(steps.max()))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


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


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """A colour a reflection model; controls are grey."""
    real = [model for model in models if model not in CONTROLS]
    return {
        model: NULL if model in CONTROLS else MODELS[real.index(model) % len(MODELS)]
        for model in models
    }
