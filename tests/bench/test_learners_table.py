"""`benchmarks/learners.py` prints what finished sweeps of learners hold."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import shardsim as ss
from shardsim.base.aggregate import iqm
from tests.runs.comparison import made

FILE = Path(__file__).parents[2] / "benchmarks" / "learners.py"


@pytest.fixture
def learners(monkeypatch):
    monkeypatch.syspath_prepend(FILE.parent)
    spec = importlib.util.spec_from_file_location("learners", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_has_returns_shardness_beside_its_null_and_every_shard(learners):
    share = {"mean": 0.229, "low": 0.17, "high": 0.271}
    summary = {
        "seeds": [0, 1, 2],
        "return_ratio": {"held_out": [0.9, 0.9, 0.9], "target": [0.2, None, 0.4]},
        "shardness": {"mean": 0.0312, "low": 0.02, "high": 0.04},
        "shardness_test": {"threshold": -0.008},
        "verdict": "shards",
        "shards": [{"name": "corner", "confirmed": True, "share": {"target": share}}],
    }
    cells = learners.row("rooms", "a2c", summary)
    assert cells[:5] == ("rooms", "a2c", "3", "0.900 [0.900, 0.900]", "none")
    assert cells[5:8] == ("0.031 [0.020, 0.040]", "-0.008", "shards")
    assert cells[8] == "corner* 0.23 [0.17, 0.27]" and len(cells) == len(learners.HEADS)
    assert learners.row("rooms", "a2c", summary | {"shards": []})[8] == "none"


def test_learners_are_compared_as_compare_does(learners, tmp_path, monkeypatch, capsys):
    sweep = made.sweep(tmp_path / "rooms", ["train.learner=ppo,pqn"], None)
    for folder, level in zip(sweep.folders, (0.8, 0.5), strict=True):
        made.write_training(folder, level + 0.01 * np.arange(4))
        made.write_shards(folder)
    monkeypatch.setattr(
        learners, "row", lambda world, learner, summary: [world, learner] * 4 + [""]
    )
    monkeypatch.setattr(learners.Run, "summary", {})
    told = tmp_path / "told.json"
    monkeypatch.setattr(sys, "argv", ["learners.py", str(sweep.path), "--json", str(told)])
    assert learners.main() == 0
    said = capsys.readouterr().out
    assert "return.target: smaller at pqn than at ppo, P(greater) = 0.00" in said
    found = json.loads(told.read_text())["compared"]["rooms"]
    (corner,) = [
        one["estimate"]
        for one in found["groups"]
        if (one["result"], one["value"]) == ("concept.target.corner", "ppo")
    ]
    shares = ss.load(sweep.folders[0]).shards
    place = list(shares.concepts).index("corner")
    assert corner == pytest.approx(iqm(shares.concept_shares("target")[:, place]), abs=1e-6)


def test_what_is_no_sweep_of_learners_is_refused(learners, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["learners.py", str(tmp_path / "none")])
    assert learners.main() == 2
    assert "none" in capsys.readouterr().err
    other = type("Sweep", (), {"keys": ["train.seeds"]})()
    monkeypatch.setattr(learners, "open_sweep", lambda folder: other)
    assert learners.main() == 2
    assert "give a sweep of train.learner alone" in capsys.readouterr().err


def test_a_run_of_other_networks_stands_beside_the_learners_of_its_world(learners, monkeypatch):
    told = {
        "rooms": {"ppo": 1, "a2c": 2},
        "rooms+recurrent": {"recurrent": 3},
        "plains": {"ppo": 4},
    }
    monkeypatch.setattr(learners, "runs_of", lambda folder: told[folder.name])
    found = learners.worlds_of([Path("runs") / name for name in told])
    assert found == {"rooms": {"ppo": 1, "a2c": 2, "recurrent": 3}, "plains": {"ppo": 4}}
