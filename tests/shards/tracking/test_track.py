"""The track of networks built by hand: first they want the corner only, then the cheese too."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.tracking.track import check_points, track_shards
from tests.shards.built import CONFIG, parameters_of, stacked

pytestmark = pytest.mark.slow

CHEESE, CORNER = 0, 2


@pytest.fixture(scope="module")
def track(agents, found):
    """Their way from untrained through corner only."""
    corner = stacked([parameters_of(agents.env, 0.0, 3.0)] * 2)
    moments = {"update": [0, 5, 9], "steps": [0, 500, 900]}
    return track_shards(
        agents, found, [agents.fresh, corner, agents.parameters], CONFIG, moments
    ).transpose("checkpoint", "seed", ...)


def test_the_track_ends_where_identification_stands(found, track):
    cheese, corner = (track["shard_name"].values.tolist().index(n) for n in ("cheese", "corner"))
    share = track["share"].values
    total = track["share"].sum("shard") + track["rest_share"].sum("rest")
    np.testing.assert_allclose(total, 1.0)
    assert (share[1, :, cheese] < 0.05).all()  # the cheese is not wanted yet
    assert (share[1, :, corner] > 2 * share[1, :, cheese]).all()
    np.testing.assert_allclose(share[2], found.shares, atol=0.15)
    mean, ends = track["share"].mean("seed"), track["share_interval"]
    assert ((ends.sel(end="low") <= mean) & (mean <= ends.sel(end="high"))).all()
    assert track["update"].values.tolist() == [0, 5, 9]


def test_separate_fits_agree_where_there_is_something(track):
    cosine = track["match_cosine"].values
    assert np.isnan(cosine[1]).all()  # two checks: the first and the last checkpoint
    assert (cosine[2] > 0.9).all()
    assert np.isnan(track["separate_shards"].values[1]).all()
    assert (track["separate_shards"].values[2] == 2).all()


def test_checks_are_spread_and_end_at_the_end():
    assert check_points(18, 4) == [0, 6, 11, 17]
    assert check_points(3, 9) == [0, 1, 2]
    assert check_points(5, 0) == []
