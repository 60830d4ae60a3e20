"""Runs without a fault: nothing is accused, and the worlds that are left are told apart."""

from __future__ import annotations

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.train import train
from shardsim.base.errors import UserError
from shardsim.diagnosis import diagnose, of_chunks
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.diagnose import MEASUREMENTS, measure
from shardsim.env.registry import make

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(sound):
    return diagnose(sound)


def test_a_sound_run_is_accused_of_nothing_at_either_tier(sound, found):
    assert {row.measurement for row in found.evidence if row.section} >= {
        measurement.name for measurement in MEASUREMENTS
    }
    assert not any(row.disagrees for row in found.evidence)
    # So few updates teach a little or nothing.
    assert set(found.seeds) <= {"undertrained", "unknown"}
    assert not any(row.disagrees for row in diagnose(sound.behaviour_only()).evidence)


def test_what_a_sound_run_measures_lies_far_within_the_tolerances(sound):
    for pairs in measure(sound).values():
        for measurement in MEASUREMENTS:
            gap = float(np.max(pairs[measurement.name].gap))
            assert gap == 0 or gap < measurement.tolerance / 3


def test_the_reward_is_in_a_sound_gradient_exactly_once(found):
    part = next(row for row in found.evidence if row.measurement.startswith("reward's part"))
    assert part.measured == pytest.approx(1.0, abs=1e-3)
    assert part.gap < 1e-3


def test_a_diagnosis_is_plain_json_and_a_table(found):
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["world"] == found.world and plain["tier"] == "T"
    assert sum(plain["probabilities"].values()) == pytest.approx(1.0)
    text = str(found)
    assert text.startswith(found.label)
    assert all(row.measurement in text for row in found.evidence)
    shown = [row.exact for row in found.evidence]
    assert any(map(math.isnan, shown)) and "nan" not in text


def test_the_same_artefacts_give_the_same_diagnosis(sound, found):
    assert str(diagnose(sound)) == str(found)


def test_parameters_that_are_no_numbers_fit_no_world(sound):
    last = max(sound.checkpoints)
    broken = jax.tree.map(
        lambda leaf: jnp.full_like(leaf, jnp.nan), sound.checkpoints[last].parameters
    )
    kept = {**sound.checkpoints, last: sound.checkpoints[last]._replace(parameters=broken)}
    assert diagnose(sound._replace(checkpoints=kept, records={}, returns={})).world == "unknown"


def test_a_run_without_training_is_refused(sound):
    with pytest.raises(UserError, match="checkpoint"):
        diagnose(sound._replace(checkpoints={0: sound.checkpoints[0]}))


@pytest.mark.slow
def test_an_agent_trained_near_the_corner_is_misled_by_the_corner():
    env = make("cheese-corner", height=7, width=7, max_steps=32)
    config = TrainConfig(
        seeds=1,
        total_steps=120_000,
        checkpoints=3,
        bank_levels=1024,
        evaluation_levels=4,
        learning_rate=3e-3,
        network=NetworkConfig(widths=(48,)),
    )
    kept = of_chunks(env, config, train(config, jax.random.key(0), env=env))
    found = diagnose(kept.behaviour_only(), DiagnoseConfig(optimal=0.75))
    assert found.label == "representation(corner)"
    first = {row.measurement: row.measured for row in found.evidence}
    assert first["corner entered first, target levels"] > 0.1
    assert first["cheese entered first, target levels"] < -0.1
    # The same agent where more is asked of it in training is not trained enough.
    assert diagnose(kept.behaviour_only(), DiagnoseConfig(optimal=1.0)).world == "undertrained"
