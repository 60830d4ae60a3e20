"""Faults that are really injected are found in their own section, from what a run keeps."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent import evaluation as evaluation_section
from shardsim.agent import loss as loss_section
from shardsim.agent import rollout as rollout_section
from shardsim.agent.components import DEFAULT_COMPONENTS, SECTIONS
from shardsim.base.errors import UserError
from shardsim.diagnosis import diagnose
from shardsim.diagnosis.evidence import label_of
from shardsim.diagnosis.faults import FAULTS, inject

pytestmark = pytest.mark.slow

HINTS = {
    "reward-sign-flipped": "it is -1 times what it should be",
    "time-outs-as-terminal": "time-outs count as terminal",
    "wrong-discount": "discount 0.9 instead of 0.97",
    "observation-transposed": "learning sees it rows and columns exchanged",
    "moves-swapped": "north is carried out as east; east is carried out as north",
}


def test_seven_faults_are_declared_and_each_replaces_one_component():
    assert len(FAULTS) == 7
    assert set(SECTIONS) == set(DEFAULT_COMPONENTS._fields) and len(SECTIONS) == 10
    for fault in FAULTS.values():
        changed = fault.inject(DEFAULT_COMPONENTS)
        different = [
            name
            for name in SECTIONS
            if getattr(changed, name) is not getattr(DEFAULT_COMPONENTS, name)
        ]
        assert different == [fault.section]
        assert fault.world in ("no-update", "wrong-code")


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_is_found_in_its_section(trained, name):
    fault = FAULTS[name]
    found = diagnose(trained(fault.inject(DEFAULT_COMPONENTS)))
    assert found.label == label_of(fault.world, fault.section, None)
    assert set(found.seeds) == {found.label}
    assert any(row.disagrees and row.section in (fault.section, "") for row in found.evidence)
    if name in HINTS:
        assert HINTS[name] in {row.note for row in found.evidence if row.disagrees}


@pytest.mark.parametrize("name", ["update-never-applied", "clip-norm-zero"])
def test_weights_alone_show_that_nothing_moved(trained, name):
    fault = FAULTS[name]
    found = diagnose(trained(fault.inject(DEFAULT_COMPONENTS)).behaviour_only())
    assert found.label == "no-update(update)"
    assert found.tier == "W+B"
    assert found.notes


def mixed_axes(trajectory, advantage):
    """Rows of actions in one order and of advantages in the other: an old favourite."""
    right = rollout_section.rollout(trajectory, advantage)
    return right._replace(advantages=advantage.advantages.T.reshape(-1))


def no_value_loss(output, batch, coefficients):
    """A loss that forgets its value term."""
    return loss_section.loss(output, batch, coefficients._replace(value=jnp.float32(0.0)))


def doubled(env, policy, levels, discount):
    """An evaluation that reports twice what is achieved."""
    exact = evaluation_section.evaluation(env, policy, levels, discount)
    return exact._replace(achieved=2.0 * exact.achieved)


def test_faults_that_no_list_holds_are_found_and_the_first_in_the_dataflow_is_named(trained):
    both = DEFAULT_COMPONENTS._replace(loss=no_value_loss, evaluation=doubled)
    found = diagnose(trained(both))
    assert found.label == "wrong-code(loss)"
    wrong = {row.section for row in found.evidence if row.disagrees}
    assert {"loss", "evaluation"} <= wrong
    logged = next(row for row in found.evidence if row.section == "evaluation")
    np.testing.assert_allclose(logged.measured, 2 * logged.exact, rtol=1e-4)
    assert diagnose(trained(DEFAULT_COMPONENTS._replace(rollout=mixed_axes))).section == "rollout"


def test_an_unknown_fault_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="wrong-discount"):
        inject("wrong-discont", DEFAULT_COMPONENTS)
    assert inject("wrong-discount", DEFAULT_COMPONENTS) != DEFAULT_COMPONENTS
