"""One tiny run: trained for real, the later results written with known numbers."""

from __future__ import annotations

import shutil

import pytest

from shardsim.runs.config import resolve
from shardsim.runs.pipeline import run_stage
from shardsim.runs.run import Run, load
from shardsim.runs.store import Store
from shardsim.runs.toml import read_config, write_toml
from tests.analysis.results import CONTEXTS, fill
from tests.tiny import TINY

CONFIG = TINY | {"identify": {"target_contexts": CONTEXTS}}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with nothing but training."""
    path = tmp_path_factory.mktemp("runs") / "trained"
    Store.create(path, write_toml(resolve(read_config(CONFIG))), [0, 1])
    return run_stage(path, "train")


@pytest.fixture(scope="session")
def finished(trained: Run) -> Run:
    """The same run with every result."""
    return fill(load(shutil.copytree(trained.path, trained.path.parent / "finished")))
