"""The file holds the numbers of the live answers, in bytes, and nothing from outside."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.view.edit import ABSENT
from shardsim.view.export import export
from shardsim.view.page import Desk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(built_run, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("file") / "view.html"
    found = export(built_run, path)
    assert found.size == path.stat().st_size and found.checkpoints == built_run.checkpoints
    return path


def stored_in(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the file is told, and its arrays."""
    text = path.read_text(encoding="utf-8")
    held = re.search(r'<script type="application/json" id="stored">(.*?)</script>', text, re.S)
    assert held is not None
    stored = json.loads(held[1])
    raw = np.frombuffer(gzip.decompress(base64.b64decode(stored["bytes"])), np.uint8)
    ends = np.cumsum([int(np.prod(shape)) for shape in stored["arrays"].values()])
    parts = np.split(raw, ends[:-1])
    assert ends[-1] == raw.size
    shapes = stored["arrays"].items()
    return stored, {name: part.reshape(s) for (name, s), part in zip(shapes, parts, strict=True)}


def test_every_answer_is_that_of_the_server_to_half_a_byte(written, desk: Desk):
    stored, arrays = stored_in(written)
    edit, (concept, instance) = stored["edit"], stored["object"]
    assert stored["page"]["concepts"][concept]["name"] == "cheese" and instance == 0
    for place in (0, len(stored["places"]) // 2, len(stored["places"]) - 1):
        cells = [list(row) for row in edit["cells"]]
        cells[concept][instance] = stored["places"][place]
        for checkpoint in (0, len(stored["page"]["steps"]) - 1):
            for off in ([], [0], [1]):
                asked = {"checkpoint": checkpoint, "seeds": [1], "off": off}
                live = desk.answer(asked | {"edit": {"cells": cells}})
                decision = np.array(live["decision"])[stored["cells"]]
                assert np.array_equal(arrays["decision"][place] > 0, decision)
                variant = off[0] + 1 if off else 0
                for kind in ("network", "model"):
                    policy = np.reshape(live["seeds"]["1"][kind][-1], (25, 4))[stored["cells"]]
                    found = arrays[kind][checkpoint, 1, variant, place] / 255
                    assert np.abs(found - policy)[decision].max() < 0.5 / 255 + 1e-4
                gates = np.array(live["seeds"]["1"]["gates"])[:, stored["cells"]]
                scale = np.array(stored["scale"])[:, None]
                found = arrays["gates"][checkpoint, 1, :, place] / 255 * scale
                assert (np.abs(found - gates)[:, decision] <= 0.51 / 255 * scale + 1e-4).all()


def test_the_object_lies_on_every_free_cell_but_others_or_is_gone(written):
    stored, _ = stored_in(written)
    others = {stored["edit"]["cells"][1][0]}
    assert stored["places"] == [c for c in stored["cells"] if c not in others] + [ABSENT]
    free = [cell for cell, wall in enumerate(stored["edit"]["walls"]) if not wall]
    assert stored["cells"] == free


def test_the_file_asks_for_nothing_from_outside(written):
    text = written.read_text(encoding="utf-8")
    links = set(re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", text))
    assert links == {"data:,"}
    assert re.findall(r"https?://[^\s\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"^\s*(import|export)\b", text, re.M)


def test_a_small_limit_leaves_out_checkpoints_and_says_so(built_run, tmp_path):
    whole = export(built_run, tmp_path / "whole.html")
    less = export(built_run, tmp_path / "less.html", largest=whole.size - 1)
    assert less.left_out == len(built_run.updates) - len(less.checkpoints) > 0
    assert less.checkpoints[-1] == len(built_run.updates) - 1 and less.size < whole.size
    stored, _ = stored_in(tmp_path / "less.html")
    assert len(stored["page"]["steps"]) == len(less.checkpoints) == stored["arrays"]["network"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"thing": "chese"}, "did you mean 'cheese'"),
        ({"thing": "corner"}, "no object 'corner' lies in the level"),
        ({"level": 99}, "there is no level 99"),
        ({"split": "tst"}, "there is no split 'tst'"),
    ],
)
def test_what_cannot_be_exported_is_one_line(built_run, tmp_path, options, said):
    with pytest.raises(UserError, match=said):
        export(built_run, tmp_path / "view.html", **options)
    assert not list(tmp_path.iterdir())


def test_a_name_without_html_is_refused(built_run, tmp_path):
    with pytest.raises(UserError, match=r"does not end in \.html"):
        export(built_run, tmp_path / "view.json")
