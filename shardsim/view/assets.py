"""The page's own files: one ES module, one stylesheet, and the pages that hold them.

The module is written in parts of one subject each and joined here as plain text, since a notebook
and a file on disk take one module. The server serves the same text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

# Of a page that holds nothing else, around the view, which sets colours of its own.
BODY = """
body { margin: 0; }
@media (prefers-color-scheme: dark) { body { background: #15171b; color: #eceef1; } }
"""
PARTS = ("board.js", "hash.js", "timeline.js", "seed.js", "view.js")  # each uses those before it


@cache
def text(name: str) -> str:
    """A file of `static/`."""
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")


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
    shown = title.replace("&", "&amp;").replace("<", "&lt;")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{shown} – shardsim view</title>\n<link rel="icon" href="data:,">\n{head}\n</head>\n"
        f'<body>\n<main id="view"><p role="status">Loading …</p></main>\n{body}\n</body>\n</html>\n'
    )
