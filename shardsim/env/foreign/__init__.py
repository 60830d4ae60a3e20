"""Worlds made elsewhere, wrapped as envs of this house: `minigrid:`, `navix:` and `xland:` ids.

A foreign world is read level by level from its own reset and becomes an `Env`, so that training,
identification, tracks, figures, play and every check work on it unchanged. Each family is an extra
of its own and is imported only when an id of it is made.
"""

from __future__ import annotations

import dataclasses
import importlib
from functools import lru_cache
from types import ModuleType
from typing import NamedTuple

from shardsim.base.errors import UserError, one_line
from shardsim.env.core import Env

# prefix -> the package that must be there, and the module here that wraps it
FAMILIES = {
    "minigrid": ("minigrid", "shardsim.env.foreign.minigrid"),
    "navix": ("navix", "shardsim.env.foreign.navix"),
    "xland": ("xminigrid", "shardsim.env.foreign.xland"),
}


class Facts(NamedTuple):
    """What a family says of one of its tasks before any level is read."""

    height: int
    width: int
    max_steps: int
    about: str  # one sentence for the docstring


def is_foreign(env_id: str) -> bool:
    """Whether an id names a world made elsewhere."""
    return env_id.partition(":")[0] in FAMILIES and ":" in env_id


@lru_cache(maxsize=64)
def env_class(env_id: str) -> type[Env]:
    """Return the class of a foreign world, made once for each id.

    Raises UserError where the extra is missing, or its package has no such task or one that
    cannot be wrapped.
    """
    family, _, task = env_id.partition(":")
    package, wrapper = FAMILIES[family]
    require(package, family)
    module = importlib.import_module(wrapper)
    facts: Facts = module.facts(task)
    kind = type(
        module.WORLD.__name__,
        (module.WORLD,),
        {
            "__module__": module.__name__,
            "__doc__": f"{facts.about}\n\n{module.WORLD.__doc__}",
            "__annotations__": {"height": "int", "width": "int", "max_steps": "int"},
            "name": env_id,
            "task": task,
            "height": facts.height,
            "width": facts.width,
            "max_steps": facts.max_steps,
        },
    )
    return dataclasses.dataclass(frozen=True)(kind)


def versions(env_id: str) -> dict[str, str]:
    """The package that a foreign world comes from, and its version."""
    family = env_id.partition(":")[0]
    package, _ = FAMILIES[family]
    return {package: str(getattr(require(package, family), "__version__", "unknown"))}


def require(package: str, family: str) -> ModuleType:
    """Import the package of a family; raises UserError that says how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        if getattr(error, "name", "") == package:
            mend = f'install it with: pip install "shardsim[{family}]"'
            raise UserError(f"`{family}:` needs an extra that is not installed; {mend}") from error
        raise UserError(
            f"`{family}:` cannot be used, since {package} fails to import "
            f"({one_line(error)}); fix its installation"
        ) from error
