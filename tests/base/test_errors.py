"""One line each, and the nearest right word."""

from __future__ import annotations

import pytest

from shardsim.base.errors import UserError, did_you_mean, one_line


def test_a_message_is_one_line() -> None:
    assert str(UserError("bad\n  thing;\tmend it")) == "bad thing; mend it"


def test_a_word_too_long_to_read_loses_its_middle() -> None:
    said = str(UserError(f"{'x' * 3000}yz is wrong; {'p' * 300} is right"))
    assert said == f"{60 * 'x'}…xxxxxxxxxxyz is wrong; {'p' * 300} is right"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("rolout", "did you mean 'rollout'?"),
        ("learning-rate", "did you mean 'learning_rate'?"),
        ("SEED", "did you mean 'seed'?"),
        ("zzz", "known: learning_rate, rollout, seed"),
    ],
)
def test_the_nearest_word_is_offered(word: str, said: str) -> None:
    assert did_you_mean(word, ["seed", "rollout", "learning_rate"]) == said


def test_a_long_list_is_cut() -> None:
    assert did_you_mean("?", map(str, range(9)), shown=2) == "known: 0, 1, … (9 in all)"


def test_nothing_to_choose_from_is_said() -> None:
    assert did_you_mean("x", []) == "there is none to choose from"


def test_foreign_errors_become_one_line() -> None:
    assert one_line(KeyError("a")) == "KeyError: 'a'"
    assert one_line(ValueError("two\nlines of text")) == "two lines of text"
    assert one_line(PermissionError(13, "Permission denied", "x")) == "permission denied"
