"""Runs of each learner but the default one, from training to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.diagnosis.diagnose import diagnose
from shardsim.runs.pipeline import run
from shardsim.runs.report.terminal import diagnosis_in_words
from shardsim.runs.run import Run, load
from shardsim.runs.stages import STAGES
from shardsim.runs.stages.identify import _training

pytestmark = pytest.mark.slow


def of_learner(config: Any, learner: str, **more: Any) -> dict[str, Any]:
    """The tiny run with another learner; A2C takes one step for each rollout."""
    train = config["train"] | {"learner": learner, "minibatches": 1 if learner == "a2c" else 2}
    return {**config, "train": train | more}


@pytest.fixture(scope="module", params=["a2c", "pqn"])
def finished(request, tiny_config, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("learners") / request.param
    return run(of_learner(tiny_config, request.param), out)


def test_every_stage_is_done_and_what_was_found_is_whole(finished: Run) -> None:
    assert all(finished.store.finished(name) for name in STAGES)
    told = load(finished.path).summary
    assert np.isfinite(told["return_ratio"]["held_out"]).all()
    assert told["num_shards"] == len(told["shards"])
    shares = finished.track["share"].values
    assert np.isfinite(shares).all()
    agent = finished.agent(1)
    seen = finished.battery("target").observations[:5]
    np.testing.assert_array_equal(agent.policy(seen), agent(seen)[0])


def test_a_run_is_diagnosed_or_says_why_not(finished: Run) -> None:
    found, report = finished.diagnosis, (finished.path / "report.html").read_text()
    if finished.config.train.learner == "a2c":
        assert found["world"] not in (None, "wrong-code", "no-update")
        assert not [row for row in found["evidence"] if row["verdict"] == "disagrees"]
        return
    assert found["world"] is None and not found["evidence"] and not found["probabilities"]
    assert diagnosis_in_words(found).startswith("not diagnosed\na run of learner 'pqn' cannot")
    assert "not diagnosed" in report
    with pytest.raises(UserError, match=r"train the same config with train\.learner=ppo"):
        diagnose(finished)


def test_a_learner_of_values_has_no_loss_of_a_policy_and_no_updates_of_one(finished: Run) -> None:
    values = finished.config.train.learner == "pqn"
    curves = finished.training.isel(checkpoint=slice(1, None))
    assert np.isfinite(curves["value_loss"]).all()
    for name in ("policy_loss", "divergence"):
        assert (np.isnan(curves[name]) if values else np.isfinite(curves[name])).all()
    assert (_training(finished) is None) == values


def test_the_same_run_again_holds_the_same_bytes(finished: Run, tmp_path: Path) -> None:
    learner = finished.config.train.learner
    again = run(finished.config, tmp_path / learner, until="train")
    for name in finished.store.names("checkpoints/"):
        assert again.store.read(name) == finished.store.read(name)
