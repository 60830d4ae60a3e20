"""The config reference, generated from the models: `python -m shardsim.runs.config_docs`."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shardsim.runs.config import RunConfig

HEAD = """# Config reference

Generated from the config models by `python -m shardsim.runs.config_docs`; do not edit.
Any key can be left out, and any can be overridden on the command line: `shardsim run CONFIG
train.seeds=8 env.params.height=9`. Unknown keys are refused.
"""


def reference() -> str:
    """Return the whole reference as Markdown, one table a section."""
    return HEAD + "".join(_section(name, model) for name, model in sections(RunConfig))


def sections(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield (dotted section name, model) for every nested config model, depth first.

    The name of a section that may stand many times in a file is in brackets, as there.
    """
    for name, field in model.model_fields.items():
        if _is_model(field.annotation):
            yield f"{prefix}{name}", field.annotation
            yield from sections(field.annotation, f"{prefix}{name}.")
        elif _is_model(item := _item(field.annotation)):
            yield f"[{prefix}{name}]", item


def _item(annotation: object) -> object:
    """The type of the entries of a list, else None."""
    is_list = typing.get_origin(annotation) is tuple
    return typing.get_args(annotation)[0] if is_list else None


def _section(name: str, model: type[BaseModel]) -> str:
    rows = [
        f"| `{key}` | {_type(field)} | `{_default(field)}` | {field.description or ''} |"
        for key, field in model.model_fields.items()
        if not (_is_model(field.annotation) or _is_model(_item(field.annotation)))
    ]
    said = (model.__doc__ or "").strip().splitlines()
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"\n## [{name}]", "", said[0] if said else "", "", *table]) + "\n"


def _is_model(annotation: object) -> typing.TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _type(field: FieldInfo) -> str:
    """Return a type in words, with its limits."""
    limits = [words for item in field.metadata for words in _limit(item)]
    return ", ".join([_words(field.annotation), *limits])


def _limit(item: object) -> Iterator[str]:
    match item:
        case annotated_types.Ge(ge=bound):
            yield f"≥ {bound}"
        case annotated_types.Gt(gt=bound):
            yield f"> {bound}"
        case annotated_types.Le(le=bound):
            yield f"≤ {bound}"
        case annotated_types.Lt(lt=bound):
            yield f"< {bound}"
        case annotated_types.MinLen(min_length=count):
            yield f"at least {count}"


def _words(annotation: object) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{json.dumps(argument)}`" for argument in arguments)
    if origin is typing.Annotated:
        return _words(arguments[0])
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return "table"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(argument) for argument in arguments if argument is not type(None))
    return {int: "whole number", float: "number", str: "text", bool: "true or false"}.get(
        annotation,  # pyright: ignore[reportArgumentType]
        str(annotation),
    )


if __name__ == "__main__":
    print(reference(), end="")
