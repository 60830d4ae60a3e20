"""`benchmarks/identify.py` names functions by module, and every one of them is there."""

import importlib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_every_function_that_is_timed_is_there(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    parts = importlib.import_module("identify").PARTS
    gone = [
        place for places in parts.values() for place in places if not _is_there(*place.split(":"))
    ]
    assert gone == []


def _is_there(module, name):
    return callable(getattr(importlib.import_module(module), name, None))
