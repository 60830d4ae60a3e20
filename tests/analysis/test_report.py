"""The report: every number of the summary, nothing from the network, parts that may be missing."""

from __future__ import annotations

import base64
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr

from shardsim.base.progress import Listener, Tracked
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.report import build
from shardsim.runs.store import Store
from tests.analysis import results
from tests.analysis.summary import SUMMARY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(finished) -> dict[str, bytes]:
    return build.build_report(finished)


@pytest.fixture(scope="module")
def page(built) -> str:
    return built["report.html"].decode()


class Reader(HTMLParser):
    """Checks that tags close in order, and collects text and pictures."""

    EMPTY = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.pictures: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "img":
            self.pictures.append(dict(attrs))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def leaves(value) -> list:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


def test_every_number_of_the_summary_is_in_it(page, finished):
    text = " ".join(read(page).text)
    for leaf in leaves(finished.summary):
        if isinstance(leaf, float | int) and not isinstance(leaf, bool):
            assert re.search(rf"(?<![\d.]){re.escape(repr(leaf))}(?![\d.])", text), leaf


def test_it_says_what_was_found_in_words(page):
    text = "".join(read(page).text)
    for shard in SUMMARY["shards"]:
        assert text.count(shard["words"]) >= 2
    assert (
        "Shards predict each decision 0.022 [0.014, 0.029] bits better than the best "
        "single-utility model." in text
    )
    assert "Diagnosis: the agent is near-optimal on levels like those in training" in text
    assert "not in this run" not in text.lower()


def test_the_first_use_of_a_term_links_to_its_definition_on_the_page(page):
    linked = re.findall(r'<a class="term" href="#([^"]+)">', page)
    defined = re.findall(r'<dt id="([^"]+)">', page)
    assert len(set(linked)) == len(linked) > 20
    assert set(linked) <= set(defined)


def test_the_track_stands_beside_separate_fits(page):
    row = re.search(r"<tr><td>8</td>.*?</tr>", page, re.DOTALL)
    assert row and re.findall(r"<td[^>]*>(.*?)</td>", row.group())[1:] == [
        "2, 2",
        "0.877 ± 0.000",
        "0.877 ± 0.000",
    ]


def test_a_shards_interventions_stand_in_one_row(page):
    row = re.search(r"<tr><td>1</td>\s*<td[^>]*>dense_2</td>.*?</tr>", page, re.DOTALL)
    assert row and re.findall(r"<td[^>]*>(.*?)</td>", row.group())[2:] == [
        "4.38 [3.12, 5.62]",
        *("1.03", "−0.21", "0.12"),
    ]


def test_the_component_that_follows_a_gate_stands_beside_its_controls(page):
    row = re.search(r"<tr><td>1</td>\s*<td[^>]*>dense_1</td>.*?</tr>", page, re.DOTALL)
    assert row and re.findall(r"<td[^>]*>(.*?)</td>", row.group())[2:] == [
        "dictionary",
        "3 of 8, 1 of 4",
        "0.35 [0.24, 0.46]",
        *("0.30", "−0.01"),
    ]


def test_every_picture_is_inside_and_described(page, built):
    pictures = read(page).pictures
    files = {name: data for name, data in built.items() if name.endswith(".png")}
    assert len(pictures) == len(files) == 18
    inside = [base64.b64decode(str(picture["src"]).partition(",")[2]) for picture in pictures]
    assert sorted(inside) == sorted(files.values())
    assert all(len(str(picture["alt"])) > 20 for picture in pictures)


def test_nothing_is_fetched_and_no_path_is_told(page, finished):
    own = re.sub(r"base64,[\w+/=]+", "", page)
    assert not re.search(r"(https?:)?//\w|<script \w|<link|@import|url\(", own)
    assert str(finished.path) not in page and str(finished.path.parent) not in page


def test_text_from_results_is_escaped(page):
    assert "return &lt;target&gt;" in page and "<target>" not in page
    assert "a note &lt;b&gt;in bold" in page and "<b>" not in page


def test_measured_stands_beside_exact_and_disagreement_is_marked(page):
    row = re.search(r"<tr><td>evaluation</td>.*?</tr>", page, re.DOTALL)
    assert row
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row.group())
    assert cells[2:6] == ["196", "1", "0.351", "1"]
    assert "<td class=bad>disagrees</td>" in row.group()


def test_the_same_results_give_the_same_bytes(built, finished):
    again = build.build_report(type(finished)(Store.open(finished.path)))
    assert again == built


def test_a_run_that_is_only_trained_says_what_is_missing(trained):
    told: list[str] = []
    listener = Listener(lambda *_: None, lambda *_: None, lambda part, _: told.append(part))
    files = build.build_report(trained, Tracked(listener))
    page = files["report.html"].decode()
    read(page)
    assert sorted(files) == [
        "figures/learning-curves.png",
        "figures/vector-field.png",
        "report.html",
    ]
    assert page.count("Not in this run:") == 15
    assert "Description of each shard: not in this run." in page
    assert str(trained.path) not in page
    assert told[0] == "shard-distribution" and told[-1] == "page" and len(told) == 18


def test_a_run_without_shards_says_so(trained, tmp_path):
    path = tmp_path / "shardless"
    shutil.copytree(trained.path, path)
    run = type(trained)(Store.open(path))
    seeds, steps = len(run.seeds), np.asarray(run.training["steps"], float)
    views = ["explained_by_source", "readable", "specific", "erases_another"]
    views += ["layer", "label", "view", "gate_source", *results.effects(seeds)]
    views += [*results.doses(seeds), *results.updates(seeds)]
    found = results.shards(seeds).drop_vars(views)
    verdicts = xr.Dataset({"verdict": (("onset",), ["undefined"])}, {"onset": ["contested"]})
    files = {
        "shards.nc": found.isel(shard=slice(0, 0)),
        "track.nc": results.track(steps, run.updates, seeds).isel(shard=slice(0, 0)),
        "reflection.nc": verdicts,
    }
    with run.store.writing():
        run.store.write_all({name: dataset_to_bytes(data) for name, data in files.items()})
        for stage in ("identify", "track", "reflect"):
            run.store.finish(stage)
    page = build.build_report(run)["report.html"].decode()
    read(page)
    said = re.findall(r"Not in this run: ([^<]*)\.</p>", page)
    assert sorted(said) == [
        "no shard was found in this run, so no gate was read from activations",
        "no shard was found in this run, so no layer was compared with them",
        "no shard was found in this run, so nothing built one",
        "no shard was found in this run, so there is no gate to draw",
        "no shard was found in this run, so there was no intervention",
        "no shard was found in this run, so there was no reflection",
        "no shard was found in this run, so there was no reflection",
        "no shard was found in this run, so there was no reflection",
        "no shard was found in this run, so there was no reflection",
        "no shard was found in this run, so there was no reflection",
    ]


def test_it_opens_with_answers_from_the_summary_and_the_track(page):
    answers = re.findall(r'<dd class="answer">(.*?)</dd>', page)
    assert answers[1:] == [
        "Shards",
        "2 of 2 formed",
        "Drifted from 2 of 3 onsets",
        "Wrong goal: corner",
    ]
    assert page.index('class="glance"') < page.index("In sentences") < page.index("<h2")
