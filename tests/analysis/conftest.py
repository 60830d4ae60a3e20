"""One tiny run: trained for real, the later results written with known numbers."""

from __future__ import annotations

import pytest

from shardsim.runs.pipeline import run
from shardsim.runs.run import Run
from tests.analysis.results import fill

TINY = {
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
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with nothing but training."""
    return run(TINY, tmp_path_factory.mktemp("runs") / "trained")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with every result."""
    return fill(run(TINY, tmp_path_factory.mktemp("runs") / "finished"))
