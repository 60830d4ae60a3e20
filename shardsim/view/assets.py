"""The page's own files: one ES module, one stylesheet, and the pages that hold them.

The module is written in parts of one subject each and joined here as plain text, since a notebook
and a file on disk take one module. The server serves the same text.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

# Of a page that holds nothing else, around the view, which sets colours of its own.
BODY = """
body { margin: 0; }
@media (prefers-color-scheme: dark) { body { background: #15171b; color: #eceef1; } }
"""
PARTS = ("board.js", "hash.js", "timeline.js", "seed.js", "view.js")  # each uses those before it


@cache
def text(name: str) -> str:
    """A file of `static/`."""
    return (files("shardsim.view") / "static" / name).read_text(encoding="utf-8")


@cache
def module() -> str:
    """The ES module in anywidget's form: it imports nothing and exports `{ render }` by default."""
    return "\n".join(_joined(text(name)) for name in PARTS)


def _joined(part: str) -> str:
    """A part without its imports of other parts and its named exports."""
    without = re.sub(r"^import .*;\n", "", part, flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", without, flags=re.MULTILINE)


def page(title: str, head: str, body: str) -> str:
    """An HTML page around the view."""
    return Template(text("page.html")).substitute(title=escape(title), head=head, body=body)
