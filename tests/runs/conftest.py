"""A tiny run as it stands after some stages, for the tests that only read or copy it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shardsim.runs.pipeline import run
from shardsim.runs.run import Run
from tests.tiny import TINY

CONFIG: dict[str, Any] = TINY | {
    "identify": {
        "target_contexts": 200,
        "held_out_contexts": 200,
        "track_contexts": 100,
        "track_checks": 2,
        "max_shards": 2,
        "draws": 50,
        "null_contexts": 200,
        "view_contexts": 100,
        "random_directions": 5,
        "update_events": 16,
    },
    "reflect": {
        "steps": 1,
        "gradients": 1,
        "contexts": 2,
        "plans": 8,
        "plan_moves": 8,
        "candidates": 12,
        "probes": 2,
        "identify_contexts": 200,
    },
}


@pytest.fixture(scope="session")
def tiny_config() -> Mapping[str, Any]:
    return CONFIG


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained, and nothing else."""
    return run(CONFIG, tmp_path_factory.mktemp("runs") / "trained", until="train")


@pytest.fixture(scope="session")
def identified_run(trained_run: Run) -> Run:
    """The same with its shards."""
    return run(CONFIG, copied(trained_run, "identified"), until="identify")


@pytest.fixture(scope="session")
def whole_run(identified_run: Run) -> Run:
    """The same with every stage."""
    return run(CONFIG, copied(identified_run, "whole"))


def copied(done: Run, name: str) -> Path:
    """A copy beside a run."""
    return shutil.copytree(done.path, done.path.parent / name)
