"""A window on the screen for RGB frames: what `render_mode="human"` draws into.

h, w pixels. The window is pygame's, an optional extra, so nothing else in the house needs it.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from shardsim.base.errors import UserError


class Window:
    """One window; opened by the first frame, and gone for good once the person closes it."""

    def __init__(self, title: str, frames_per_second: int) -> None:
        """Ready a window without opening it. Raises UserError where pygame is not installed."""
        self._pygame = _pygame()
        self._title, self._rate = title, frames_per_second
        self._screen: Any = None
        self._clock = self._pygame.time.Clock()
        self.closed = False

    def show(self, frame: np.ndarray) -> None:
        """Show a frame uint8[h, w, 3] for as long as the frame rate says."""
        if self.closed:
            return
        pygame, size = self._pygame, (frame.shape[1], frame.shape[0])
        if self._screen is None or self._screen.get_size() != size:
            pygame.display.init()
            pygame.display.set_caption(self._title)
            self._screen = pygame.display.set_mode(size)
        pygame.surfarray.blit_array(self._screen, frame.transpose(1, 0, 2))
        pygame.display.flip()
        self._clock.tick(self._rate)
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()

    def close(self) -> None:
        """Close the window; safe to call again."""
        if self._screen is not None:
            self._pygame.display.quit()
        self._screen, self.closed = None, True


def _pygame() -> Any:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pygame's own use of old setuptools
            import pygame  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(
            "render_mode 'human' needs pygame; pip install 'shardsim[human]', "
            "or use rgb_array or ansi"
        ) from error
    return pygame
