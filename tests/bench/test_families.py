"""`benchmarks/families.py` goes on after a family that fails, and says which and how."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "families.py"


@pytest.fixture
def families() -> ModuleType:
    spec = importlib.util.spec_from_file_location("families", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(states: int, seconds: float) -> SimpleNamespace:
    shard = {
        "name": "corner",
        "confirmed": True,
        "share": {"target": {"mean": 0.229, "low": 0.17, "high": 0.271}},
    }
    summary = {
        "return_ratio": {"held_out": [0.9, 0.95], "target": [0.5, 0.4]},
        "verdict": "shards",
        "shards": [shard],
    }
    env = SimpleNamespace(name="fork", num_states=states)
    return SimpleNamespace(env=env, summary=summary, timings={"train": seconds, "identify": 40.0})


def test_a_row_has_verdict_shares_and_seconds_by_stage(families):
    cells = families.row(found(1600, 61.2))
    assert cells[:5] == ("fork", "1600", "0.90 to 0.95", "0.40 to 0.50", "shards")
    assert cells[5] == "corner* 0.23 [0.17, 0.27]"
    assert cells[6:8] == ("61", "40") and set(cells[8:-1]) == {""} and cells[-1] == "101"
    assert len(cells) == len(families.HEAD) + len(families.STAGES) + 1
    assert families.row(found(99, 300.0))[-1] == "340 (too slow)"
    assert families.row(found(101, 300.0))[-1] == "340"


def test_the_others_run_after_one_fails(families, monkeypatch, tmp_path, capsys):
    asked: list[list[str]] = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 2 if "decoy" in command else 0)

    monkeypatch.setattr(families.subprocess, "run", run)
    monkeypatch.setattr(families.ss, "load", lambda path: found(21, 60.0))
    words = ["--out", str(tmp_path), "--only", "decoy", "fork", "--set", "train.seeds=2"]
    monkeypatch.setattr(sys, "argv", ["families.py", *words])
    assert families.main() == 1
    said = capsys.readouterr()
    assert said.out.count("\n| fork | 21 |") == 1 and "decoy" not in said.out
    assert "failed: decoy: exit code 2" in said.err
    assert [command[4] for command in asked] == ["decoy", "fork"]
    assert all("train.seeds=2" in command for command in asked)
    assert str(tmp_path / "fork") in asked[1]


def test_every_family_has_its_config(families):
    there = {path.stem for path in (FILE.parents[1] / "experiments").glob("*.toml")}
    assert {families.config_of(env_id) for env_id in families.ss.list_envs()} <= there
