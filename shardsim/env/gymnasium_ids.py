"""The ids `shardsim/<id>-v0` in Gymnasium's registry, without loading an env, JAX or Gymnasium.

`import shardsim` calls `register_when_imported`; Gymnasium has no hook of its own for this since
it dropped its plugin entry points, so a one-shot import finder waits for it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from shardsim.base.errors import UserError
from shardsim.base.given import path_of

ENTRY_POINT = "shardsim.env.gymnasium:GridworldEnv"
VECTOR_ENTRY_POINT = "shardsim.env.gymnasium_vector:GridworldVectorEnv"


def gymnasium_id(env_id: str) -> str:
    """Return the name of an env in Gymnasium's registry."""
    return f"shardsim/{env_id}-v0"


def register_all(folders: Sequence[str | Path] = ()) -> None:
    """Register every listed env that is not registered yet; no env file is imported.

    Args:
        folders: folders of your own env files, beside the shipped and the installed ones.

    Raises:
        UserError: a folder that does not exist, or two envs with one id.
    """
    from gymnasium.envs.registration import register, registry

    from shardsim.base import content

    where = [str(path_of(folder).resolve()) for folder in folders]
    own = {"folders": where} if where else {}
    for env_id in content.catalogue("envs", where):
        if gymnasium_id(env_id) not in registry:
            register(
                gymnasium_id(env_id),
                entry_point=ENTRY_POINT,
                vector_entry_point=VECTOR_ENTRY_POINT,
                kwargs={"env_id": env_id, **own},
            )


def register_when_imported() -> None:
    """Register now if Gymnasium is loaded, else as soon as it is; safe to call again."""
    if "gymnasium" in sys.modules:
        _register_quietly()
    elif not any(isinstance(finder, _AfterGymnasium) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterGymnasium())


def _register_quietly() -> None:
    # A doubled id in some installed package must not break `import gymnasium`; every command of
    # shardsim reports it.
    with contextlib.suppress(UserError):
        register_all()


class _AfterGymnasium(MetaPathFinder):
    """Lets the usual finders find Gymnasium, and registers once it has been executed."""

    def find_spec(
        self, fullname: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for `gymnasium` alone, and only once."""
        if fullname != "gymnasium":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _register_quietly()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
