"""A simulator for shard theory: train gridworld agents, find their shards, reflect, diagnose.

The public names are resolved on first use, so `import shardsim` starts no numerical library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from shardsim.base.errors import UserError as UserError
    from shardsim.base.frames import to_pandas as to_pandas
    from shardsim.diagnosis.diagnose import diagnose as diagnose
    from shardsim.env.check import check_env as check_env
    from shardsim.env.registry import list_envs as list_envs
    from shardsim.env.registry import make as make
    from shardsim.reflection.reflect import reflect as reflect
    from shardsim.runs.comparison.compare import compare as compare
    from shardsim.runs.figures import figure as figure
    from shardsim.runs.pipeline import run as run
    from shardsim.runs.run import load as load
    from shardsim.runs.self_modify import self_modify as self_modify
    from shardsim.shards.contexts.battery import battery as battery
    from shardsim.shards.contexts.battery import load_battery as load_battery
    from shardsim.shards.contexts.policies import state_policy as state_policy
    from shardsim.shards.identify import identify as identify
    from shardsim.view.widget import widget as widget

# Public name -> the module that defines it. A name is listed here only when it works.
_HOME = {
    "UserError": "shardsim.base.errors",
    "battery": "shardsim.shards.contexts.battery",
    "check_env": "shardsim.env.check",
    "compare": "shardsim.runs.comparison.compare",
    "diagnose": "shardsim.diagnosis.diagnose",
    "figure": "shardsim.runs.figures",
    "identify": "shardsim.shards.identify",
    "list_envs": "shardsim.env.registry",
    "load": "shardsim.runs.run",
    "load_battery": "shardsim.shards.contexts.battery",
    "make": "shardsim.env.registry",
    "reflect": "shardsim.reflection.reflect",
    "run": "shardsim.runs.pipeline",
    "self_modify": "shardsim.runs.self_modify",
    "state_policy": "shardsim.shards.contexts.policies",
    "to_pandas": "shardsim.base.frames",
    "widget": "shardsim.view.widget",
}

__all__ = [
    "UserError",
    "__version__",
    "battery",
    "check_env",
    "compare",
    "diagnose",
    "figure",
    "identify",
    "list_envs",
    "load",
    "load_battery",
    "make",
    "reflect",
    "run",
    "self_modify",
    "state_policy",
    "to_pandas",
    "widget",
]


def __getattr__(name: str) -> Any:
    """Import a public name's module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'shardsim' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, including those that are not imported yet."""
    return sorted([*globals(), *_HOME])


# `gymnasium.make("shardsim/<id>-v0")` works from now on; by name, since every floor imports this
# package and may import nothing above itself.
importlib.import_module("shardsim.env.gymnasium_ids").register_when_imported()
