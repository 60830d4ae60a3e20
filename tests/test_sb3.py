"""The blocks of docs/foreign.md are run as they stand, each in an interpreter of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("minigrid")

PAGE = Path(__file__).parents[1] / "docs" / "foreign.md"
VERDICTS = r"(shards|one utility|cannot tell|no structure) (\d+)"


def _block(heading: str) -> str:
    """The Python block under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]


def _run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_an_agent_of_stable_baselines_is_identified(tmp_path: Path):
    said = _run(_block("An agent of Stable-Baselines3 in a world of shardsim"), tmp_path)
    verdict, words, agreement = said.strip().splitlines()[-3:]
    found = re.fullmatch(VERDICTS, verdict)
    assert found and len(re.findall("push", words)) == int(found[2])
    assert "'actor'" in agreement and "'raw input'" in agreement


def test_an_agent_trained_here_in_a_foreign_world_is_identified(tmp_path: Path):
    said = _run(_block("Training here in a world made elsewhere"), tmp_path)
    assert re.fullmatch(VERDICTS, said.strip().splitlines()[-2])
    picture = (tmp_path / "learning-curves.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 5_000
    assert (tmp_path / "lava-gap" / "training.nc").exists()


def test_an_agent_trained_elsewhere_is_identified(tmp_path: Path):
    said = _run(_block("An agent that was trained elsewhere, in its own world"), tmp_path)
    names, verdict = said.strip().splitlines()[-2:]
    assert names == "('left', 'right', 'forward') [0, 1, 2]"
    assert re.fullmatch(VERDICTS, verdict)


def test_the_page_shows_nothing_that_was_not_printed():
    page = PAGE.read_text(encoding="utf-8")
    assert not re.search(r"^@\w+@$", page, re.MULTILINE)
    assert page.count("```python") == page.count("\nOutput") == 3
