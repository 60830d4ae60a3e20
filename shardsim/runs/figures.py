"""Figures of `analysis/` by name: find one, check what it is asked for, draw it, save it.

A figure is a file that defines `draw(run, …, *, option=default) -> Figure`: as many run parameters
as runs it needs (`*runs` for any number), and its options as keyword-only parameters. Their
annotations say how text is read, so a figure's signature is all that the command line needs.
Beside its own options every figure takes `ax`, `size` and `style` (`shardsim.plot.canvas`). One of
a single run whose file says `SIDE_BY_SIDE = True` is drawn once for each of several runs.
Matplotlib and runs are imported when a figure is drawn, so that figures are listed at once.
"""

from __future__ import annotations

import csv
import inspect
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shardsim.base import content
from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.runs.figure_options import in_words, read_options
from shardsim.runs.folders import run_folders

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from shardsim.runs.run import Run

FORMATS = ("png", "svg", "pdf", "gif", "mp4")
MOVING = ("gif", "mp4")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


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
    module, function = _loaded(entry)
    beside = len(runs) > 1 and getattr(module, "SIDE_BY_SIDE", False)
    if not beside:
        _check_runs(entry.id, function, len(runs))
    from shardsim.plot.canvas import canvas

    with content.blaming_files():
        own, common = read_options(entry.id, function, options or {})
        with canvas(common.get("ax"), common.get("size"), common.get("style")):
            figure = _beside(function, runs, own) if beside else function(*runs, **own)
    return _checked(entry.id, figure)


def _beside(function: Callable[..., Any], runs: Sequence[Run], options: Mapping[str, Any]) -> Any:
    """The figure of each run, in columns."""
    from shardsim.plot.side_by_side import columns
    from shardsim.runs.figure_data.results import titled

    return columns(
        {name: lambda run=run: function(run, **options) for name, run in titled(runs).items()}
    )


def help_of(name: str, folders: Sequence[str | Path] = ()) -> str:
    """What a figure shows and which options it takes; raises UserError where there is none."""
    entry = content.find("analysis", name, folders)
    return in_words(entry.id, content.headline(entry), _loaded(entry)[1])


def figure(run: Run | Sequence[Run], name: str, **options: Any) -> Figure:
    """Draw a figure by name: `ss.figure(ss.load("runs/demo"), "vector-field", seed=1)`.

    Args:
        run: a run, or several for a figure that compares them.
        name: id of a figure; `list_figures` has them.
        options: the figure's own, and `ax`, `size` and `style`.

    Raises:
        UserError: as `draw`.
    """
    return draw(name, list(run) if isinstance(run, Sequence) else [run], options)


def draw_to_file(
    asked: Words,
    out: str | Path | None = None,
    data: str | Path | None = None,
    *,
    figures: Sequence[str | Path] = (),
    envs: Sequence[str | Path] = (),
) -> Drawn:
    """Draw what words ask for and save it, by default as `NAME.png` where one is.

    Its numbers are written as a long table where `data` names a file.

    Raises UserError as `draw` and `save` do, and where a run cannot be opened.
    """
    from shardsim.plot.findings import FindingFigure
    from shardsim.runs.run import load

    name = content.find("analysis", asked.name or "", figures).id
    if out is not None:
        format_of(path_of(out))
    if data is not None and path_of(data).suffix.lower() != ".csv":
        raise UserError(f"{data} does not end in .csv; name the file of --data so")
    runs = [load(run, folders=envs) for path in asked.runs for run in run_folders(path)]
    figure = draw(name, runs, asked.options, figures)
    text = None if data is None else table_as_csv(name, figure)
    moves = getattr(figure, "frames", 1) > 1
    path = save(figure, out if out is not None else f"{name}.{'gif' if moves else 'png'}")
    if data is not None and text is not None:
        _write(path_of(data), text.encode(), "--data")
    if not isinstance(figure, FindingFigure):
        return Drawn(path)
    return Drawn(path, tuple(row.as_data() for row in figure.rows), figure.table())


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure whole or not at all; the ending of `path` says how (png, svg, pdf).

    A figure that moves may be a gif or, where ffmpeg is, an mp4.
    """
    path = path_of(path)
    kind = format_of(path)
    if kind in MOVING:
        from shardsim.plot.moving import moving_bytes as as_bytes
    else:
        from shardsim.plot.canvas import save_bytes as as_bytes
    _write(path, as_bytes(figure, kind), "--out")
    return path


def table_as_csv(name: str, figure: Figure) -> str:
    """The numbers that a figure shows as CSV, a row a number.

    Raises UserError where the figure kept none.
    """
    from shardsim.plot.records import COLUMNS, long_table

    rows = long_table(getattr(figure, "drawn", ()))
    if not rows:
        raise UserError(
            f"the figure {name!r} keeps no numbers, so it has no --data; "
            "draw with shardsim.plot.marks, which keep them"
        )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, data: bytes, option: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        said = one_line(error)
        raise UserError(f"cannot write {path}: {said}; choose another {option}") from error


def format_of(path: str | Path) -> str:
    """The format that a file name asks for; raises UserError for one that is not offered."""
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise UserError(
            f"{path} does not end in .png, .svg or .pdf (.gif or .mp4 where it moves); "
            "name the file so"
        )
    return ending


def _loaded(entry: content.Entry) -> tuple[Any, Callable[..., Any]]:
    """A figure's module, and its `draw`."""
    module = content.load(entry)
    function = getattr(module, "draw", None)
    if not callable(function):
        raise UserError(
            f"the figure {entry.id!r} ({entry.where}) defines no draw(); "
            "define draw(run, *, …) that returns a matplotlib Figure"
        )
    return module, function


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


def _checked(name: str, figure: Any) -> Figure:
    from matplotlib.figure import Figure, SubFigure

    if isinstance(figure, SubFigure):  # drawn in a part of a figure
        return figure.figure
    if not isinstance(figure, Figure):
        raise UserError(
            f"draw() of the figure {name!r} returned {type(figure).__name__}; "
            "return the matplotlib Figure that it made"
        )
    return figure
