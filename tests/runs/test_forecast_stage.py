"""The forecast of a run: written before any weight moves, then left alone, scored by its hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.reflection import in_weights
from shardsim.runs import forecasts
from shardsim.runs.config import resolve
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.pipeline import run_stage
from shardsim.runs.run import Run, load
from shardsim.runs.store import Store
from shardsim.runs.toml import read_config, write_toml
from tests.analysis.results import CONTEXTS, shards
from tests.runs.conftest import CONFIG
from tests.runs.killed import Killed

pytestmark = pytest.mark.slow

FILE = forecasts.FORECAST
OPEN = {"open": 0.02, "candidates": 24}  # an untrained agent's contexts are hardly contested


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A trained run with two shards that were written by hand."""
    path = tmp_path_factory.mktemp("forecast") / "begun"
    identify = CONFIG["identify"] | {"target_contexts": CONTEXTS}
    config = CONFIG | {"identify": identify, "reflect": CONFIG["reflect"] | OPEN}
    Store.create(path, write_toml(resolve(read_config(config))), [0, 1])
    done = run_stage(path, "train")
    with done.store.writing():
        done.store.write("shards.nc", dataset_to_bytes(shards(2)))
        done.store.finish("identify")
    return done


@pytest.fixture(scope="module")
def reflected(begun: Run) -> Run:
    """The same after reflection."""
    return run_stage(copied(begun, "reflected"), "reflect")


def copied(done: Run, name: str) -> Path:
    return shutil.copytree(done.path, done.path.parent / name)


def test_what_was_written_is_what_is_scored(reflected: Run) -> None:
    data = reflected.store.read(FILE)
    scored = reflected.summary["forecast"]
    assert scored["sha256"] == hashlib.sha256(data).hexdigest()
    assert scored["sha256"] == reflected.store.manifest["files"][FILE]
    told = json.loads(data)
    assert set(told["rests_on"]) == {
        "shards.nc",
        f"checkpoints/{reflected.updates[-1]:08d}.safetensors",
    }
    assert {*told["models"]} == {"turns", "summed", "distillation", "sham", "replicator"}
    assert scored["models"]["turns"]["nulls"]["training's trend"] is not None


def test_the_forecast_begins_where_reflection_begins(reflected: Run) -> None:
    told = reflected.json(FILE)
    first = reflected.reflection["hit"].isel(step=0, model=0).transpose("seed", "onset", "outcome")
    assert np.array(told["before"], float) == pytest.approx(first.values, abs=1e-5, nan_ok=True)
    after = np.array(told["models"]["turns"]["closed form"]["after"], float)
    assert np.nansum(after, -1)[np.isfinite(after[..., 0])] == pytest.approx(1.0, abs=1e-4)


def test_it_stands_before_any_weight_moves_and_a_kill_does_not_change_it(
    begun: Run, reflected: Run, monkeypatch
) -> None:
    path = copied(begun, "killed")

    def kill(*_: object) -> None:
        assert (path / FILE).read_bytes() == (reflected.path / FILE).read_bytes()
        raise Killed

    with monkeypatch.context() as killing:
        killing.setattr(in_weights, "reflect_in_batches", kill)
        with pytest.raises(Killed):
            run_stage(path, "reflect")
    stopped = load(path)
    assert FILE in stopped.store.manifest["files"] and not stopped.store.has(FILE)
    written: list[str] = []
    rename = os.replace

    def noted(old: Path, new: Path) -> None:
        written.append(Path(new).name)
        rename(old, new)

    monkeypatch.setattr(os, "replace", noted)
    done = run_stage(path, "reflect")
    assert FILE not in written
    assert done.store.read(FILE) == reflected.store.read(FILE)
    assert done.store.read("reflection.json") == reflected.store.read("reflection.json")


def test_a_forecast_stands_as_long_as_it_rests_on_the_same(reflected: Run) -> None:
    run = load(copied(reflected, "standing"))
    old, told = run.store.read(FILE), reflected.json(FILE)
    with run.store.writing():
        run.store.doing = "reflect"
        assert forecasts.keep(run, told | {"before": []}) == old
        other = json.loads(forecasts.keep(run, told | {"settings": {}, "before": []}))
        assert other["settings"] == {} and other["before"] == []
        (run.path / FILE).write_bytes(old[:-9])  # damaged: it counts as none
        assert forecasts.keep(run, told) == old


def test_an_older_run_says_how_to_get_a_forecast(reflected: Run) -> None:
    run = load(copied(reflected, "older"))
    with run.store.writing():
        run.store.drop(FILE)
    with pytest.raises(UserError, match=r"has no forecast: .* shardsim reflect .* --again"):
        forecasts.pooled([run])
