"""What docs/design.md says is in a file or folder of the library is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def test_every_file_and_folder_named_is_there():
    named = set(re.findall(r"`([\w/]+/(?:\w+\.(?:py|md))?)`", PAGE))
    assert len(named) > 20
    assert [one for one in sorted(named) if not _is_there(one)] == []


def test_the_tree_has_every_room():
    tree = PAGE.split("```")[1]
    drawn = set(re.findall(r"^ +(\w+)/ ", tree, re.MULTILINE))
    library = ROOT / "shardsim"
    folders = {path for path in library.glob("**/") if path != library and "__" not in path.name}
    assert {path.name for path in folders if any(path.glob("*.py"))} == drawn


def _is_there(name):
    return any((folder / name).exists() for folder in (ROOT, ROOT / "shardsim"))
