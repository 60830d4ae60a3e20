"""Figures of `analysis/` by name: find one, check what it is asked for, draw it, save it.

A figure is a file that defines `draw(run, …, *, option=default) -> Figure`: as many run parameters
as runs it needs (`*runs` for any number), and its options as keyword-only parameters. Their
annotations say how text is read, so a figure's signature is all that the command line needs.
Matplotlib and runs are imported when a figure is drawn, so that figures are listed at once.
"""

from __future__ import annotations

import inspect
import os
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from shardsim.base import content
from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.given import is_representable, number_of, path_of
from shardsim.base.scalars import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from shardsim.runs.run import Run

FORMATS = ("png", "svg", "pdf")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_READABLE = (bool, int, float, str)
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


class Words(NamedTuple):
    """What the words after `shardsim plot` mean."""

    runs: list[str]
    name: str | None
    options: dict[str, str]


class Drawn(NamedTuple):
    """A figure that was saved, with its table where it shows one."""

    path: Path
    rows: Sequence[dict[str, Any]] = ()
    table: str = ""


def list_figures(folders: Sequence[str | Path] = ()) -> dict[str, str]:
    """Name -> one line on what it shows, read without executing any figure's file."""
    entries = content.catalogue("analysis", folders)
    return {name: content.headline(entry) for name, entry in entries.items()}


def read_words(words: Sequence[str], folders: Sequence[str | Path] = ()) -> Words:
    """Tell run directories, the figure's name and `key=value` options apart.

    The last word without `=` is the name, unless it is the only one and a directory. What comes
    after it are options, and words with `=` before it too, unless they are directories.
    """
    last = max((place for place, word in enumerate(words) if "=" not in word), default=len(words))
    asked = {
        place: "=" in word and (place > last or not path_of(word).is_dir())
        for place, word in enumerate(words)
    }
    options = dict(word.split("=", 1) for place, word in enumerate(words) if asked[place])
    rest = [word for place, word in enumerate(words) if not asked[place]]
    known = content.catalogue("analysis", folders)
    alone = len(rest) == 1 and path_of(rest[0]).is_dir() and rest[0].replace("_", "-") not in known
    name = None if not rest or alone else rest[-1]
    return Words(rest if name is None else rest[:-1], name, options)


def draw(
    name: str,
    runs: Sequence[Run],
    options: Mapping[str, Any] | None = None,
    folders: Sequence[str | Path] = (),
) -> Figure:
    """Draw the figure called `name` of some runs.

    Args:
        name: id of a figure; `list_figures` has them.
        runs: as many as the figure needs.
        options: its options, as values or as text.
        folders: folders of your own figure files.

    Raises:
        UserError: no such figure, option or value, a wrong number of runs, or a result that the
            figure needs is not in a run.
    """
    entry = content.find("analysis", name, folders)
    function = _function(entry)
    _check_runs(entry.id, function, len(runs))
    from shardsim.plot.canvas import style

    with content.blaming_files():
        chosen = _options(entry.id, function, options or {})
        with style():
            figure = function(*runs, **chosen)
    return _checked(entry.id, figure)


def figure(run: Run | Sequence[Run], name: str, **options: Any) -> Figure:
    """Draw a figure by name: `ss.figure(ss.load("runs/demo"), "vector-field", seed=1)`.

    Args:
        run: a run, or several for a figure that compares them.
        name: id of a figure; `list_figures` has them.
        options: the figure's own.

    Raises:
        UserError: as `draw`.
    """
    return draw(name, list(run) if isinstance(run, Sequence) else [run], options)


def draw_to_file(
    asked: Words,
    out: str | Path | None = None,
    *,
    figures: Sequence[str | Path] = (),
    envs: Sequence[str | Path] = (),
) -> Drawn:
    """Draw what words ask for and save it, by default as `NAME.png` where one is.

    Raises UserError as `draw` and `save` do, and where a run cannot be opened.
    """
    from shardsim.plot.findings import FindingFigure
    from shardsim.runs.run import load

    name = content.find("analysis", asked.name or "", figures).id
    path = path_of(out) if out is not None else Path(f"{name}.png")
    format_of(path)
    runs = [load(run, folders=envs) for run in asked.runs]
    figure = draw(name, runs, asked.options, figures)
    path = save(figure, path)
    if not isinstance(figure, FindingFigure):
        return Drawn(path)
    return Drawn(path, tuple(row.as_data() for row in figure.rows), figure.table())


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure whole or not at all; the ending of `path` says how (png, svg, pdf)."""
    from shardsim.plot.canvas import save_bytes

    path = path_of(path)
    data = save_bytes(figure, format_of(path))
    beside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {one_line(error)}; choose another --out") from error
    return path


def format_of(path: str | Path) -> str:
    """The format that a file name asks for; raises UserError for one that is not offered."""
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise UserError(f"{path} does not end in .png, .svg or .pdf; name the file so")
    return ending


def _function(entry: content.Entry) -> Callable[..., Any]:
    function = getattr(content.load(entry), "draw", None)
    if not callable(function):
        raise UserError(
            f"the figure {entry.id!r} ({entry.where}) defines no draw(); "
            "define draw(run, *, …) that returns a matplotlib Figure"
        )
    return function


def _check_runs(name: str, function: Callable[..., Any], given: int) -> None:
    parameters = inspect.signature(function).parameters.values()
    needed = sum(1 for one in parameters if one.kind in _POSITIONAL)
    more = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
    if given < max(needed, 1) or (given > needed and not more):
        wanted = f"{max(needed, 1)} or more" if more else f"{needed}"
        raise UserError(
            f"the figure {name!r} is of {wanted} run{'' if wanted == '1' else 's'}, and {given} "
            f"{'is' if given == 1 else 'are'} given; name that many run directories before it"
        )


def _options(name: str, function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function, eval_str=True).parameters
    known = {
        key: one.annotation
        for key, one in parameters.items()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    }
    for key in given:
        if key not in known:
            raise UserError(
                f"the figure {name!r} has no option {key!r}; {did_you_mean(key, known)}"
            )
    return {key: _read(name, key, value, known[key]) for key, value in given.items()}


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


def _checked(name: str, figure: Any) -> Figure:
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise UserError(
            f"draw() of the figure {name!r} returned {type(figure).__name__}; "
            "return the matplotlib Figure that it made"
        )
    return figure
