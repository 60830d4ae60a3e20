"""An env's parameters as plain values and back, by what the author's annotations say.

Plain are true, false, numbers, text and lists of these, which TOML, JSON and words can hold. What
they cannot hold is written otherwise: `none` where a parameter may be None, a list for a tuple, an
enum's member by its value.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import typing
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from shardsim.base import scalars
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.given import is_representable
from shardsim.env.core import Env

NONE = "none"
_REFUSED = object()


def read(cls: type[Env], given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters of an env class as its annotations want them.

    Raises:
        UserError: it has no such parameter, or a value is of another type; the line names it.
    """
    known = inspect.signature(cls).parameters
    for key in given:
        if key not in known:
            raise UserError(f"{cls.name} has no parameter {key!r}; {did_you_mean(key, known)}")
    hints = _annotations(cls) if given else {}
    given = scalars.plain(given)
    found = {key: _read(cls, key, value, hints, known) for key, value in given.items()}
    for key, value in found.items():
        _check_finite(cls, key, value)
    return found


def plain(env: Env) -> dict[str, Any]:
    """Return the parameters with which `make` makes an env again, as plain values.

    Raises:
        UserError: a value that is not the default and cannot be written.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(env):
        value = getattr(env, field.name)
        if not field.init:
            continue
        written = _plain(value)
        if written is not _REFUSED:
            found[field.name] = written
        elif value is not field.default:
            raise UserError(
                f"{env.name} parameter {field.name!r} = {value!r} cannot be written down; "
                "make it a number, text, an enum, None, or a tuple of these"
            )
    return found


def check_hashable(env: Env) -> None:
    """Raise UserError where a parameter has a value that programs cannot be kept for."""
    for field in dataclasses.fields(env):
        try:
            hash(getattr(env, field.name))
        except TypeError as error:
            raise UserError(
                f"{env.name} parameter {field.name!r} can be changed inside "
                f"({type(getattr(env, field.name)).__name__}); make it a tuple"
            ) from error


def _annotations(cls: type[Env]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except Exception as error:  # an annotation is text of the author's, and is evaluated here
        raise UserError(
            f"the annotations of {cls.__name__} cannot be read, {error}; import what they name"
        ) from error


def _read(cls: type[Env], key: str, value: Any, hints: dict[str, Any], known: Any) -> Any:
    default = known[key].default
    wanted = hints.get(key, Any if default is inspect.Parameter.empty else type(default))
    if value == NONE and type(None) in (wanted, *typing.get_args(wanted)):
        return None
    adapter = TypeAdapter(wanted)
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError:
        pass
    try:
        # The JSON route takes a list for a tuple and a value for an enum, and is as strict.
        if isinstance(value, str | list):
            return adapter.validate_json(to_json(value), strict=True)
    except ValidationError:
        pass
    like = "" if default is inspect.Parameter.empty else f", like its default {default!r}"
    raise UserError(
        f"{cls.name} parameter {key!r} must be of type {_spelled(wanted)}{like}, not {value!r}"
    )


def _check_finite(cls: type[Env], key: str, value: Any) -> None:
    """Raise UserError where a number, also inside a tuple, is none that 32 bits hold."""
    if isinstance(value, tuple | list):
        for part in value:
            _check_finite(cls, key, part)
    small = not isinstance(value, int) or abs(value) < 2**31  # of cells and steps, with a sign
    if isinstance(value, int | float) and not (small and is_representable(value)):
        raise UserError(
            f"{cls.name} parameter {key!r} = {value} cannot be used; give a finite number that "
            "32 bits hold"
        )


def _spelled(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " or ".join(repr(member.value) for member in annotation)
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def _plain(value: Any) -> Any:
    if value is None:
        return NONE
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value]
        return _REFUSED if _REFUSED in parts else parts
    return value if isinstance(value, bool | int | float | str) else _REFUSED
