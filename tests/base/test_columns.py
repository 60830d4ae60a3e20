"""Columns of text."""

from shardsim.base.columns import aligned


def test_columns_begin_one_under_the_other_and_lines_end_with_their_text() -> None:
    assert aligned([("a", "bcd", "e"), ("fg", "h", "")]) == ["a   bcd  e", "fg  h"]
