"""Which runs a sweep asks for: every combination of the values that keys may take.

`key=v1,v2` on the command line, or a section [sweep] in the config with a list for each key:

    [sweep]
    "train.learning_rate" = [1e-3, 3e-4]
    env.params.height = [5, 7]
    seeds = 4
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shardsim.base.errors import UserError
from shardsim.runs.config import RunConfig, resolve, with_folders
from shardsim.runs.toml import SWEEP, flatten, overridden, placed, validate, value_of, written

SEEDS = "train.seeds"
MOST = 10_000  # points, above which a slip of the pen is more likely than a wish
LONGEST = 100  # characters of a folder's name


class Point(NamedTuple):
    """One run of a sweep."""

    name: str  # of its folder
    settings: dict[str, Any]  # the keys that the sweep varies, with this point's values
    config: RunConfig  # resolved


def points(
    source: str | Path | Mapping[str, Any] | RunConfig,
    words: Iterable[str] = (),
    *,
    seeds: int | None = None,
    folders: Sequence[str | Path] = (),
) -> list[Point]:
    """Return every point that is asked for, its config complete and checked.

    Args:
        source: a config as `shardsim.runs.toml.read_config` takes it, with or without [sweep].
        words: `key=value`, or `key=v1,v2` to vary the key; these stand before the config's.
        seeds: of each point.
        folders: of the user's own envs.

    Raises:
        UserError: a config is refused, with the point that it belongs to; a key has no value, or
            the same twice; or the grid has more than 10,000 points.
    """
    where, data = written(source)
    data, axes = _of_section(data, where)
    for word in words:
        key, equals, text = word.partition("=")
        values = split(text)
        if equals and len(values) > 1:
            axes[key.strip()] = [value_of(one) for one in values]
        else:
            data = overridden(data, word)
            axes.pop(key.strip(), None)
    if seeds is not None:
        data = placed(data, SEEDS, seeds)
        axes.pop(SEEDS, None)
    _check(axes)
    labels = _labels(list(axes))
    found = []
    for values in itertools.product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        name = _name({labels[key]: value for key, value in settings.items()})
        found.append(Point(name, settings, _config(data, settings, where, folders)))
    return found


def split(text: str) -> list[str]:
    """Return the values of `v1,v2`; a comma inside brackets or quotes belongs to its value."""
    parts, depth, quote, begin = [], 0, "", 0
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]


def _of_section(data: dict[str, Any], where: str) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Take the section [sweep] out of a config: the rest, and the values of each key."""
    section = data.get(SWEEP, {})
    rest = {key: value for key, value in data.items() if key != SWEEP}
    if not isinstance(section, Mapping):
        raise UserError(f"{where}: {SWEEP} must be a section, [{SWEEP}], with a list for each key")
    axes = flatten(section)
    if "seeds" in axes:
        rest = placed(rest, SEEDS, axes.pop("seeds"))
    for key, values in axes.items():
        if not isinstance(values, list):
            raise UserError(
                f"{where}: {SWEEP}.{key} = {json.dumps(values, default=str)} cannot be used; "
                "give the list of its values"
            )
    return rest, axes


def _check(axes: Mapping[str, list[Any]]) -> None:
    """Raise UserError where a key has no value, or one twice, or there are too many points."""
    count = 1
    for key, values in axes.items():
        told = [json.dumps(value, default=str) for value in values]
        if not told or "" in values:
            raise UserError(f"{key} has an empty value; write {key}=v1,v2")
        twice = [one for one in told if told.count(one) > 1]
        if twice:
            raise UserError(f"{key} has the value {twice[0]} twice; give each value once")
        count *= len(values)
    if count > MOST:
        raise UserError(
            f"this sweep would have {count:,} points, and at most {MOST:,} can be asked for; "
            "give fewer values"
        )


def _config(
    data: Mapping[str, Any],
    settings: Mapping[str, Any],
    where: str,
    folders: Sequence[str | Path],
) -> RunConfig:
    """Return the complete config of one point; an error names the point."""
    for key, value in settings.items():
        data = placed(data, key, value)
    try:
        return resolve(with_folders(validate(data, where), folders))
    except UserError as error:
        told = ", ".join(f"{key}={value}" for key, value in settings.items())
        raise UserError(f"{f'at {told}: ' if told else ''}{error}") from error


def _labels(keys: Sequence[str]) -> dict[str, str]:
    """Return for each key its last words, as many as tell it apart from the others."""
    return {key: _label(key.split("."), [other.split(".") for other in keys]) for key in keys}


def _label(words: list[str], others: Sequence[list[str]]) -> str:
    """Return the last words that no other key ends with; all words where another ends with them."""
    ends = (words[-length:] for length in range(1, len(words) + 1))
    apart = (end for end in ends if sum(other[-len(end) :] == end for other in others) == 1)
    return ".".join(next(apart, words))


def _name(settings: Mapping[str, Any]) -> str:
    """Return a folder's name for a point, which may not be the only one of that name."""
    told = ",".join(f"{key}={_word(value)}" for key, value in settings.items())
    return told[:LONGEST] or "run"


def _word(value: Any) -> str:
    """Return a value as a part of a file's name."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return re.sub(r"[^\w.+-]+", "-", text).strip("-") or "-"
