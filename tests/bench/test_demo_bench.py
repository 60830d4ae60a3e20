"""`benchmarks/demo.py`: what it prints beside what was recorded, and when it refuses."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    found = importlib.import_module("demo")
    monkeypatch.setattr(found, "RECORDED", tmp_path / "demo.json")
    seconds = iter([{"train": 60.0, "all": 170.0}, {"train": 40.0, "all": 90.0}] * 2)
    parts = {"train: compiling": 9.0, "report: page": 0.1}
    monkeypatch.setattr(found, "once", lambda *_: found.Done(next(seconds), parts))
    return found


def cells(out: str) -> list[list[str]]:
    """Every row of the tables that were printed."""
    return [line.strip("| ").split("|") for line in out.splitlines() if line.startswith("|")]


def row(out: str, name: str) -> list[str]:
    """The row of a name, without it."""
    found = [[cell.strip() for cell in line] for line in cells(out)]
    return next(line[1:] for line in found if line[0] == name)


def called(bench, monkeypatch, load: float, *words: str) -> None:
    monkeypatch.setattr(bench, "machine", lambda: {"processors": 2, "load": load})
    monkeypatch.setattr(sys, "argv", ["demo.py", *words])
    bench.main()


def test_a_busy_machine_is_refused_unless_asked(bench, monkeypatch, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        called(bench, monkeypatch, 3.2)
    assert stopped.value.code == 2
    assert "other work is running (load 3.2" in capsys.readouterr().err
    called(bench, monkeypatch, 3.2, "--busy")
    assert "load 3.2" in capsys.readouterr().out


def test_figures_stand_beside_those_recorded_last(bench, monkeypatch, capsys) -> None:
    called(bench, monkeypatch, 0.1, "--record")
    first = capsys.readouterr().out
    assert row(first, "train")[:2] == ["60.0", "40.0"]
    assert row(first, "train: compiling") == ["9.0", "9.0"]
    assert "report: page" not in first
    kept = json.loads(bench.RECORDED.read_text())
    assert (kept["cold"]["all"], kept["warm"]["all"], kept["about"]["load"]) == (170.0, 90.0, 0.1)
    called(bench, monkeypatch, 0.2)
    second = capsys.readouterr().out
    assert row(second, "all") == ["170.0", "90.0", "170.0", "90.0"]
    assert "recorded: processors 2, load 0.1" in second
    assert json.loads(bench.RECORDED.read_text()) == kept
