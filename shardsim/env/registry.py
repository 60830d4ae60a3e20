"""Finding envs by id: those that ship, those that are installed, and those in a user's folder."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from shardsim.base import content
from shardsim.base.errors import UserError
from shardsim.base.given import number_of
from shardsim.base.platform import check_platform
from shardsim.env import foreign, parameters
from shardsim.env.core import Env


def list_envs(folders: Sequence[str | Path] = ()) -> list[str]:
    """Return the ids of all envs, without importing any of them."""
    return list(content.catalogue("envs", folders))


def env_class(name: str, folders: Sequence[str | Path] = ()) -> type[Env]:
    """Return the class of an env. Raises UserError for an unknown id or a broken file."""
    check_platform()
    if foreign.is_foreign(name):
        return foreign.env_class(name)
    entry = content.find("envs", name, folders)
    return class_in(content.load(entry), entry.where)


def code_of(name: str, folders: Sequence[str | Path] = ()) -> dict[str, str]:
    """What an env's code is, to tell later whether it changed: hashes by file, or a version."""
    if foreign.is_foreign(name):
        return foreign.versions(name)
    return content.code_of(content.find("envs", name, folders))


def class_in(module: ModuleType, where: str) -> type[Env]:
    """Return the one Env subclass that a module defines; raises UserError otherwise."""
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Env) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise UserError(
            f"{where} defines {len(found)} Env subclasses; an env file defines exactly one"
        )
    return found[0]


def make(env_id: str, *, folders: Sequence[str | Path] = (), **params: Any) -> Env:
    """Make an env by id, with its parameters.

    Raises UserError for an unknown id, an unknown parameter (naming the nearest), or a value that
    the env refuses.
    """
    return build(env_class(env_id, folders), params)


@content.blaming_files()
def build(cls: type[Env], params: dict[str, Any]) -> Env:
    """Build an env class with parameters; raises UserError naming a wrong one."""
    env = cls(**parameters.read(cls, params))
    parameters.check_hashable(env)
    for key in ("height", "width", "max_steps", "max_states"):
        if getattr(env, key) < 1:
            raise UserError(f"{cls.name} parameter {key!r} must be at least 1")
    return env


def read_params(words: Sequence[str]) -> dict[str, Any]:
    """Read parameters given as `key=value` words: numbers, true, false, or text.

    Raises UserError for a word without `=`.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise UserError(f"{word!r} is not a parameter; write key=value, like height=9")
        try:
            found[key] = json.loads(text)
        except json.JSONDecodeError:
            number = number_of(text)
            found[key] = text if number is None else number
    return found
