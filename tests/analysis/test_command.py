"""`shardsim plot`: lists, draws, refuses in one line and writes nothing then."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from shardsim import cli
from shardsim.runs.figures import list_figures

pytestmark = pytest.mark.slow


def outcome(arguments: list[str], capsys) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_without_a_name_the_figures_are_listed(finished, capsys):
    for arguments in (["plot"], ["plot", str(finished.path)]):
        code, out, err = outcome(arguments, capsys)
        assert (code, err) == (0, "") and "vector-field" in out and "reflection" in out
    listed = json.loads(outcome(["plot", "--json"], capsys)[1])
    assert listed["rivals"].startswith("bits per decision")


def test_the_page_on_plotting_lists_every_figure_as_it_says_itself():
    page = (Path(__file__).parents[2] / "docs" / "plot.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {said.rstrip('.')} |" for name, said in list_figures().items()]


def test_a_figure_is_drawn_into_the_file_asked_for(finished, tmp_path, capsys):
    path = tmp_path / "new" / "field.svg"
    words = ["plot", str(finished.path), "learning_curves", "aim=0.9", "--out", str(path)]
    assert outcome(words, capsys)[:2] == (0, f"{path}\n")
    assert path.read_bytes().startswith(b"<?xml")


def test_what_is_drawn_is_written_as_a_table(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["plot", str(finished.path), "rivals", "--data", "new/bits.csv", "--json"]
    code, out, _ = outcome(words, capsys)
    assert code == 0 and json.loads(out)["data"] == "new/bits.csv"
    with open("new/bits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    ours = [row for row in rows if row["at"] == "shards" and row["panel"] == "all contexts"]
    assert [row["seed"] for row in ours] == ["", "0", "1"]
    assert [float(row["value"]) for row in ours] == pytest.approx([0.505, 0.5, 0.51])


def test_help_lists_the_options_of_the_figure_named(capsys):
    for words in (["--help", "vector-field"], ["vector_field", "--help"]):
        code, out, err = outcome(["plot", *words], capsys)
        assert (code, err) == (0, "") and out.startswith("Usage: shardsim plot")
        assert "Options of vector-field" in out and "checkpoint=-1" in out and "style=" in out
    assert "Options of" not in outcome(["plot", "--help"], capsys)[1]


def test_by_default_it_is_drawn_where_one_is(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(finished.path.rglob("*"))
    code, out, _ = outcome(["plot", str(finished.path), "rivals", "--json"], capsys)
    assert code == 0 and json.loads(out) == {"figure": "rivals", "file": "rivals.png"}
    assert (tmp_path / "rivals.png").is_file() and sorted(finished.path.rglob("*")) == before


def test_what_built_a_shard_is_said_in_a_sentence(finished, tmp_path, capsys):
    words = ["plot", str(finished.path), "what-built", "shard=2", "--out", str(tmp_path / "a.png")]
    code, out, _ = outcome(words, capsys)
    said = "What built shard 2 (corner): cheese (push 0.95 [0.63, 1.27], by chance 0.20 to 0.60, "
    assert code == 0 and out.startswith(f"{said}p = 0.005).")
    rows = json.loads(outcome([*words, "--json"], capsys)[1])["table"]
    assert [(row["event"], row["selective"]) for row in rows] == [("cheese", True), ("none", False)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN", "rivls"], "did you mean 'rivals'"),
        (["nowhere", "rivals"], "there is no run directory nowhere"),
        (["rivals"], "is of 1 run, and 0 are given"),
        (["RUN", "compare"], "is of 2 or more runs, and 1 is given"),
        (["RUN", "rivals", "sed=1"], "no option 'sed'; did you mean 'seed'"),
        (["RUN", "rivals", "checkpoint=1"], "no option 'checkpoint'"),
        (["RUN", "rivals", "size=huge"], "size=huge is no size"),
        (["RUN", "rivals", "style=drk"], "there is no style 'drk'"),
        (["RUN", "rivals", "ax=1"], "ax=str is no place to draw in"),
        (["RUN", "rivals", "--data", "a.txt"], "does not end in .csv"),
        (["RUN", "rivals", "--out", "a.jpg"], "does not end in .png, .svg or .pdf"),
        (["RUN", "rivals", "--out", "a.gif"], "does not move, so it is no .gif"),
        (["RUN", "rivals", "--figures", "nowhere"], "there is no folder"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    words, said, finished, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = [str(finished.path) if word == "RUN" else word for word in words]
    code, out, err = outcome(["plot", *words], capsys)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())
