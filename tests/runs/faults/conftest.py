"""How many faults are tried, and the table of what became of them.

The usual suite tries a few of each kind; `make test-faults` sets `FAULTS_<KIND>` and tries all.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

USUAL = {
    "KILLS": 1,
    "DAMAGES": 12,
    "FUZZ": 100,
    "DISK": 2,
    "FULL_DISKS": 1,
}
_tried: dict[str, tuple[int, list[str]]] = {}

Tell = Callable[[str, int, list[str]], str]


@pytest.fixture(scope="session")
def how_many() -> Callable[[str], int]:
    """The number of faults of a kind that are to be tried."""
    return lambda kind: int(os.environ.get(f"FAULTS_{kind}") or USUAL[kind])


@pytest.fixture
def tell() -> Tell:
    """Count faults that were tried; say which did not end as they must, empty where all did."""

    def told(kind: str, tried: int, failed: list[str]) -> str:
        _tried[kind] = (tried, failed)
        if not tried:
            return f"no {kind} were tried"
        first = f"{len(failed)} of {tried} {kind}, first: " + "\n".join(failed[:5])
        return first if failed else ""

    return told


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the table."""
    if _tried:
        terminalreporter.section("faults")
        terminalreporter.write_line(f"{'kind':<46}{'tried':>8}{'as it must':>12}{'failed':>8}")
        for kind, (tried, failed) in _tried.items():
            good = tried - len(failed)
            terminalreporter.write_line(f"{kind:<46}{tried:>8,}{good:>12,}{len(failed):>8,}")
