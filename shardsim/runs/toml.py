"""TOML to config and back: reading, overriding by dotted key, validating, writing.

Every refusal is one line that names the full key path, the value, and what is allowed.
"""

from __future__ import annotations

import json
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shardsim.base import content
from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.given import is_representable, number_of, path_of
from shardsim.base.scalars import plain
from shardsim.runs.config import RunConfig

LONGEST = 200  # characters of a value that a message repeats
DEEPEST = 32  # sections and lists inside one another; beyond, no config means anything
SWEEP = "sweep"  # a section that asks for many runs, see `shardsim.runs.sweep.grid`


def read_config(
    source: str | Path | Mapping[str, Any] | RunConfig, overrides: Iterable[str] = ()
) -> RunConfig:
    """Read, override and validate a config.

    Args:
        source: a TOML file, the name of an experiment that ships (`demo`), a mapping of the same
            shape, or a config.
        overrides: `key.path=value` with the value in TOML (`train.seeds=8`); what is no TOML is
            taken as a string (`env.id=cheese-corner`).

    Returns:
        The config, complete but for the env's own defaults (see `shardsim.runs.config.resolve`).

    Raises:
        UserError: the file is missing or no TOML, a key is unknown, or a value is refused.
    """
    where, data = written(source)
    if SWEEP in data:
        raise UserError(
            f"{where} has a section [{SWEEP}], which asks for many runs; give it to shardsim sweep"
        )
    for override in overrides:
        data = overridden(data, override)
    return validate(data, where)


def written(source: str | Path | Mapping[str, Any] | RunConfig) -> tuple[str, dict[str, Any]]:
    """What a source holds, before it is validated, and what to call it; errors as `read_config`."""
    if isinstance(source, RunConfig):
        return "the config", source.model_dump(mode="json")
    if isinstance(source, Mapping):
        return "the config", plain(source)
    path = locate(source)
    return str(source), _with_folders(read_toml(path), path.parent)


def locate(source: str | Path) -> Path:
    """The file of a config: an existing path, or an experiment that ships, by name or path.

    `demo`, `demo.toml` and `experiments/demo.toml` all find the shipped experiment when there is
    no such file, so that one command works in a checkout and in an empty folder. The bare name
    finds it even beside a file or folder of that name; `./demo` is the file.
    """
    shipped = content.catalogue("experiments")
    path = path_of(source)
    named = str(source) == path.name and not path.suffix and content.id_of(path) in shipped
    if path.is_file() and not named:
        return path
    if path.parent in (Path(), Path("experiments")) and path.suffix in ("", ".toml"):
        entry = shipped.get(content.id_of(path))
        if entry is not None and isinstance(entry.source, Path):
            return entry.source
    if path.is_dir():
        raise UserError(f"{path} is a folder; give a TOML file")
    raise UserError(
        f"there is no config {str(source)!r}, neither a file nor a shipped experiment; "
        f"{did_you_mean(content.id_of(path), shipped)}"
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; raises UserError naming the file, and the place of a syntax error."""
    try:
        return _not_too_deep(tomllib.loads(path.read_text(encoding="utf-8-sig")), str(path))
    except RecursionError as error:
        raise _too_deep(str(path)) from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {one_line(error)}; give a readable file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML: {one_line(error)}; fix it there") from error


def write_toml(config: RunConfig) -> str:
    """The complete config as TOML text; `read_config` of it gives the same config."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def overridden(data: Mapping[str, Any], override: str) -> dict[str, Any]:
    """A copy of nested `data` with one `key.path=value` applied."""
    key, equals, text = override.partition("=")
    if not equals or not all(key.strip().split(".")):
        raise UserError(
            f"{override!r} is not an override; write key.path=value, like train.seeds=8"
        )
    return placed(data, key.strip(), value_of(text))


def value_of(text: str) -> Any:
    """The value that a text is in TOML; what is no TOML is a number, or else the text itself."""
    try:
        return _not_too_deep(tomllib.loads(f"value = {text}")["value"], "a value")
    except RecursionError as error:
        raise _too_deep("a value") from error
    except tomllib.TOMLDecodeError:
        number = number_of(text)
        return text.strip() if number is None else number


def placed(data: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of nested `data` with the value of one dotted key."""
    if key.count(".") >= DEEPEST:
        raise _too_deep("a key")
    return _placed(data, key.split("."), value, key)


def validate(data: Mapping[str, Any], where: str) -> RunConfig:
    """Check nested data against the models; raises UserError for the first thing wrong."""
    for key, value in _leaves(data):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and not is_representable(value):
            raise UserError(
                f"{where}: {key} = {value} cannot be used; give a finite number that 32 bits hold"
            )
    try:
        # The JSON route is the strict one that still takes a list for a tuple.
        return RunConfig.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        others = len({_path(detail) for detail in details}) - 1
        more = f" (and {others} more)" if others else ""
        raise UserError(f"{where}: {explain(RunConfig, details[0])}{more}") from error


def explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    """One pydantic error as: key path, value, what is allowed or the nearest right key."""
    path, value = _path(detail), detail["input"]
    if detail["type"] == "extra_forbidden":
        return f"unknown key {path!r}; {_nearest_key(model, [str(p) for p in detail['loc']])}"
    message = detail["msg"].removeprefix("Value error, ")
    if not path or (isinstance(value, dict) and detail["type"] == "value_error"):
        return f"{path}: {message}".removeprefix(": ")
    message = message.replace("Input should be", "it should be").replace("an object", "a section")
    if _is_branch(detail["loc"][-1]):
        message = "it should be true, false, a number, a string or a list of these"
    shown = json.dumps(value, default=str)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
    return f"{path} = {shown} cannot be used; {message}"


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested data as dotted key → value."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _leaves(data: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in nested sections and lists, with its key path."""
    if isinstance(data, Mapping):
        inner: Iterable[tuple[Any, Any]] = data.items()
    elif isinstance(data, list | tuple):
        inner = enumerate(data)
    else:
        yield key, data
        return
    for name, value in inner:
        yield from _leaves(value, f"{key}.{name}" if key else str(name))


def _not_too_deep(data: Any, where: str) -> Any:
    """Return data as they are; raises UserError where they are nested without end."""
    level = [data]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return data
    raise _too_deep(where)


def _inside(data: Any) -> Iterable[Any]:
    if isinstance(data, Mapping):
        return data.values()
    return data if isinstance(data, list | tuple) else ()


def _too_deep(where: str) -> UserError:
    return UserError(
        f"{where} holds sections or lists more than {DEEPEST} deep inside one another, and no "
        "setting does; see docs/config.md for what may be written"
    )


def _with_folders(data: dict[str, Any], beside: Path) -> dict[str, Any]:
    """Env folders are meant relative to the file that names them."""
    env = data.get("env")
    if isinstance(env, dict) and isinstance(env.get("folders"), list):
        folders = [str((beside / path_of(str(folder))).resolve()) for folder in env["folders"]]
        return data | {"env": env | {"folders": folders}}
    return data


def _placed(data: Mapping[str, Any], parts: list[str], value: Any, key: str) -> dict[str, Any]:
    head, *rest = parts
    if not rest:
        return {**data, head: value}
    inner = data.get(head, {})
    if not isinstance(inner, Mapping):
        raise UserError(f"cannot set {key!r}: {head!r} is a value, not a section; see its section")
    return {**data, head: _placed(inner, rest, value, key)}


def _path(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"] if not _is_branch(part))


def _is_branch(part: int | str) -> bool:
    """Whether a part of an error's location names a branch of a union, not a key."""
    return isinstance(part, str) and (
        part in {"bool", "int", "float", "str"} or part.startswith("list[")
    )


def _nearest_key(model: type[BaseModel], path: list[str]) -> str:
    """The nearest key in the same section, else the same word in another section."""
    inside = model
    for part in path[:-1]:
        inside = _section(inside, part) or inside
    hint = did_you_mean(path[-1], inside.model_fields)
    if hint.startswith("did you mean"):
        return hint.replace("'", f"'{'.'.join([*path[:-1], ''])}", 1)
    elsewhere = [key for key in _all_keys(model) if key.rpartition(".")[2] == path[-1]]
    return f"did you mean {elsewhere[0]!r}?" if elsewhere else hint


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name in model.model_fields:
        keys.append(f"{prefix}{name}")
        section = _section(model, name)
        keys += _all_keys(section, f"{prefix}{name}.") if section else []
    return keys


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a field that is a section of its own."""
    field = model.model_fields.get(name)
    choices: tuple[Any, ...] = () if field is None else (field.annotation,)
    if field is not None and typing.get_origin(field.annotation) in (typing.Union, types.UnionType):
        choices = typing.get_args(field.annotation)
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None
