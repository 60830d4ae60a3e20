"""Teaching ends where the network is as near to its rule as was asked, and says where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted import teaching
from shardsim.bench.planted.teaching import Lessons, taught

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lessons(corner_env):
    """Thirty walls and agents anywhere, and what to do in each."""
    rng = np.random.default_rng(0)
    shape = (30, corner_env.height, corner_env.width, len(corner_env.observation_channels))
    observations = (rng.random(shape) < 0.3).astype(np.float32)
    return Lessons(observations, 2.0 * rng.normal(size=(30, corner_env.num_actions)))


def gap_of(agent, lessons):
    """Bits by which an agent misses the lessons, written out."""
    logits = np.asarray(agent.policy(lessons.observations), np.float64)
    own, truth = (x - np.log(np.exp(x).sum(1, keepdims=True)) for x in (logits, lessons.logits))
    return float((np.exp(truth) * (truth - own)).sum(1).mean() / np.log(2))


def test_a_network_is_kept_as_it_passes_each_gap(corner_env, lessons):
    rungs = taught(corner_env, lessons, lessons, (0.05, 0.2), seed=1)
    assert [one.asked for one in rungs] == [0.2, 0.05]
    assert all(one.reached and one.gap <= one.asked for one in rungs)
    assert rungs[0].steps <= rungs[1].steps
    for one in rungs:
        assert gap_of(one.agent, lessons) == pytest.approx(one.gap, abs=1e-4)


def test_the_same_seed_teaches_the_same_network(corner_env, lessons):
    first, again = (taught(corner_env, lessons, lessons, (0.2,), seed=2)[0] for _ in range(2))
    assert first.gap == again.gap
    assert taught(corner_env, lessons, lessons, (0.2,), seed=3)[0].gap != first.gap


def test_a_gap_out_of_reach_is_said_to_be(corner_env, lessons):
    (one,) = taught(corner_env, lessons, lessons, (1e-9,), most_steps=teaching.CHUNK)
    assert not one.reached and one.gap > one.asked and one.steps == teaching.CHUNK
    assert gap_of(one.agent, lessons) == pytest.approx(one.gap, abs=1e-4)
