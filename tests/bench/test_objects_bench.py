"""`benchmarks/objects.py` compares shares over runs, and says why one disagrees."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "objects.py"


@pytest.fixture
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("objects_bench", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def ends(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.05}


def summary(**objects: tuple[float, float]) -> dict:
    """Objects with shares by intervention and fitted."""
    shares = {name: ends(found) | {"fitted": ends(own)} for name, (found, own) in objects.items()}
    shares["interactions"] = ends(0.0) | {"fitted": None}
    gap = {"distance": "1", **ends(-2.0)}
    gate = {"correlation": ends(0.8), "along_advantage": ends(0.7), "largest_gap": gap}
    return {"objects": {"shares": shares, "gates": dict.fromkeys(objects, gate)}}


def test_the_correlation_is_over_all_objects_and_the_worst_is_explained(bench):
    rows = bench.rows_of("one", summary(a=(0.1, 0.1), b=(0.3, 0.3)))
    rows += bench.rows_of("two", summary(c=(0.2, 0.2), d=(0.6, 0.4)))
    assert [row.name for row in rows] == ["a", "b", "c", "d"]
    assert bench.correlation(rows[:3]) == pytest.approx(1.0)
    first, second = bench.ending(rows)
    assert "over 4 objects" in first
    assert "d of two, 0.60 by intervention and 0.40 fitted" in second
    assert second.endswith(
        "at distance 1 the fitted pull is 2.00 logits per move weaker than the effect"
    )
    assert bench.line(rows[0]) == "| one | a | 0.10 | – | 0.10 | 0.80 | 0.70 |"


def test_reasons_go_from_null_to_direction_to_strength(bench):
    row = bench.rows_of("one", summary(a=(0.3, 0.0)))[0]
    assert "untrained" in bench.reason(row._replace(untrained_high=0.4))
    assert bench.reason(row._replace(along=0.2)).startswith("only 20%")
    assert "weaker" in bench.reason(row)


def test_runs_without_the_numbers_are_named(bench, monkeypatch, capsys):
    run = SimpleNamespace(env=SimpleNamespace(name="fork"), summary={})
    monkeypatch.setattr(bench.ss, "load", lambda path: run)
    monkeypatch.setattr(sys, "argv", ["objects.py", "old"])
    assert bench.main() == 1
    assert "left out: old: no object was removed there" in capsys.readouterr().err
