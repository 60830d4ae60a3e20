"""Finding envs by id: those that ship, those that are installed, and those in a user's folder."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from shardsim.base import content
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import plain
from shardsim.env import foreign
from shardsim.env.core import Env


def list_envs(folders: Sequence[str | Path] = ()) -> list[str]:
    """Return the ids of all envs, without importing any of them."""
    return list(content.catalogue("envs", folders))


def env_class(name: str, folders: Sequence[str | Path] = ()) -> type[Env]:
    """Return the class of an env. Raises UserError for an unknown id or a broken file."""
    if foreign.is_foreign(name):
        return foreign.env_class(name)
    entry = content.find("envs", name, folders)
    return class_in(content.load(entry), entry.where)


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


def build(cls: type[Env], params: dict[str, Any]) -> Env:
    """Build an env class with parameters; raises UserError naming a wrong one."""
    known, params = inspect.signature(cls).parameters, plain(params)
    for key, value in params.items():
        if key not in known:
            raise UserError(f"{cls.name} has no parameter {key!r}; {did_you_mean(key, known)}")
        default = known[key].default
        if default is not inspect.Parameter.empty and not _fits(value, default):
            raise UserError(
                f"{cls.name} parameter {key!r} must be of type {type(default).__name__}, "
                f"like its default {default!r}, not {value!r}"
            )
    env = cls(**params)
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
            raise UserError(f"{word!r} is no parameter; write key=value, like height=9")
        try:
            found[key] = json.loads(text)
        except json.JSONDecodeError:
            found[key] = text
    return found


def _fits(value: Any, default: Any) -> bool:
    """Whether a value has the type of a default; a whole number does for a fraction."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    kinds = (int, float) if isinstance(default, float) else type(default)
    return isinstance(value, kinds)
