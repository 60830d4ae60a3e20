"""Small tables as HTML, for objects that show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table whose text is escaped; a caption, a line of headings, then the rows."""
    left = 'style="text-align:left"'
    head = "".join(f'<th scope="col" {left}>{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td {left}>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    said = f'<caption style="caption-side:top;text-align:left">{escape(caption)}</caption>'
    return f"<table>{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
