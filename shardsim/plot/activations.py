"""What a layer holds: maps of its activations.

Axes: C contexts, D units, K shards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import record
from shardsim.plot.style import NULL, SEQUENTIAL, WIDTH


class Projection(NamedTuple):
    """Points on the first two principal components, and what part of the variance each has."""

    points: np.ndarray  # f[C, 2]
    explained: np.ndarray  # f[2], fractions


def principal_components(activations: np.ndarray) -> Projection:
    """Project activations f[C, D] on their first two principal components.

    Each component's sign is fixed (its largest loading is positive), so that two runs of the same
    code draw the same picture. A layer of one unit gets a second component of zeros.
    """
    centred = np.asarray(activations, np.float64)
    centred = centred - centred.mean(axis=0)
    _, scale, loadings = np.linalg.svd(centred, full_matrices=False)
    loadings = loadings[:2]
    largest = np.abs(loadings).argmax(axis=1)
    sign = np.where(loadings[np.arange(len(loadings)), largest] < 0, -1.0, 1.0)
    points = centred @ (loadings * sign[:, None]).T
    total = float((scale**2).sum())
    explained = scale[:2] ** 2 / total if total > 0 else np.zeros(len(loadings))
    missing = 2 - len(loadings)
    return Projection(np.pad(points, ((0, 0), (0, missing))), np.pad(explained, (0, missing)))


@styled
def activation_map(
    layers: Mapping[str, Projection],
    gates: np.ndarray,
    names: Sequence[str],
    colours: Sequence[str],
) -> FigureBase:
    """Contexts by their activations; above by the strongest shard, below by each gate ÷ its peak.

    Args:
        layers: layer -> projection; a column each.
        gates: f[C, K], how strongly each shard acts in each context (0: not at all).
        names: of the shards, K.
        colours: of the shards, K.
    """
    rows = 1 + len(names)
    size = (WIDTH, 0.6 + 1.75 * rows) if len(layers) > 1 else (3.6, 0.6 + 2.0 * rows)
    figure, axes = new_figure(*size, rows, len(layers))
    norm = Normalize(0.0, 1.0)
    relative = gates / np.maximum(gates.max(axis=0, initial=0.0), 1e-9)
    for column, (layer, projection) in enumerate(layers.items()):
        _strongest(axes[0, column], projection, gates, names, colours)
        axes[0, column].set_title(f"{layer}: strongest shard")
        for row, name in enumerate(names):
            place = axes[1 + row, column]
            _scatter(place, projection, c=relative[:, row], cmap=SEQUENTIAL, norm=norm)
            place.set_title(f"gate of {name}")
    if names:
        bar = figure.colorbar(
            ScalarMappable(norm, matplotlib.colormaps[SEQUENTIAL]),
            ax=list(axes[1:].ravel()),
            aspect=30,
            pad=0.02,
        )
        bar.set_label("gate ÷ its peak")
    legend_below(figure)
    return figure


def _strongest(
    axes: Axes,
    projection: Projection,
    gates: np.ndarray,
    names: Sequence[str],
    colours: Sequence[str],
) -> None:
    """Colour each context by its strongest shard, grey where none is active."""
    winner = gates.argmax(axis=1) if gates.shape[1] else np.zeros(len(gates), int)
    active = gates.max(axis=1, initial=0.0) > 0
    shade = np.full(len(gates), NULL, object)
    for number, colour in enumerate(colours):
        shade[active & (winner == number)] = colour
    _scatter(axes, projection, c=list(shade))
    for number, (first, second) in enumerate(projection.points):
        name = str(names[winner[number]]) if active[number] else "no shard active"
        record(axes, name, float(first), float(second))
    for name, colour in zip(names, colours, strict=True):
        axes.scatter([], [], s=14, color=colour, label=name)
    if not active.all():
        axes.scatter([], [], s=14, color=NULL, label="no shard active")


def _scatter(axes: Axes, projection: Projection, **colour) -> None:
    points = projection.points
    axes.scatter(
        points[:, 0], points[:, 1], s=5, linewidths=0, alpha=0.75, rasterized=True, **colour
    )
    axes.set_xlabel(f"PC 1 ({projection.explained[0]:.0%} of variance)")
    axes.set_ylabel(f"PC 2 ({projection.explained[1]:.0%})")
    axes.set_xticks([])
    axes.set_yticks([])
