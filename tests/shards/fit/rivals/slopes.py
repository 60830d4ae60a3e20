"""Slopes against central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def check_slopes(
    function: Callable[[np.ndarray], np.ndarray],
    slopes: np.ndarray,
    theta: np.ndarray,
    width: float = 1e-5,
) -> None:
    """Assert that slopes [..., T] are those of function(θ [T]) -> [...]."""
    for place in range(len(theta)):
        step = width * np.eye(len(theta))[place]
        expected = (function(theta + step) - function(theta - step)) / (2 * width)
        np.testing.assert_allclose(slopes[..., place], expected, atol=1e-6)
