"""Errors that a person can fix, each one line: what is wrong; how to fix it."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable
from typing import ClassVar

LONGEST_WORD = 300  # characters of a word in a message


class UserError(ValueError):
    """Bad input. The message is one line that says what is wrong and how to fix it.

    The command line prints it on stderr and exits with code 2; from Python it is an ordinary
    exception. Line breaks in the message are folded, so that quoting another library's message
    never breaks the promise of one line, and words of more than 300 characters lose their middle,
    so that what was given can be quoted and does not fill the screen.
    """

    exit_code: ClassVar[int] = 2  # of the command line; 1 where the input was not to blame

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(_shortened(word) for word in message.split()))


def _shortened(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else f"{word[:60]}…{word[-12:]}"


class Caution(UserWarning):
    """Something to know about results that are given all the same; the command line prints it."""


def caution(message: str) -> None:
    """Warn in one line: what is so, and what follows."""
    warnings.warn(" ".join(message.split()), Caution, stacklevel=3)


def did_you_mean(word: str, known: Iterable[str], shown: int = 8) -> str:
    """Say which known word was probably meant, or what there is to choose from.

    Args:
        word: what was given.
        known: the words that would have been right.
        shown: how many of them to list where none is near.

    Returns:
        A phrase such as ``did you mean 'rollout'?`` or ``known: a, b, c``; ends a UserError.
    """
    choices = sorted(set(known))
    if not choices:
        return "there is none to choose from"
    folded = {choice.lower().replace("-", "_"): choice for choice in reversed(choices)}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.5)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    rest = "" if len(choices) <= shown else f", … ({len(choices)} in all)"
    return f"known: {', '.join(choices[:shown])}{rest}"


def one_line(error: BaseException) -> str:
    """Another library's error as one short line: its type where the message alone says little."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return text if len(text) > 12 else f"{type(error).__name__}: {text}".rstrip(": ")
