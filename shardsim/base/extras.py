"""Packages that only some features need: extras of the distribution."""

from __future__ import annotations

import importlib
from typing import Any

from shardsim.base.errors import UserError


def needed(module: str, extra: str, what: str, otherwise: str = "") -> Any:
    """Return a module of an extra.

    Args:
        module: its dotted name.
        extra: of shardsim that installs it.
        what: needs it.
        otherwise: what else one may do, if anything.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"{what} needs {module.partition('.')[0]}; pip install 'shardsim[{extra}]'{otherwise}"
        ) from error
