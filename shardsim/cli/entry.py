"""Start the command line: its streams, its cache, and one line and a code for every end."""

from __future__ import annotations

import codecs
import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import typer

from shardsim.base.compiled import keep_compiled_programs
from shardsim.base.content import blaming_files
from shardsim.base.errors import Caution, UserError, one_line
from shardsim.base.platform import check_platform
from shardsim.cli.commands import app

# typer brings its own copy of click or uses the installed one, depending on its version.
_UsageError = typer.BadParameter.__mro__[1]
_ClickException = _UsageError.__mro__[1]

_PLAIN = {
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{NO-BREAK SPACE}": " ",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{RIGHTWARDS ARROW}": "->",
}

_INTERRUPTED = 130  # what typer makes of Ctrl-C
_STOPPED = "shardsim: stopped; the same command continues from the last checkpoint"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    if _for_the_shell(arguments):
        typer.main.get_command(app).main(arguments, prog_name="shardsim")
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)
    _show_every_character()
    keep_compiled_programs()
    command = typer.main.get_command(app)
    with _cautions_in_one_line():
        code, line = _outcome(
            lambda: command.main(arguments, prog_name="shardsim", standalone_mode=False)
        )
    if line:
        print(line, file=sys.stderr)
    sys.exit(code)


def _for_the_shell(arguments: Sequence[str] | None) -> bool:
    """Whether the shell asks what a word may become, or how to ask; typer exits then."""
    given = sys.argv[1:] if arguments is None else arguments
    return "_SHARDSIM_COMPLETE" in os.environ or any(
        one.startswith(("--show-completion", "--install-completion")) for one in given[:1]
    )


def _show_every_character() -> None:
    """Let plain characters stand for those that the terminal's encoding has not, not an error."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters: a minus sign must not become a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in text), error.end


@contextlib.contextmanager
def _cautions_in_one_line() -> Iterator[None]:
    """Print the library's own warnings as one line each; others as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", Caution)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, Caution):
                print(f"shardsim: warning: {message}", file=sys.stderr)
            else:
                usual(message, category, *where)

        warnings.showwarning = show
        yield


def _outcome(call: Callable[[], Any]) -> tuple[int, str]:
    """Exit code, and the one line for stderr if there is something to say."""
    try:
        with blaming_files():
            code = call()
        if sys.stdout is not None:  # closed by whoever started the command
            sys.stdout.flush()
    except UserError as error:
        return error.exit_code, f"shardsim: {error}"
    except (KeyboardInterrupt, typer.Abort):
        return 1, _STOPPED
    except SystemExit:  # of nothing here: commands return
        return 2, "shardsim: code outside shardsim called sys.exit(); remove that call"
    except BrokenPipeError:
        # Whoever read stdout has gone; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1, ""
    except Exception as error:
        if isinstance(error, _ClickException):
            return 2, f"shardsim: {_usage(error)}"
        if os.environ.get("SHARDSIM_TRACEBACK"):
            raise
        return _unforeseen(error)
    if code == _INTERRUPTED:
        return 1, _STOPPED
    return (code if isinstance(code, int) else 0), ""


def _unforeseen(error: Exception) -> tuple[int, str]:
    """Code and line of an error that nothing names: JAX's platform may be missing, else a bug."""
    if "jax" in sys.modules:
        try:
            check_platform()
        except UserError as missing:
            return missing.exit_code, f"shardsim: {missing}"
    return 1, (
        f"shardsim: this is a bug, {type(error).__name__}: {one_line(error)}; "
        "set SHARDSIM_TRACEBACK=1 to see where"
    )


def _usage(error: Any) -> UserError:
    """A usage error as one of ours, with the help that explains it."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "shardsim"
    message = error.format_message().strip().rstrip(".")
    return UserError(f"{message[:1].lower()}{message[1:]}; see: {where} --help")
