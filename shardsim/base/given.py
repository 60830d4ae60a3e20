"""What people give, read alike everywhere: paths, numbers in text, and numbers for arrays."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from shardsim.base.errors import UserError, one_line

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
# The largest and the smallest normal number of 32 bits, in which everything is computed.
LARGEST, SMALLEST = 3.4028234663852886e38, 1.1754943508222875e-38


def path_of(given: str | Path) -> Path:
    """A path as a person gave it, with `~` as the home folder; it need not exist.

    Raises UserError where no file can be there: too long a name, a folder that may not be entered,
    a home folder that is not known.
    """
    try:
        path = Path(given).expanduser()
        path.exists()
    except RuntimeError as error:  # no HOME, and no such user
        raise UserError(f"{given} names a home folder that is not known; write it out") from error
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise UserError(f"cannot use {str(given)!r}: {one_line(error)}; give another") from error
    if _is_too_long(path):
        raise UserError(f"cannot use {str(path)!r}: file name too long; give another")
    return path


def number_of(text: str) -> int | float | None:
    """The number that a text is, also as `.5` or `5.`, which TOML and JSON refuse; else None."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def is_representable(value: int | float) -> bool:
    """Whether 32 bits hold a number: finite, and neither infinity nor zero once it is stored."""
    if isinstance(value, int):
        return abs(value) < 2**32
    return value == 0 or SMALLEST <= abs(value) <= LARGEST


def _is_too_long(path: Path) -> bool:
    """Whether a part has more bytes than file systems take, which newer Pythons call missing."""
    encoding = sys.getfilesystemencoding()
    return any(len(part.encode(encoding, "surrogateescape")) > 255 for part in path.parts)
