"""The command, its files, its page and the figures, from one sweep whose returns are known."""

from __future__ import annotations

import csv
import json
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.runs import figures, mirrors
from shardsim.runs.comparison.asked import held, split
from shardsim.runs.comparison.compare import compare
from shardsim.runs.comparison.page import command_of
from shardsim.runs.run import load
from shardsim.runs.sweep import cluster
from shardsim.runs.sweep.state import states
from shardsim.runs.toml import validate, write_toml
from tests.runs.comparison import made
from tests.tiny import TINY

RATE = "train.learning_rate"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rates and two batch sizes; the last point is not done."""
    words = [f"{RATE}=1e-3,1e-1", "train.minibatches=1,2"]

    def returns(settings, seeds) -> np.ndarray:
        return 0.2 + 0.5 * (settings[RATE] == 1e-1) + 0.01 * seeds

    sweep = made.sweep(tmp_path_factory.mktemp("sweep") / "grid", words, returns)
    (sweep.folders[-1] / "MANIFEST.json").unlink()
    return sweep.path


def test_the_command_prints_tables_and_writes_what_it_is_asked_for(
    swept: Path, tmp_path: Path, shardsim
) -> None:
    page, groups, seeds = (tmp_path / name for name in ("new/page.html", "groups.csv", "seeds.csv"))
    files = ["--out", str(page), "--csv", str(groups), "--seeds", str(seeds)]
    code, out, err = shardsim(
        "compare", str(swept), "return.held-out", "--against", "learning_rate", *files
    )
    assert (code, err) == (0, "")
    assert "4 runs on cheese-corner with 4 seeds each differ in" in out
    assert "3 done and 1 waiting." in out
    assert "return.held-out: greater at 0.1 than at 0.001, P(greater) = 1.00" in out
    assert out.splitlines()[-3:] == [str(page), str(groups), str(seeds)]
    with open(groups, newline="") as file:
        first, last = csv.DictReader(file)
    assert (float(first["estimate"]), float(last["estimate"])) == pytest.approx((0.215, 0.715))
    assert (first["seeds"], first["left_out"], last["seeds"]) == ("4", "4", "4")
    with open(seeds, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 and {row["learning_rate"] for row in rows} == {"0.001", "0.1"}
    _check_page(page.read_text(encoding="utf-8"))


class _Reading(HTMLParser):
    """What a page loads, and its tables' first cells."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tables = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]


def _check_page(text: str) -> None:
    reading = _Reading()
    reading.feed(text)
    pictures = [one for one in reading.loads if one.startswith("data:image/png;base64,")]
    assert len(pictures) == 2
    assert all(one.startswith(("#", "data:")) for one in reading.loads)  # nothing from outside
    assert reading.tables == 5
    assert "minibatches=2" in text and "not begun" in text
    shown = "sweep-results result=return.held-out against=train.learning_rate"
    assert f"<code>shardsim plot DIR {shown}</code>" in text


def test_json_has_every_number(swept: Path, shardsim) -> None:
    code, out, _ = shardsim("compare", str(swept), "return.target", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["varied"] == {RATE: [0.001, 0.1], "train.minibatches": [1, 2]}
    assert {one["key"] for one in told["groups"]} == set(told["varied"])
    assert {one["probability"] for one in told["improvement"] if one["key"] == RATE} == {1.0}
    assert sorted(one["value"] for one in told["seeds"])[:2] == [0.2, 0.2]
    assert len(told["seeds"]) == 12 and {one["seed"] for one in told["seeds"]} == {0, 1, 2, 3}


def test_the_list_says_what_the_runs_have(swept: Path, shardsim) -> None:
    told = json.loads(shardsim("compare", str(swept), "--list", "--json")[1])
    assert told["return.train"] == "return ÷ optimal return; 12 of 12 seeds"
    assert "shardness" not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no run directory nowhere"),
        (["DIR", "retrun"], "no result 'retrun'"),
        (["DIR", "other/run"], "no folder other/run"),
        (["DIR", "--against", "rate"], "'rate' is not varied between these runs"),
        (["DIR", "--where", "rate"], "where rate is no setting; write it as KEY=VALUE"),
        (["DIR", "--out", "page.txt"], "does not end in .html"),
        (["DIR/learning_rate=0.001,minibatches=1"], "is one run, and there is nothing to compare"),
    ],
)
def test_what_cannot_be_is_one_line(swept: Path, shardsim, words: list[str], said: str) -> None:
    code, out, err = shardsim("compare", *(word.replace("DIR", str(swept)) for word in words))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_words_are_folders_or_results(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    words = [str(tmp_path / "b"), str(tmp_path / "a"), "return"]
    assert split(words) == (words[:2], ["return"])
    assert held(["width=7", "id=fork"]) == {"width": 7, "id": "fork"}


def test_figures_draw_the_numbers_of_the_tables(swept: Path) -> None:
    runs = [load(folder) for folder in sorted(swept.glob("learning*")) if _begun(folder)]
    found = compare(swept, "return", against=RATE)
    options = {"result": "return", "against": "learning_rate"}
    drawn = figures.draw("sweep-results", runs, options).to_pandas()
    means = drawn[drawn["seed"].isna()]
    assert sorted(means["value"]) == pytest.approx(sorted(found.groups["estimate"]))
    assert sorted(means["low"]) == pytest.approx(sorted(found.groups["low"]))
    assert len(drawn) - len(means) == found.groups["seeds"].sum()
    pairs = figures.draw("sweep-improvement", runs, options | {"size": "8x3"})
    assert tuple(pairs.get_size_inches()) == (8.0, 3.0)
    chance = pairs.to_pandas()
    chance = chance[chance["series"] == "probability"]
    assert sorted(chance["value"]) == pytest.approx(sorted(found.improvement["probability"]))
    with pytest.raises(UserError, match="differ in their seeds alone"):
        figures.draw("sweep-results", [runs[0], runs[0]])


def test_a_figure_takes_what_its_caption_in_the_page_says(swept: Path) -> None:
    """The caption has results, the keys and what is held, so that it draws the same figure."""
    found = compare(
        swept, ["return.held-out", "return.target"], against=RATE, where={"minibatches": 1}
    )
    name, *options = shlex.split(command_of(found, found.axes[0], "sweep-results"))
    asked = dict(one.split("=", 1) for one in options)
    assert asked["where"] == "minibatches=1" and "by" not in asked
    runs = [load(folder) for folder in sorted(swept.glob("learning*")) if _begun(folder)]
    drawn = figures.draw(name, runs, asked).to_pandas()
    means = drawn[drawn["seed"].isna()]
    assert sorted(means["value"]) == pytest.approx(sorted(found.groups["estimate"]))
    apart = compare(swept, "return.train", against=RATE, by="minibatches")
    assert "by=train.minibatches" in command_of(apart, apart.axes[0], "sweep-results")


def test_a_cluster_is_said_not_to_hear_of_mirrors(monkeypatch, tmp_path: Path, shardsim) -> None:
    monkeypatch.setenv("SHARDSIM_LOG", "")  # put back afterwards
    config, out = tmp_path / "tiny.toml", tmp_path / "out"
    config.write_text(write_toml(validate(TINY, "tiny")))
    monkeypatch.setattr(cluster, "run_on", lambda address, sweep, **_: states(sweep))
    monkeypatch.setitem(mirrors.PACKAGES, "tensorboard", "json")
    words = [str(config), "--out", str(out), "--scheduler", "tcp://none:1"]
    code, _, err = shardsim("sweep", *words, "--log", "tensorboard")
    assert code == 0
    (line,) = [line for line in err.splitlines() if "SHARDSIM_LOG" in line]
    assert "--log tensorboard does not reach the workers of tcp://none:1" in line


def test_a_group_without_seeds_says_so_in_its_place(swept: Path) -> None:
    runs = [load(folder) for folder in sorted(swept.glob("learning*")) if _begun(folder)]
    made.write_shards(runs[0].path)
    figure = figures.draw("sweep-results", [load(run.path) for run in runs], {"result": "found"})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert any(text in ("missing", "n = 0") for text in texts)


def _begun(folder: Path) -> bool:
    return (folder / "MANIFEST.json").is_file()


def test_plot_takes_the_folder_of_a_sweep(swept: Path, tmp_path: Path, shardsim) -> None:
    out = str(tmp_path / "curves.png")
    code, told, err = shardsim("plot", str(swept), "learning-curves", "--out", out)
    assert (code, told, err) == (0, f"{out}\n", "")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "index.json").write_text('{"points": []}')
    code, _, err = shardsim("plot", str(tmp_path / "empty"), "learning-curves")
    assert code == 2 and "no run of the sweep" in err
