"""The table reference in docs/ says what the schemas say."""

from pathlib import Path

from shardsim.runs.table_docs import reference

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_page_is_what_the_schemas_generate():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: python -m shardsim.runs.table_docs > docs/tables.md"
    )


def test_a_table_lists_its_own_coordinates_alone():
    track = reference().partition("## track.nc")[2].partition("## ")[0]
    assert "| `steps` | checkpoint | env steps of one seed so far | 1 |" in track
    assert "| `model` |" not in track
