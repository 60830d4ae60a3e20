"""What a figure holds."""

from __future__ import annotations

import numpy as np


def legend_labels(figure) -> list[str]:
    """All that the figure's legends say."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def lines(axes, width: float | None = None) -> list[np.ndarray]:
    """y data of the lines of an axis."""
    kept = [line for line in axes.lines if width is None or line.get_linewidth() == width]
    return [np.asarray(line.get_ydata()) for line in kept]
