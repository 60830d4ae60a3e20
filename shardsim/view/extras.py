"""Packages that only some ways of viewing need."""

from __future__ import annotations

from typing import Any

from shardsim.base import extras


def needed(module: str, extra: str) -> Any:
    """A module of an extra; raises UserError where it is not installed."""
    return extras.needed(
        module,
        extra,
        "this view",
        ", or write a page that needs neither with: shardsim view RUN --export view.html",
    )
