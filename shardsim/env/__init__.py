"""Worlds: types, the Env base, exact planning, edits, levels.

What an author of a world needs is resolved here on first use, so that importing a module of this
room loads nothing else of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shardsim.env import placing as placing
    from shardsim.env.core import Env as Env
    from shardsim.env.types import Concept as Concept
    from shardsim.env.types import Level as Level
    from shardsim.env.types import State as State
    from shardsim.env.types import Transition as Transition

# Name -> the module that defines it.
_HOME = {
    "Concept": "shardsim.env.types",
    "Env": "shardsim.env.core",
    "Level": "shardsim.env.types",
    "State": "shardsim.env.types",
    "Transition": "shardsim.env.types",
}

__all__ = ["Concept", "Env", "Level", "State", "Transition", "placing"]


def __getattr__(name: str) -> Any:
    """Import a name's module on first use (PEP 562)."""
    if name == "placing":
        return importlib.import_module("shardsim.env.placing")
    if name not in _HOME:
        raise AttributeError(f"module 'shardsim.env' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The author's names, including those that are not imported yet."""
    return sorted([*globals(), *__all__])
