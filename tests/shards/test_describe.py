"""Shards in words: the numbers decide what is said."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.describe import describe, pushes, where_active, youden

CONCEPTS = ("cheese", "decoy", "corner")


@pytest.fixture
def covariates():
    """Random distances, sight and rows of 400 contexts."""
    rng = np.random.default_rng(0)
    found = {f"distance_{o}": rng.integers(1, 12, 400).astype(float) for o in CONCEPTS}
    found |= {f"sees_{o}": rng.integers(0, 2, 400).astype(float) for o in CONCEPTS}
    return found | {"row": rng.integers(0, 7, 400).astype(float), "thirst": rng.uniform(size=400)}


def test_a_near_gate_is_within_steps_and_its_concept_is_it(covariates):
    gate = 2.0 * (covariates["distance_cheese"] <= 4)
    said = describe(gate[:, None], np.array([[1.0, 0.0, 0.1]]), CONCEPTS, covariates, np.ones(400))
    assert said == ["active within 4 steps of the cheese; pushes toward it"]


def test_one_step_is_said_in_the_singular(covariates):
    gate = (covariates["distance_cheese"] <= 1).astype(float)
    assert where_active(gate, CONCEPTS, covariates, np.ones(400)).endswith("1 step of the cheese")


def test_a_flat_gate_is_everywhere(covariates):
    gate = np.full(400, 1.5)
    assert where_active(gate, CONCEPTS, covariates, np.ones(400)) == "active everywhere"
    assert where_active(0 * gate, CONCEPTS, covariates, np.ones(400)) == "never active"


def test_position_and_drives_can_be_said(covariates):
    gate = (covariates["row"] <= 2).astype(float)
    said = where_active(gate, CONCEPTS, covariates, np.ones(400))
    assert said == "active where row is at most 2"


def test_a_gate_without_a_clear_place_is_a_part_of_the_contexts(covariates):
    gate = (np.random.default_rng(1).uniform(size=400) < 0.5).astype(float)
    said = where_active(gate, CONCEPTS, covariates, np.ones(400))
    assert said.startswith("active in ")
    assert "% of contexts" in said


def test_preferences_are_said_largest_first_and_signed():
    assert pushes(np.array([0.8, 0.0, 0.6]), CONCEPTS) == "pushes toward the cheese and the corner"
    assert pushes(np.array([0.6, -0.8, 0.0]), CONCEPTS) == (
        "pushes toward the cheese and away from the decoy"
    )
    assert pushes(np.array([0.99, 0.1, 0.0]), CONCEPTS) == "pushes toward the cheese"
    assert pushes(np.array([0.0, -1.0, 0.0]), CONCEPTS, "within 2 steps of the decoy") == (
        "pushes away from it"
    )


def test_youden_is_one_for_the_right_region_and_zero_for_all():
    active = np.array([True, True, False, False])
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    assert youden(active, active, weight) == 1.0
    assert youden(~active, active, weight) == -1.0
    assert youden(np.ones(4, bool), active, weight) == 0.0
