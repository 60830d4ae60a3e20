"""Stability over training: from when on something stays, and reflection of one agent twice."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.reflection.results import reflect_run
from shardsim.reflection.site import Subjects
from shardsim.reflection.stability import reflect_at_checkpoints
from shardsim.reflection.stability_tables import (
    DRIFT,
    NONE,
    OUTCOME,
    over_seeds,
    settled,
    settled_by_seed,
    stability_table,
)
from tests.reflection.test_reflect import CONFIG, small  # noqa: F401

STEPS = np.array([10.0, 20.0, 30.0])


def asked(holds: list[bool]) -> np.ndarray:
    """The same of both questions, bool[2, C]."""
    return np.array([holds, holds])


def test_it_is_settled_from_the_first_checkpoint_after_which_it_always_holds() -> None:
    assert settled(asked([True, True, True]), STEPS).tolist() == [10, 10]
    assert settled(asked([True, False, True]), STEPS).tolist() == [30, np.inf]
    assert settled(asked([False, True, True]), STEPS).tolist() == [20, 20]
    assert settled(asked([True, True, False]), STEPS).tolist() == [np.inf, np.inf]


def test_a_seed_is_settled_where_all_its_values_are_in_both_places() -> None:
    change = np.zeros((2, 3, 1, 1, 2, 2, 2))  # both, checkpoints, class, model, seeds, place, shard
    change[:, 0, 0, 0, 0, 1, 1] = -0.06
    change[:, :, 0, 0, 1] = np.nan
    found = settled_by_seed(change, 0.05, STEPS)
    assert found[:, 0, 0, 0].tolist() == [20, 20]
    assert np.isnan(found[:, 0, 0, 1]).all()


def test_seeds_that_never_settle_are_later_than_all_others() -> None:
    median, interval = over_seeds(np.array([[10, 20, np.inf, np.inf], [10, np.nan, 20, 30]]))
    assert median.tolist() == [np.inf, 20]
    assert interval.tolist() == [[10, np.inf], [10, 30]]


def turned(parameters: object) -> object:
    """Other networks of the same architecture."""
    return jax.tree.map(lambda leaf: -leaf, parameters)


@pytest.mark.slow
def test_reflection_of_a_checkpoint_is_that_of_its_agents(small: Subjects) -> None:  # noqa: F811
    """The last checkpoint twice: same values, same outcome; another network: another one."""
    assert small.networks is not None
    earlier = [turned(small.networks.parameters), small.networks.parameters]
    done = reflect_at_checkpoints(small, earlier, CONFIG, seed=1)
    moments = {"checkpoint": [1, 2, 3], "update": [1, 2, 3], "steps": [10, 20, 30]}
    found = stability_table(small.shards, done, moments, CONFIG)
    assert found["model"].values.tolist() == [NONE, "turns", "sham"]
    known = found["hit"].isel(checkpoint=-1).notnull().all("outcome")
    outcome = found["change"].sel(question=OUTCOME).where(known)
    assert np.nanmax(np.abs(outcome.isel(checkpoint=1))) == 0
    assert np.nanmax(np.abs(outcome.isel(checkpoint=0))) > 0.01
    assert (found["stable_from"].sel(question=OUTCOME, model=NONE).fillna(20) <= 20).all()
    assert np.nanmax(np.abs(found["change"].sel(question=DRIFT, model=NONE))) == 0
    whole = reflect_run(small, CONFIG, seed=1).dataset
    alone = whole["value_before"]
    both = found["value"].sel(model=NONE).isel(checkpoint=-1)
    np.testing.assert_allclose(both, alone.transpose(*both.dims), atol=1e-12)
    first = found["hit"].sel(model=NONE).isel(checkpoint=-1)
    begin = whole["hit"].sel(model="turns").isel(step=0)
    np.testing.assert_allclose(first, begin.transpose(*first.dims), atol=1e-6)
    span = found["value_high"] - found["value_low"]
    moved = found["value"].sel(model="turns") - found["value"].sel(model=NONE)
    drift = found["change"].sel(question=DRIFT, model="turns")
    xs = (moved / span).transpose(*drift.dims)
    np.testing.assert_allclose(drift.where(drift.notnull()), xs.where(drift.notnull()), atol=1e-9)


def test_one_checkpoint_says_nothing_about_training(small: Subjects) -> None:  # noqa: F811
    with pytest.raises(UserError, match="at least 2 checkpoints"):
        reflect_at_checkpoints(small, [], CONFIG)
