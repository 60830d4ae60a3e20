"""A figure that moves: the policy over a level and the shares, checkpoint by checkpoint.

Axes: T checkpoints, H rows, W columns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import animation
from matplotlib.figure import FigureBase

from shardsim.base.errors import UserError
from shardsim.plot.canvas import ShardFigure, styled, surface
from shardsim.plot.levels import Board, board_legend, draw_arrows, draw_board
from shardsim.plot.marks import curve, end_labels
from shardsim.plot.shares import Distribution
from shardsim.plot.style import WIDTH, ink, paper, steps_axis

FORMATS = ("gif", "mp4")
FRAMES_A_SECOND = 2
PIXELS_AN_INCH = 110


class MovingFigure(ShardFigure):
    """A figure of several frames; it shows the last one until `show` is called."""

    frames: int = 1
    show: Callable[[int], None] = staticmethod(lambda frame: None)


def moving_bytes(figure: Any, format: str) -> bytes:
    """Return all frames of a figure as a GIF or MP4, and show the last one again.

    Raises UserError for a figure that does not move, or MP4 without ffmpeg.
    """
    if not isinstance(figure, MovingFigure):
        raise UserError(f"this figure does not move, so it is no .{format}; name it .png or .pdf")
    if format == "mp4" and not animation.writers.is_available("ffmpeg"):
        raise UserError("ffmpeg is not installed, which .mp4 needs; install it, or name a .gif")
    kind: Any = animation.FFMpegWriter if format == "mp4" else animation.PillowWriter
    writer = kind(fps=FRAMES_A_SECOND)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # so that nothing jumps between frames
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"all.{format}"
        with writer.saving(figure, str(path), PIXELS_AN_INCH):
            for frame in range(figure.frames):
                figure.show(frame)
                writer.grab_frame()
        return path.read_bytes()


@styled
def moving_policy(
    board: Board,
    arrows: Sequence[np.ndarray],
    distribution: Distribution,
    places: Sequence[int],
    titles: Sequence[str],
) -> FigureBase:
    """Left, the policy over a level as arrows; right, the shares, with a line at the frame's time.

    Args:
        board: the level.
        arrows: f[H, W, 2] of each frame, (rows, columns).
        distribution: the shares over training.
        places: positions of the frames' checkpoints in it.
        titles: of the frames.
    """
    figure: Any = surface(WIDTH, 3.5, MovingFigure)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.35])
    draw_board(left, board)
    quivers = [draw_arrows(left, one, 0.85) for one in arrows]
    shards = len(distribution.names) - distribution.rest
    for part in range(shards):
        name, colour = distribution.names[part], distribution.colours[part]
        curve(
            right, distribution.steps, distribution.share[:, :, part].T, colour, name, within=(0, 1)
        )
    steps_axis(right, distribution.steps)
    right.set_ylim(bottom=0)
    right.set_ylabel("share of decision influence")
    right.set_title(distribution.about)
    last = distribution.share[-1].mean(0)
    end_labels(
        right,
        list(
            zip(map(float, last[:shards]), distribution.names, distribution.colours, strict=False)
        ),
    )
    title = left.set_title(titles[-1])
    now = right.axvline(0, color=ink(), linewidth=1.2)
    dots = right.plot(
        [0] * shards, [0] * shards, "o", color=paper(), markeredgecolor=ink(), zorder=5
    )[0]

    def show(frame: int) -> None:
        step = distribution.steps[places[frame]]
        for number, quiver in enumerate(quivers):
            quiver.set_visible(number == frame)
        now.set_xdata([step, step])
        dots.set_data([step] * shards, distribution.share[places[frame]].mean(0)[:shards])
        title.set_text(titles[frame])

    show(len(arrows) - 1)
    board_legend(figure, board)
    if isinstance(figure, MovingFigure):
        figure.frames, figure.show = len(arrows), show
    return figure
