"""`shardsim identify RUN --refine`: a run whose battery gets the contexts that separate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from shardsim.base.arrays import to_bytes
from shardsim.runs.run import ADDED, Run, checkpoint_name, load
from tests.shards.built import parameters_of, stacked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built_run(trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose agents were built by hand to want the cheese nearby and the corner anywhere."""
    done = load(shutil.copytree(trained_run.path, tmp_path_factory.mktemp("refine") / "run"))
    wants = [parameters_of(done.env, cheese, 2.0) for cheese in (4.0, 5.0)]
    with done.store.writing():
        last = done.checkpoint(-1)._replace(parameters=stacked(wants))
        done.store.write(checkpoint_name(done.updates[-1]), to_bytes(last))
    return done


def test_refine_adds_contexts_that_weigh_nothing_and_without_it_they_go(
    built_run: Run, shardsim
) -> None:
    asked = ("identify", str(built_run.path), "--refine", "--contexts", "60", "--json")
    code, out, errors = shardsim(*asked)
    assert code == 0, errors
    refined = json.loads(out)["summary"]["refined"]
    assert refined["contexts"] == 60
    assert all(row["bits"] > row["random_bits"] for row in refined["hypotheses"])
    done = load(built_run.path)
    table, whole = done.shards.dataset, done.battery("target")
    assert table.sizes["context"] == whole.size == 260
    assert (table["weight"].values[200:] == 0).all() and (table["weight"].values[:200] > 0).all()
    assert np.array_equal(table["distance"].values, whole.distance)
    assert np.array_equal(table["level_index"].values, whole.level_index)
    for model, gates in zip(done.shards.models, done.shards.gates, strict=True):
        assert np.allclose(model.gates, gates, atol=1e-9)

    code, out, errors = shardsim("identify", str(built_run.path), "--again", "--json")
    assert code == 0, errors
    first = json.loads(out)["summary"]
    assert "refined" not in first
    assert refined["verdict_before"] == first["verdict"]
    assert refined["num_shards_before"] == first["num_shards"]
    assert refined["margin_before"] == [shard["margin"] for shard in first["shards"]]
    opened = load(built_run.path)
    assert not opened.store.has(ADDED) and not (Path(opened.path) / ADDED).exists()
    assert opened.battery("target").size == 200


def test_contexts_without_refine_are_refused(built_run: Run, shardsim) -> None:
    code, _, errors = shardsim("identify", str(built_run.path), "--contexts", "60")
    assert code == 2
    assert "--contexts says how many contexts --refine adds" in errors
