"""What reflection does to the shard distribution, a row an onset. Axes: K seeds, S shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import SHARE
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key, over_seeds, record
from shardsim.plot.style import MODELS, NULL, WIDTH, ink, paper
from shardsim.reflection.config import CONTROLS

SHAM = "sham"
DASHES = {  # so that lines on one another stay visible
    "summed": (0, (5, 2)),
    "replicator": (0, (6, 2, 1, 2)),
    "distillation": (0, (3, 2)),
    SHAM: (0, (1, 1.5)),
}
MARKERS = {SHAM: "s", "distillation": "D", "replicator": "^", "summed": "v"}
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
        say_where_untried(right, shift.after.values())
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


def say_where_untried(axes: Axes, values: Iterable[np.ndarray]) -> None:
    """Say in an empty panel why it is empty."""
    if not any(np.isfinite(one).any() for one in values):
        place: dict = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        axes.text(0.5, 0.5, "not tried: no such context", color=NULL, **place)


def zero_line(axes: Axes) -> None:
    """A line at no change, over the grid and under the data."""
    axes.axvline(0, color=ink(), linewidth=1.0, zorder=1.8)


def signed(value: float) -> str:
    """Two decimals with a true sign; empty where nothing is known."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else ""


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """A colour a reflection model; controls are grey."""
    real = [model for model in models if model not in CONTROLS]
    return {
        model: NULL if model in CONTROLS else MODELS[real.index(model) % len(MODELS)]
        for model in models
    }
