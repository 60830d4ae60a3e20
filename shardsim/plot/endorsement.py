"""Who endorses whom at an onset, beside who judges there. Axes: S seeds, J judging and K shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch, Rectangle

from shardsim.base.statistics import SHARE, Interval
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key, over_seeds, record
from shardsim.plot.reflection import say_where_untried, signed
from shardsim.plot.style import DIVERGING, NULL, WIDTH, ink, paper

TOGETHER = "all judges"
ROOM = 0.4  # half of a cell's width, in which its seeds lie
STRIP, WORDS = 0.16, -0.2  # above and below the middle of a cell: seeds, and the mean in words
LEAST = 0.005  # gain that two decimals show
LIGHT = 0.5  # brightness of a cell below which its words are white


class Endorsed(NamedTuple):
    """One onset; NaN where a seed has no such context."""

    judges: np.ndarray  # f[S, J], shares that sum to 1
    matrix: np.ndarray  # f[S, J, K], what j gains as k grows
    chance: np.ndarray  # f[S, J, K], how large that is by chance


@styled
def endorsement_matrices(
    onsets: Mapping[str, Endorsed],
    shards: Sequence[str],
    colours: Sequence[str],
    confidence: float = 0.9,
    about: str = "",
) -> FigureBase:
    """Draw a row an onset: left the judges' shares, right what each gains as each shard grows.

    The last row of a matrix is what the judges gain together, Σ_j σ_j E_jk. Points in a cell are
    seeds along the scale of the colours, the line being 0; grey is how far random logits reach.

    Args:
        onsets: onset -> endorsements, with the judges' shares.
        shards: names, K.
        colours: of the shards, K.
        confidence: of Student's intervals over seeds.
        about: of which seeds, for the title.
    """
    count = len(shards)
    figure, axes = new_figure(
        WIDTH,
        0.9 + len(onsets) * (0.55 + 0.48 * (count + 1)),
        len(onsets),
        2,
        width_ratios=[1, 1.1 + 0.5 * count],
        sharex="col",
    )
    top = max(_largest(one) for one in onsets.values())
    scale = Normalize(-top, top)
    for (left, right), (onset, found) in zip(axes, onsets.items(), strict=True):
        left.set_title(f"onset {onset}")
        _judges(left, found.judges, shards, colours, confidence)
        _matrix(right, found, shards, scale, confidence)
        say_where_untried(right, [found.matrix])
    numbers = f"mean ± half of its {100 * confidence:.0f} % interval"
    axes[0, 1].set_title(f"{numbers}, {about}" if about else numbers, loc="right")
    axes[-1, 0].set_xlabel("share of the judges")
    axes[-1, 1].set_xlabel("shard that grows")
    bar = figure.colorbar(
        ScalarMappable(scale, DIVERGING), ax=list(axes[:, 1]), fraction=0.04, pad=0.02
    )
    bar.set_label("gain in discounted value J\nper unit of log weight")
    bar.outline.set_visible(False)
    key(axes[0, 0], "a seed", ink(), marker="o", markersize=3)
    reach = Patch(color=NULL, alpha=0.5, label="size where the shard's logits are random (RMS)")
    said = Patch(alpha=0, label="bold: the interval excludes 0, and the mean is beyond that size")
    legend_below(figure, columns=2, extra=[reach, said])
    return figure


def _largest(found: Endorsed) -> float:
    """Return the largest number of all seeds: the end of the colours' scale."""
    known = np.abs(found.matrix[np.isfinite(found.matrix)])
    return max(float(known.max(initial=0.0)), 1e-9)


def _judges(
    axes: Axes,
    shares: np.ndarray,
    shards: Sequence[str],
    colours: Sequence[str],
    confidence: float,
) -> None:
    for row, (name, colour) in enumerate(zip(shards, colours, strict=True)):
        dots(
            axes, row, shares[:, row], colour, "judges", at=name, confidence=confidence,
            within=SHARE, size=5,
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_yticks(range(len(shards) + 1), [*shards, TOGETHER])
    axes.set_ylim(len(shards) + 0.5, -0.5)
    axes.set_ylabel("who gains")
    axes.grid(False, axis="y")


def _matrix(
    axes: Axes, found: Endorsed, shards: Sequence[str], scale: Normalize, confidence: float
) -> None:
    together = np.einsum("sj,sjk->sk", found.judges, found.matrix)
    size = np.sqrt(np.einsum("sj,sjk->sk", found.judges**2, found.chance**2))
    cells = np.concatenate([found.matrix, together[:, None]], 1)
    chance = np.concatenate([found.chance, size[:, None]], 1)
    colours = matplotlib.colormaps[DIVERGING]
    for row, column in np.ndindex(*cells.shape[1:]):
        values = cells[:, row, column]
        if not np.isfinite(values).any():
            continue
        mean = over_seeds(values, confidence)
        face = colours(scale(mean.mean))
        axes.add_patch(_box(row, column, face))
        _cell(axes, (column, row), values, chance[:, row, column], scale.vmax or 1.0)
        dark = np.dot(face[:3], (0.299, 0.587, 0.114)) < LIGHT
        large = max(_size(chance[:, row, column]), LEAST)
        sure = mean.excludes_zero() and abs(mean.mean) > large
        axes.text(
            column, row - WORDS, _words(mean), ha="center", va="center", fontsize="small",
            color=paper() if dark else ink(), fontweight="bold" if sure else "normal",
        )  # fmt: skip
        at = [*shards, TOGETHER][row]
        words = {"at_label": "who gains", "value_label": "gain as the shard's log weight grows"}
        series = f"{shards[column]} grows"
        record(axes, series, at, mean.mean, low=mean.low, high=mean.high, **words)
        for seed, value in enumerate(values):
            record(axes, series, at, value, seed=seed, **words)
    axes.set_xlim(-0.5, len(shards) - 0.5)
    axes.set_ylim(len(shards) + 0.5, -0.5)
    axes.axhline(len(shards) - 0.5, color=ink(), linewidth=1.2)
    axes.set_xticks(range(len(shards)), list(shards))
    axes.set_yticks([])
    axes.grid(False)


def _words(found: Interval) -> str:
    """Return the mean with half of its interval's width; a number too small to show has no sign."""
    half = (found.high - found.low) / 2
    spread = f" ±{half:.2f}" if np.isfinite(half) else ""
    return f"{signed(found.mean) if abs(found.mean) > LEAST else '0.00'}{spread}"


def _size(chance: np.ndarray) -> float:
    """Return the root mean square over the seeds that are known."""
    return float(np.sqrt(np.nanmean(chance**2)))


def _box(row: int, column: int, face: tuple[float, ...]) -> Patch:
    """Return the ground of a cell."""
    corner = (column - 0.48, row - 0.46)
    return Rectangle(corner, 0.96, 0.92, facecolor=face, linewidth=0)


def _cell(
    axes: Axes, centre: tuple[int, int], values: np.ndarray, chance: np.ndarray, top: float
) -> None:
    """Draw the seeds of a cell along the scale, on a light strip, with what chance reaches."""
    x, y = centre[0], centre[1] - STRIP
    strip = Rectangle(
        (x - ROOM - 0.04, y - 0.14), 2 * ROOM + 0.08, 0.28, facecolor=paper(), linewidth=0
    )
    axes.add_patch(strip)
    reach = min(_size(chance) / top, 1.0) * ROOM
    grey = Rectangle((x - reach, y - 0.12), 2 * reach, 0.24, facecolor=NULL, alpha=0.5, linewidth=0)
    axes.add_patch(grey)
    axes.plot([x, x], [y - 0.14, y + 0.14], color=ink(), linewidth=0.7)
    axes.plot(x + ROOM * values / top, np.full(len(values), y), "o", color=ink(), ms=3, alpha=0.75)
