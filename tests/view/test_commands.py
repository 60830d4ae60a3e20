"""`shardsim view`, the widget, and the parts of the one module."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from shardsim.view import assets
from shardsim.view.widget import widget

pytestmark = pytest.mark.slow


def test_the_module_is_one_piece_in_anywidgets_form():
    module = assets.module()
    assert not re.search(r"^import\b", module, re.M)
    assert re.findall(r"^export.*", module, re.M) == ["export default {"]
    names = re.findall(r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", module, re.M)
    names += re.findall(r"^(?:async function|const) (\w+)", assets.text("stored.js"), re.M)
    assert len(names) == len(set(names))  # joined, they share one scope


def test_export_writes_a_file_and_says_how_large(built_run, tmp_path, shardsim):
    path = tmp_path / "view.html"
    code, out, errors = shardsim("view", str(built_run.path), "--export", str(path), "--json")
    assert code == 0, errors
    told = json.loads(out)
    assert told["bytes"] == path.stat().st_size and told["checkpoints_left_out"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--object", "cheese"], "give --export too"),
        (["--export", "a.html", "--port", "1"], "needs none"),
        (["--export", "a.txt"], "does not end in .html"),
        (["--export", "a.html", "--level", "99"], "there is no level 99"),
    ],
)
def test_what_is_wrong_is_one_line(words, said, built_run, tmp_path, monkeypatch, shardsim):
    monkeypatch.chdir(tmp_path)
    code, out, errors = shardsim("view", str(built_run.path), *words)
    assert (code, out) == (2, "") and said in errors.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_the_widget_answers_what_its_page_asks(built_run, desk):
    pytest.importorskip("anywidget", reason="the extra `notebook` is not installed")
    shown = widget(built_run)
    assert shown.page["level"] == desk.number
    shown.query = {"id": 1, "checkpoint": -1, "seeds": [0], "off": [], "edit": None}
    assert shown.answer["id"] == 1
    expected = desk.answer({"seeds": [0]})["seeds"]["0"]["network"]
    assert np.array_equal(shown.answer["seeds"]["0"]["network"], expected)
    shown.query = {"id": 2, "seeds": [5]}
    assert shown.answer == {"id": 2, "error": "there is no seed 5 among 2; reload the page"}
