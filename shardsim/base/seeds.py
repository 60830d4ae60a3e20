"""The one rule for seeds: whole numbers from 0 to what a random key can hold."""

from __future__ import annotations

import operator
from typing import Any

from shardsim.base.errors import UserError

SEEDS = 2**32  # a key tells as many seeds apart; beyond them two seeds would be one
BENCH_SEEDS = 2**20  # of benchmarks, which count their own seeds a thousand apart


def checked_seed(seed: Any, name: str = "seed", *, below: int = SEEDS) -> int:
    """Return a seed as an int.

    Args:
        seed: what a caller gave: a Python or NumPy whole number.
        name: what the caller calls it.
        below: where seeds are counted further from this one, how many there are.

    Raises:
        UserError: it is no whole number from 0 to `below` - 1.
    """
    try:
        number = -1 if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < below:
        raise UserError(f"{name} must be a whole number from 0 to {below - 1}, not {seed!r}")
    return number
