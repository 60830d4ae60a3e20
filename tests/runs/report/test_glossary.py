"""The glossary: its page is generated, its terms are there, and the links of the docs resolve."""

import re
from pathlib import Path

import pytest

from shardsim.runs.report.glossary import Links, page, terms

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = {
    *("share of decision influence", "habit", "affordance", "residual", "turns", "summed", "sham"),
    *("onset", "margin", "shardness", "explained", "in-model influence", "gate", "preference"),
    *("battery", "context", "confirmed", "verdict", "carry-over κ", "constancy", "rival", "null"),
}


def links(path):
    """Every (file, anchor) that a page links to in the project."""
    found = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text(encoding="utf-8"))
    return [(path.parent / file if file else path, anchor) for file, anchor in found]


def anchors(path):
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]


def test_the_page_is_what_the_terms_generate():
    assert (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8") == page(), (
        "run: python -m shardsim.runs.report.glossary > docs/glossary.md"
    )


def test_every_term_is_defined_once_and_has_an_anchor_of_its_own():
    names = [term.name for term in terms()]
    words = [word for term in terms() for word in (term.name, *term.also)]
    assert set(names) >= NAMED
    assert len(set(words)) == len(words)
    found = anchors(ROOT / "docs" / "glossary.md")
    assert len(set(found)) == len(found)
    assert {term.anchor for term in terms()} <= set(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_of_a_page_resolves(path):
    assert [
        f"{file.name}#{anchor}"
        for file, anchor in links(path)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ] == []


def test_readme_and_docs_link_to_the_glossary():
    linked = {anchor for path in PAGES for file, anchor in links(path) if "glossary" in file.name}
    wanted = {term.anchor for term in terms() if term.name in NAMED}
    assert wanted - linked == set()


def test_the_first_use_of_a_term_is_a_link_and_text_is_escaped():
    link = Links().link
    assert link("Two <b>shards</b>, one gate") == (
        'Two &lt;b&gt;<a class="term" href="#shard">shards</a>&lt;/b&gt;, one '
        '<a class="term" href="#gate">gate</a>'
    )
    assert link("a shard, a regatta") == "a shard, a regatta"


def test_every_word_for_a_term_is_linked_as_it_is_written_and_in_capitals():
    for term in terms():
        for word in (term.name, *term.also):
            for written in (word, word.upper()):
                assert f'href="#{term.anchor}">' in Links().link(f"({written}, so)")
