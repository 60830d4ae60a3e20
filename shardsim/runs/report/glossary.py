"""The glossary, which docs and report share: `python -m shardsim.runs.report.glossary` prints it.

Every term is defined once, in `glossary.toml`. The report has the definitions at its end, and links
the first use of each term to its own.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from functools import cache
from importlib import resources
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup, escape

HEAD = """# Glossary

Generated from `shardsim/runs/report/glossary.toml` by
`python -m shardsim.runs.report.glossary > docs/glossary.md`; do not edit.

Notation: policy π(a|s) with logits l(a|s); E_s, the weighted mean over the contexts of a battery;
s∖o, context s with object o removed; sd_π, the standard deviation over actions under π(·|s).
"""


class Term(NamedTuple):
    """One term of the glossary."""

    section: str
    name: str
    definition: str  # Markdown with nothing but `code`
    formula: str = ""  # plain text
    also: tuple[str, ...] = ()  # other forms of the word

    @property
    def anchor(self) -> str:
        """The anchor that its heading has on a Markdown page, as `carry-over-κ`."""
        return re.sub(r"[^\w -]", "", self.name.lower()).replace(" ", "-")

    @property
    def html(self) -> Markup:
        """The definition as HTML."""
        return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(self.definition))))


@cache
def terms() -> tuple[Term, ...]:
    """Return every term, section by section."""
    text = resources.files("shardsim.runs.report").joinpath("glossary.toml").read_text("utf-8")
    return tuple(
        Term(**(entry | {"also": tuple(entry.get("also", ()))}))
        for entry in tomllib.loads(text)["term"]
    )


def page() -> str:
    """Return the whole glossary as Markdown."""
    return HEAD + "".join(
        f"\n## {section}\n" + "".join(map(_entry, entries))
        for section, entries in groupby(terms(), key=lambda term: term.section)
    )


def _entry(term: Term) -> str:
    formula = f"\n```text\n{term.formula}\n```\n" if term.formula else ""
    lines = textwrap.fill(term.definition, 100, break_long_words=False, break_on_hyphens=False)
    return f"\n### {term.name}\n\n{lines}\n{formula}"


class Links:
    """Links the first use of each term on one page to its definition there."""

    def __init__(self) -> None:
        """Begin a page, on which no term has been used."""
        pairs = [(term, word) for term in terms() for word in (term.name, *term.also)]
        # Escaped as the text is in which they are sought: an apostrophe is `&#39;` there.
        self._words = {str(escape(word)).lower(): term for term, word in pairs}
        longest = sorted(map(re.escape, self._words), key=len, reverse=True)
        self._pattern = re.compile(rf"\b(?:{'|'.join(longest)})(?!\w)", re.IGNORECASE)
        self._used: set[str] = set()

    def link(self, text: str) -> Markup:
        """Return a text escaped, with the first use of each term as a link."""
        return Markup(self._pattern.sub(self._linked, str(escape(text))))

    def _linked(self, match: re.Match[str]) -> str:
        term = self._words[match[0].lower()]
        if term.name in self._used:
            return match[0]
        self._used.add(term.name)
        return f'<a class="term" href="#{term.anchor}">{match[0]}</a>'


if __name__ == "__main__":
    print(page(), end="")
