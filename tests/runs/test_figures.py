"""Figures by name: what the words mean, which options are taken, and every refusal in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from shardsim.base.errors import UserError
from shardsim.plot.canvas import new_figure, styled
from shardsim.runs import figures

FIGURE = '''"""mine: my own figure."""
from matplotlib.figure import Figure

def draw(run, *, seed: int = 0, scale: float = 1.0, level: int | None = None, grid: bool = True,
         name: str = "x"):
    figure = Figure()
    figure.asked = (run, seed, scale, level, grid, name)
    return figure
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(FIGURE)
    (tmp_path / "several.py").write_text(
        '"""Several runs."""\nfrom matplotlib.figure import Figure\n\n'
        "def draw(first, second, *more):\n    return Figure()\n"
    )
    (tmp_path / "broken.py").write_text("def draw(run):\n    return 1 / 0\n")
    (tmp_path / "halting.py").write_text("import sys\ndef draw(run):\n    sys.exit(0)\n")
    (tmp_path / "wrong.py").write_text("def draw(run):\n    return 'no figure'\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    return tmp_path


def asked(folder: Path, **options: Any) -> Any:
    return figures.draw("mine", ["RUN"], options, [folder]).asked  # type: ignore[attr-defined]


def test_options_are_read_as_their_annotations_say(folder):
    assert asked(folder) == ("RUN", 0, 1.0, None, True, "x")
    options = {"seed": "2", "scale": "0.5", "level": "7", "grid": "false", "name": "y z"}
    assert asked(folder, **options) == ("RUN", 2, 0.5, 7, False, "y z")
    assert asked(folder, seed=3, level=None) == ("RUN", 3, 1.0, None, True, "x")
    numbers = {"seed": np.int64(3), "scale": np.float32(0.5), "level": np.int8(2), "grid": False}
    assert asked(folder, **numbers) == ("RUN", 3, 0.5, 2, False, "x")
    assert asked(folder, scale=2) == ("RUN", 0, 2, None, True, "x")


@pytest.mark.parametrize(
    ("name", "runs", "options", "said"),
    [
        ("mime", 1, {}, "did you mean 'mine'"),
        ("mine", 1, {"sed": "1"}, "no option 'sed'; did you mean 'seed'"),
        ("mine", 1, {"seed": "one"}, "seed=one is not of type int"),
        ("mine", 1, {"scale": "big"}, "scale=big is not of type float"),
        ("mine", 1, {"grid": "maybe"}, "grid=maybe is not of type bool"),
        ("mine", 1, {"seed": 2.5}, "seed=2.5 is not of type int"),
        ("mine", 1, {"seed": True}, "seed=True is not of type int"),
        ("mine", 1, {"seed": None}, "seed=None is not of type int"),
        ("mine", 1, {"level": 1.5}, "level=1.5 is not of type int"),
        ("mine", 1, {"name": 3}, "name=3 is not of type str"),
        ("mine", 2, {}, "is of 1 run, and 2 are given"),
        ("mine", 0, {}, "is of 1 run, and 0 are given"),
        ("several", 1, {}, "is of 2 or more runs, and 1 is given"),
        ("broken", 1, {}, r"broken\.py, line 2: ZeroDivisionError"),
        ("halting", 1, {}, r"halting\.py, line 3: SystemExit: 0"),
        ("wrong", 1, {}, "returned str"),
        ("empty", 1, {}, r"defines no draw\(\)"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder, name, runs, options, said):
    with pytest.raises(UserError, match=said) as caught:
        figures.draw(name, ["RUN"] * runs, options, [folder])
    assert "\n" not in str(caught.value)


def test_as_many_runs_as_a_figure_takes(folder):
    assert isinstance(figures.draw("several", ["A", "B", "C"], {}, [folder]), Figure)


def test_words_are_told_apart(folder):
    read = figures.read_words
    assert read(["RUN", "mine", "seed=1"], [folder]) == (["RUN"], "mine", {"seed": "1"})
    assert read(["A", "B", "several"], [folder]) == (["A", "B"], "several", {})
    assert read([str(folder)], [folder]) == ([str(folder)], None, {})
    assert read(["mime"], [folder]) == ([], "mime", {})
    assert read(["mine"], [folder]) == ([], "mine", {})
    assert read([], [folder]) == ([], None, {})


def test_a_run_directory_may_have_an_equals_sign(folder, tmp_path):
    run = tmp_path / "seed=1"
    run.mkdir()
    assert figures.read_words([str(run), "mine"], [folder]).runs == [str(run)]


def test_listing_executes_nothing(folder):
    (folder / "explodes.py").write_text('"""explodes: boom."""\nraise SystemExit\n')
    listed = figures.list_figures([folder])
    assert listed["mine"] == "my own figure." and listed["explodes"] == "boom."


def test_every_figure_that_ships_says_what_it_shows():
    listed = figures.list_figures()
    assert {"learning-curves", "shard-distribution", "vector-field", "reflection"} <= set(listed)
    assert all(line.endswith(".") and len(line) > 20 for line in listed.values())


@styled
def blank() -> Figure:
    return new_figure(1, 1)[0]


def test_a_figure_is_saved_whole_in_the_format_of_its_name(tmp_path):
    for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        path = figures.save(blank(), tmp_path / "new" / f"a.{ending}")
        assert path.read_bytes().startswith(start)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["a.pdf", "a.png", "a.svg"]


@pytest.mark.parametrize("name", ["a.jpeg", "a", "a.txt"])
def test_other_formats_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(UserError, match=r"\.png, \.svg or \.pdf"):
        figures.save(blank(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*choose another --out"):
        figures.save(blank(), tmp_path / "file" / "a.png")
