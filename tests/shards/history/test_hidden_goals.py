"""Exact recursions against enumeration, EM against its promise, and goals that are known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from shardsim.shards.fit.data import level_folds
from shardsim.shards.history import hidden_goals, selection
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
    even = np.array([0.5, 0.5])
    model = HiddenGoals(STATIONARY, np.eye(2), np.arange(2), np.zeros(1), even, np.zeros((2, 2, 1)))
    assert hidden_goals.objective(model, given) == pytest.approx(
        hidden_goals.objective(model, short), abs=1e-9
    )


def chained(given: Sequences) -> HiddenGoals:
    """Three states, the first two of which want the same."""
    return hidden_goals.fit(given, 2, STATIONARY)._replace(
        goals=np.array([[2.8, 0.1], [0.0, 3.0], [3.2, 0.0]]),
        goal_of=np.arange(3),
        begin=np.full(3, 1 / 3),
        moves=2.0 * np.eye(3)[..., None],
    )


def test_states_that_share_a_goal_are_fitted_as_if_they_wanted_it_each():
    given, _ = drawn(0.9, episodes=30)
    apart = chained(given)
    shared = hidden_goals.tied(apart, 0, 2, np.array([3.0, 1.0, 1.0]))
    assert shared.goal_of.tolist() == [0, 1, 0] and shared.size == 3
    np.testing.assert_allclose(shared.goals, [[2.9, 0.075], [0.0, 3.0]], atol=1e-8)
    each = shared._replace(goals=shared.goals[shared.goal_of], goal_of=np.arange(3))
    np.testing.assert_allclose(
        hidden_goals.evidence(shared, given), hidden_goals.evidence(each, given), rtol=1e-12
    )
    np.testing.assert_allclose(
        hidden_goals.held(shared, given), hidden_goals.held(each, given) @ shared.wanting
    )
    last = -np.inf
    for _ in range(8):
        shared, value = hidden_goals.improved(shared, given)
        assert value >= last - 1e-8
        last = value
    assert len(shared.goals) == 2


def test_goals_that_cannot_be_told_apart_are_one():
    given, _ = drawn(0.9)
    fold = level_folds(given.level, selection.FOLDS, 0)
    three = hidden_goals.climb(chained(given), given, 10)[0]
    two, bits = selection._distinct(three, selection._held_out(three, given, fold), given, fold)
    assert (two.size, len(two.goals)) == (3, 2)
    again, same = selection._distinct(two, bits, given, fold)
    assert again is two and same is bits  # opposite goals are not even tried


def test_goals_that_are_hardly_ever_held_do_not_count():
    given, held = drawn(0.999, episodes=60, steps=20)
    assert 0.3 < held.mean() < 0.7
    found = selection.select(given, STATIONARY, most=2)
    assert found.goals == 2
    once = given.take(held.mean(1) < 0.01)
    assert selection.select(once, STATIONARY, most=2).goals == 1


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


def test_what_models_of_the_past_lose_on_the_twin_is_no_memory():
    given, _ = drawn(0.5, episodes=24, seed=1)
    level = np.zeros(4)
    found = memory_of(given, given, {"shards": (level + 9.0, level - 9.0)}, most=1)
    assert found.twin < -9 and found.saved.mean == 0 and not found.remembers


def test_a_twin_that_acts_like_the_agent_shows_that_nothing_is_remembered():
    """Goals that last, as a place would make them last, in the agent and in its twin alike."""
    given, _ = drawn(0.95, episodes=60)
    found = memory_of(given, given, most=2)
    assert found.raw > 0.05 and found.twin == pytest.approx(found.raw)
    assert found.saved.mean == pytest.approx(0) and not found.remembers


def test_means_of_levels_leave_out_what_was_not_decided():
    given, _ = drawn(0.9, episodes=12, steps=3)
    given.deciding[6:, 1:] = False
    values = np.tile([1.0, 4.0, 7.0], (12, 1))
    np.testing.assert_allclose(level_means(values, given), [4.0, 1.0])
