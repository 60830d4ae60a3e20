"""Options of figures: which there are, how text is read as annotated, and what they mean."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, get_args

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.given import is_representable, number_of
from shardsim.base.scalars import plain

EVERY = ("ax", "size", "style")  # what every figure takes
_READABLE = (bool, int, float, str)
_WORDS = {"true": True, "yes": True, "false": False, "no": False}

MEANING = {
    "against": "a key that the runs differ in, or its last words; the first by default",
    "aim": "a ratio of returns to mark",
    "battery": "held-out or target",
    "by": "another such key, whose values are kept apart",
    "checkpoint": "position of the checkpoint, from 0, the untrained network; -1 is the last",
    "checkpoints": "how many, evenly from the untrained network to the last",
    "concept": "name of a concept",
    "confidence": "of the intervals over seeds",
    "contexts": "at most so many, evenly from the battery",
    "first": "number of a shard, from 1",
    "layer": "name of a layer",
    "level": "number of the level; the one with most conflicts if left out",
    "levels": "number of levels",
    "onset": "only this onset",
    "place": "where values are measured: target or onset",
    "result": "names of results, with commas: return.target, share; the usual ones by default",
    "second": "number of another shard",
    "shard": "number of a shard, from 1, or its name; all if left out",
    "seed": "position of the seed, from 0",
    "split": "train, held-out or target",
    "where": "only runs with these values: learning_rate=0.001,width=7",
    "ax": "from Python: an Axes or SubFigure to draw in",
    "size": "inches, as 6x4, or the width alone",
    "style": "a style of matplotlib, or several with commas, or a file",
}


def options_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A figure's own options: the keyword-only parameters of its `draw`."""
    parameters = inspect.signature(function, eval_str=True).parameters
    return {k: one for k, one in parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}


def read_options(
    name: str, function: Callable[..., Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figure's own options, read as annotated, and those that every figure takes.

    Raises UserError for an option that the figure has not, or a value of another type.
    """
    known = options_of(function)
    common = {key: given[key] for key in EVERY if key in given and key not in known}
    if isinstance(common.get("style"), str) and "," in common["style"]:
        common["style"] = common["style"].split(",")
    own = {key: value for key, value in given.items() if key not in common}
    for key in own:
        if key not in known:
            nearest = did_you_mean(key, [*known, *EVERY])
            raise UserError(f"the figure {name!r} has no option {key!r}; {nearest}")
    return {key: _read(name, key, value, known[key].annotation) for key, value in own.items()}, (
        common
    )


def in_words(name: str, headline: str, function: Callable[..., Any]) -> str:
    """What a figure shows, and a line for each option that it takes."""
    known = options_of(function)
    rows = [(key, _default(one), MEANING.get(key, "")) for key, one in known.items()]
    rows += [(key, "", MEANING[key]) for key in EVERY if key not in known]
    width = max(len(f"{key}={default}") for key, default, _ in rows)
    lines = [f"  {f'{key}={default}':<{width}}  {said}".rstrip() for key, default, said in rows]
    about = inspect.getdoc(function) or ""
    return "\n".join([f"Options of {name}: {headline}", "", about, "", *lines])


def _default(one: inspect.Parameter) -> str:
    return "" if one.default in (None, "", inspect.Parameter.empty) else str(one.default)


def _read(name: str, key: str, value: Any, annotation: Any) -> Any:
    """Text or a value as the kind that an annotation asks for; raises UserError for another."""
    union = isinstance(annotation, types.UnionType)
    kinds = list(get_args(annotation)) if union else [annotation]
    given = plain(value)
    for kind in kinds:
        read = _from_text(kind, given) if isinstance(given, str) else _from_value(kind, given)
        if read:
            return read[0]
    said = " or ".join(kind.__name__ for kind in kinds if kind in _READABLE)
    raise UserError(
        f"{key}={value} is not of type {said}; the figure {name!r} takes {key}=<{said}>"
    )


def _from_text(kind: Any, text: str) -> tuple[Any, ...]:
    """The value that a text has as one kind, alone in a tuple; nothing where it has none."""
    if kind is bool:
        return (_WORDS[text.lower()],) if text.lower() in _WORDS else ()
    if kind in (int, float):
        number = number_of(text)
        if number is None or not is_representable(number) or kind(number) != number:
            return ()
        return (kind(number),)
    return () if kind is type(None) else (text,)


def _from_value(kind: Any, value: Any) -> tuple[Any, ...]:
    """The same of a value that is no text; kinds of the figure's own take any."""
    if kind not in (*_READABLE, type(None)):
        return (value,)
    if kind in (int, float) and isinstance(value, bool):
        return ()
    return (value,) if isinstance(value, (int, float) if kind is float else kind) else ()
