"""A tiny run whose agents were built by hand, with their shards, for all tests of the view."""

from __future__ import annotations

from typing import Any

import pytest

from shardsim.base.arrays import to_bytes
from shardsim.runs.pipeline import run, run_stage
from shardsim.runs.run import Run, checkpoint_name
from shardsim.view.page import Desk
from tests.shards.built import parameters_of, stacked
from tests.tiny import TINY

CONFIG: dict[str, Any] = TINY | {
    "identify": {
        "target_contexts": 300,
        "held_out_contexts": 200,
        "track_contexts": 100,
        "max_shards": 2,
        "draws": 50,
        "null_contexts": 200,
        "view_contexts": 100,
        "random_directions": 5,
        "update_events": 0,
    }
}


@pytest.fixture(scope="session")
def built_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two agents that want the cheese nearby and the corner anywhere, and their shards."""
    done = run(CONFIG, tmp_path_factory.mktemp("view") / "built", until="train")
    wants = [parameters_of(done.env, 8.0, 3.0), parameters_of(done.env, 7.0, 3.5)]
    with done.store.writing():
        last = done.checkpoint(-1)._replace(parameters=stacked(wants))
        done.store.write(checkpoint_name(done.updates[-1]), to_bytes(last))
    return run_stage(done.path, "identify")


@pytest.fixture(scope="session")
def desk(built_run: Run) -> Desk:
    """Who answers about it."""
    return Desk(built_run)
