"""What the commands show: results on stdout and nothing else, as text or as JSON.

While a command works, `print` goes to stderr: a user's env or figure may print, and stdout is for
results. What only some commands show is imported when it is shown, as in `commands`.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Annotated, Any, TypeVar

import typer

AsJson = Annotated[bool, typer.Option("--json", help="print JSON on stdout")]
Folders = Annotated[
    list[str] | None,
    typer.Option("--envs", metavar="DIR", help="a folder of your own env files; repeatable"),
]
Log = Annotated[
    str | None,
    typer.Option(
        "--log", metavar="NAMES", help="mirror log.jsonl to tensorboard, wandb (offline), or both"
    ),
]

_Command = TypeVar("_Command", bound=Callable[..., None])
_stdout: ContextVar[Any] = ContextVar("stdout", default=None)


def with_results(command: _Command) -> _Command:
    """Let a command's results alone go to stdout, and what others print meanwhile to stderr."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        with _apart():
            command(*args, **options)

    return run  # type: ignore[return-value]


def results() -> Any:
    """The text stream that results go to."""
    return _stdout.get() or sys.stdout


def show(data: Any, text: str, as_json: bool) -> None:
    """Print a result: its data as JSON, or its text."""
    if as_json:
        from shardsim.runs.io import json_text

        text = json_text(data, plain=True)
    print(text, file=results())


def show_table(rows: dict[str, str], as_json: bool) -> None:
    """Print names with a line on each."""
    width = max(map(len, rows), default=0)
    show(rows, "\n".join(f"{key:<{width}}  {line}" for key, line in rows.items()), as_json)


def show_run(done: Any, as_json: bool) -> None:
    """Print what a run found."""
    from shardsim.runs.report.terminal import in_words

    path, notes = str(done.path), done.notes
    summary = {"run": path, "summary": done.summary, "timings": done.timings, "notes": notes}
    show(summary, in_words(done.summary, done.timings, path, notes), as_json)


def show_diagnosis(done: Any, as_json: bool) -> None:
    """Print a run's diagnosis."""
    from shardsim.runs.report.terminal import diagnosis_in_words

    found = done.diagnosis
    show(found, "\n".join([diagnosis_in_words(found), *done.notes]), as_json)


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    token = _stdout.set(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _stdout.reset(token)
