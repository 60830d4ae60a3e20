"""A tiny run whose agents and shards were built by hand, for all tests of the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from shardsim.base.arrays import to_bytes
from shardsim.runs.pipeline import run
from shardsim.runs.run import Run, checkpoint_name
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.atoms import Atom, Condition
from shardsim.shards.fit.data import decisions_on
from shardsim.shards.fit.mle import Fitted
from shardsim.shards.fit.shard_model import ShardModel, shard_model
from shardsim.view.page import Desk
from tests.analysis import results
from tests.shards.built import parameters_of, stacked
from tests.tiny import TINY

IDENTIFY = {"target_contexts": results.CONTEXTS, "track_contexts": 100, "view_contexts": 100}


def models(battery: Battery, seeds: int) -> list[ShardModel]:
    """A cheese shard that is active near it, a corner shard that is active below, and the rest."""
    data = decisions_on(battery, np.zeros(battery.blocked.shape))
    near, row = (data.feature_names.index(name) for name in ("near_cheese", "row"))
    atoms = (Atom(), Atom(soft=near), Atom((Condition(row, 1.5, True),)))
    fitted = Fitted(
        coefficients=np.array([[0.2, 0.8], [2.0, 0.0], [0.0, 0.5]]),
        affordance=np.array([-1.0, 0.5, 0.0]),
        habit=np.array([0.1, -0.1, 0.2, -0.2]),
    )
    return [shard_model(atoms, fitted, results.PREFERENCES, data)] * seeds


def doses(plain: Callable[[int], dict[str, Any]], seeds: int) -> dict[str, Any]:
    """The dose curves with all their slopes, which the figures do not need."""
    found = plain(seeds)
    rotations = found["dose_random"].shape[3]
    slope = np.full((seeds, 2, 2), 0.1)
    return found | {"slope_other": slope, "slope_random": np.zeros((seeds, 2, 2, rotations))}


@pytest.fixture(scope="session")
def built_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two agents that want the cheese nearby and the corner anywhere; results with known numbers.

    Only training is real, and its last checkpoint is replaced.
    """
    path = tmp_path_factory.mktemp("view") / "built"
    done = run(TINY | {"identify": IDENTIFY}, path, until="train")
    wants = [parameters_of(done.env, 8.0, 3.0), parameters_of(done.env, 7.0, 3.5)]
    with done.store.writing():
        last = done.checkpoint(-1)._replace(parameters=stacked(wants))
        done.store.write(checkpoint_name(done.updates[-1]), to_bytes(last))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(results, "models", partial(models, done.battery("target")))
        patched.setattr(results, "doses", partial(doses, results.doses))
        patched.setattr(results, "LAYERS", ["dense_1", "dense_1"])  # the network has one
        return results.fill(done)


@pytest.fixture(scope="session")
def desk(built_run: Run) -> Desk:
    """Who answers about it."""
    return Desk(built_run)
