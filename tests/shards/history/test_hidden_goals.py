"""Exact recursions against enumeration, EM against its promise, and goals that are known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from shardsim.shards.history import hidden_goals
from shardsim.shards.history.forward_backward import forward_backward
from shardsim.shards.history.hidden_goals import ANEW, STATE, STATIONARY, WHOLE, HiddenGoals
from shardsim.shards.history.memory import judged, memory_of
from shardsim.shards.history.sequences import Sequences, level_means

CHANGES = (WHOLE, STATIONARY, STATE, ANEW)


def drawn(stay: float, *, episodes=120, steps=12, seed=0) -> tuple[Sequences, np.ndarray]:
    """Two opposite goals over three actions, kept with chance `stay`; and which was held."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(episodes, steps, 3, 2))
    goals, held = np.array([[3.0, 0.0], [0.0, 3.0]]), rng.integers(2, size=(episodes, 1))
    turns = rng.random((episodes, steps - 1)) > stay
    held = np.concatenate([held, (held + turns.cumsum(1)) % 2], 1)
    logits = np.einsum("etap,etp->eta", own, goals[held])
    action = (logits + rng.gumbel(size=logits.shape)).argmax(-1)
    one = np.ones((episodes, steps, 1))
    features = np.concatenate([one, one * np.arange(steps)[:, None] / steps], -1)
    shared = np.zeros((episodes, steps, 3, 1))
    deciding = np.ones((episodes, steps), bool)
    return Sequences(own, shared, features, action, deciding, np.arange(episodes) // 6), held


def test_the_recursions_are_the_sum_over_all_paths():
    rng = np.random.default_rng(1)
    begin, change = rng.dirichlet(np.ones(3), 2), rng.dirichlet(np.ones(3), (2, 3, 3))
    logs = np.log(rng.uniform(0.05, 1, (2, 4, 3)))
    found = forward_backward(begin, change, logs)
    for episode in range(2):
        state, pair, total = np.zeros((4, 3)), np.zeros((3, 3, 3)), 0.0
        for path in product(range(3), repeat=4):
            chance = begin[episode, path[0]] * np.exp(logs[episode, np.arange(4), path].sum())
            for step in range(3):
                chance *= change[episode, step, path[step], path[step + 1]]
            total += chance
            state[np.arange(4), path] += chance
            for step in range(3):
                pair[step, path[step], path[step + 1]] += chance
        np.testing.assert_allclose(found.evidence[episode].sum(), np.log(total), rtol=1e-12)
        np.testing.assert_allclose(found.state[episode], state / total, rtol=1e-10)
        np.testing.assert_allclose(found.pair[episode], pair / total, rtol=1e-10)


@pytest.mark.parametrize("change", CHANGES)
def test_no_round_lowers_the_objective(change):
    given, _ = drawn(0.9, episodes=30)
    given.deciding[:10, 7:] = False  # episodes that end early
    model = hidden_goals._start(
        given, 3, change, np.random.default_rng(0), hidden_goals.fit(given, 1, change)
    )
    last = -np.inf
    for _ in range(15):
        model, value = hidden_goals.improved(model, given)
        assert value >= last - 1e-8
        last = value


def test_what_follows_an_end_changes_nothing():
    given, _ = drawn(0.9, episodes=20)
    given.deciding[:, 8:] = False
    short = Sequences(*(one[:, :8] for one in given[:5]), level=given.level)
    model = HiddenGoals(
        STATIONARY, np.eye(2), np.zeros(1), np.array([0.5, 0.5]), np.zeros((2, 2, 1))
    )
    assert hidden_goals.objective(model, given) == pytest.approx(
        hidden_goals.objective(model, short), abs=1e-9
    )


def test_goals_and_how_long_they_are_kept_are_found():
    given, _ = drawn(0.9, episodes=300)
    model = hidden_goals.fit(given, 2, STATIONARY)
    goals = model.goals[np.argsort(model.goals[:, 1])]
    np.testing.assert_allclose(goals, [[3.0, 0.0], [0.0, 3.0]], atol=0.35)
    stay = hidden_goals.change_of(model, given)[1][0, 0].diagonal()
    np.testing.assert_allclose(stay, 0.9, atol=0.04)


def test_memory_is_what_a_twin_without_it_lacks():
    given, _ = drawn(0.95)
    anew, _ = drawn(0.5, seed=1)
    twin, _ = drawn(0.5, seed=2)
    kept, none = (memory_of(one, twin, most=2) for one in (given, anew))
    assert kept.remembers and kept.saved.low > 0.05
    assert kept.models[STATIONARY].model.size == 2
    assert not none.remembers and abs(none.saved.mean) < 0.02
    assert judged("shards", True) == "cannot tell" and judged("shards", False) == "shards"


def test_means_of_levels_leave_out_what_was_not_decided():
    given, _ = drawn(0.9, episodes=12, steps=3)
    given.deciding[6:, 1:] = False
    values = np.tile([1.0, 4.0, 7.0], (12, 1))
    np.testing.assert_allclose(level_means(values, given), [4.0, 1.0])
