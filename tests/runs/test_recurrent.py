"""Runs of agents with a memory, from training to the report."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.diagnosis.diagnose import diagnose
from shardsim.runs.agents import agents_of, subjects_of
from shardsim.runs.pipeline import run
from shardsim.runs.run import Run, load
from shardsim.runs.stages import STAGES
from shardsim.runs.verify import verify_run
from shardsim.view.answers import Answers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tiny_config) -> dict[str, Any]:
    network = tiny_config["train"]["network"] | {"kind": "recurrent"}
    return {**tiny_config, "train": tiny_config["train"] | {"network": network}}


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory) -> Run:
    return run(config, tmp_path_factory.mktemp("recurrent") / "run")


def test_every_stage_is_done_and_what_was_found_is_whole(finished: Run) -> None:
    assert all(finished.store.finished(name) for name in STAGES)
    assert not verify_run(finished.path).problems
    told = load(finished.path).summary
    assert np.isfinite(told["return_ratio"]["held_out"]).all()
    assert np.isfinite(finished.track["share"].values).all()
    curves = finished.training
    assert (curves["achieved_error"] > 0).any() and (curves["achieved_error"] < 0.2).all()


def test_what_memory_does_is_told(finished: Run) -> None:
    data, told = finished.shards.dataset, finished.summary["memory"]
    assert data["memory_gap"].dims == ("seed",) and (data["memory_gap"] >= 0).all()
    low, high = data["memory_saved_interval"].values.T
    assert (low <= data["memory_saved"].values).all() and (
        data["memory_saved"].values <= high
    ).all()
    assert told["gap"]["mean"] == pytest.approx(float(data["memory_gap"].mean()))
    assert len(told["remembers"]) == len(told["lived_verdict"]) == 2
    if sum(told["remembers"]) > 1:
        assert finished.summary["verdict"] == "cannot tell"
    assert "empty memory" in (finished.path / "report.html").read_text()


def test_what_needs_a_policy_of_the_state_alone_says_so(finished: Run) -> None:
    assert set(finished.summary["constancy"].values()) == {"undefined"}
    assert finished.diagnosis["world"] is None and not finished.diagnosis["evidence"]
    with pytest.raises(UserError, match="no live view of agents with a memory"):
        Answers(finished)
    with pytest.raises(UserError, match="no reflection of agents with a memory"):
        subjects_of(finished)
    with pytest.raises(UserError, match=r"train\.network\.kind=egocentric"):
        diagnose(finished)


def test_agents_are_asked_with_an_empty_memory(finished: Run) -> None:
    seen = finished.battery("target").observations[:7]
    one = finished.agent(1)
    alone = np.stack([np.asarray(one.policy(row[None]))[0] for row in seen])
    np.testing.assert_allclose(one.policy(seen), alone, atol=1e-6)
    answers = agents_of(finished).respond(None, seen)
    np.testing.assert_allclose(answers.logits[1], alone, atol=1e-6)
    assert "gru" in answers.layers


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(finished: Run, tmp_path: Path) -> None:
    """The training state holds the memory."""
    config, out = finished.config, tmp_path / "again"
    names = finished.store.names("checkpoints/")
    (resume,) = [name for name in names if "resume" in name]
    again = run(config, out, until="train")
    assert again.store.read(resume) == finished.store.read(resume)
    shutil.rmtree(out)
