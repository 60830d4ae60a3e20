"""Two tiny runs, shared by the tests that only read or copy them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shardsim.runs.pipeline import run
from shardsim.runs.run import Run

TINY: dict[str, Any] = {
    "env": {"params": {"height": 5, "width": 5, "max_steps": 16}},
    "train": {
        "seeds": 2,
        "total_steps": 1024,
        "num_envs": 16,
        "rollout_steps": 8,
        "epochs": 1,
        "minibatches": 2,
        "bank_levels": 32,
        "evaluation_levels": 8,
        "checkpoints": 4,
        "network": {"widths": [8, 8]},
    },
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
    return TINY


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained, and nothing else."""
    return run(TINY, tmp_path_factory.mktemp("runs") / "trained", until="train")


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With every stage."""
    return run(TINY, tmp_path_factory.mktemp("runs") / "whole")
