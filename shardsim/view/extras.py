"""Packages that only some ways of viewing need."""

from __future__ import annotations

import importlib
from typing import Any

from shardsim.base.errors import UserError


def needed(module: str, extra: str) -> Any:
    """A module of an extra; raises UserError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"this view needs {module.partition('.')[0]}; pip install 'shardsim[{extra}]', "
            "or write a page that needs neither with: shardsim view RUN --export view.html"
        ) from error
