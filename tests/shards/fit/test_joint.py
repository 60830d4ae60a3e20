"""One dictionary over several agents, and gates under a given dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.planted import rules
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.shards.fit.joint import fit_gates, fit_shared
from shardsim.shards.fit.structure import find_structure

pytestmark = pytest.mark.slow

PREFERENCES = np.array([[1.0, 0.0, 0.0], [0.0, 0.28, 0.96]])


def decisions(mazes, strengths, seed):
    spec = PlantedSpec(
        kind="shards",
        concepts=mazes.concepts,
        gates=(PlantedGate("near", 0, threshold=3), PlantedGate("constant")),
        preferences=tuple(tuple(row) for row in PREFERENCES),
        strengths=strengths,
        habit=(0.0,) * 4,
        noise=0.2,
        seed=seed,
    )
    logits = rules.planted_logits(spec, mazes.covariates, mazes.advantages, mazes.blocked)
    return spec, mazes.decisions(logits)


def test_agents_of_different_strength_share_the_planted_dictionary(mazes):
    datas = [decisions(mazes, s, i)[1] for i, s in enumerate([(3.0, 1.0), (1.5, 2.0), (2.0, 0.0)])]
    shared = fit_shared([find_structure(data) for data in datas])
    assert shared.shape == (2, 3)
    np.testing.assert_allclose(np.linalg.norm(shared, axis=1), 1.0, atol=1e-9)
    assert (PREFERENCES @ shared.T).max(1).min() > 0.98


def test_gates_under_the_true_dictionary_are_the_planted_ones(mazes):
    spec, data = decisions(mazes, (3.0, 1.0), 7)
    found = fit_gates(PREFERENCES, data)
    truth = rules.planted_gates(spec, mazes.covariates)
    assert (np.abs(found.gates - truth).mean(0) / truth.mean(0) < 0.15).all()
    np.testing.assert_array_equal(found.preferences, PREFERENCES)


def test_a_shard_that_an_agent_lacks_gets_no_gate(mazes):
    _, data = decisions(mazes, (3.0, 0.0), 8)
    gates = fit_gates(PREFERENCES, data).gates.mean(0)
    assert gates[1] < 0.03 * gates[0]


def test_an_empty_dictionary_leaves_habit_and_affordance(mazes):
    _, data = decisions(mazes, (0.0, 0.0), 9)
    assert fit_shared([find_structure(data)]).shape == (0, 3)
    found = fit_gates(np.zeros((0, 3)), data)
    assert found.gates.shape == (len(data.logits), 0)
    assert abs(found.affordance.mean() + 2.0) < 0.2


def test_no_agent_and_a_wrong_dictionary_are_refused(mazes):
    with pytest.raises(UserError, match="at least one"):
        fit_shared([])
    with pytest.raises(UserError, match="instead"):
        fit_gates(np.ones((2, 5)), decisions(mazes, (1.0, 1.0), 0)[1])
