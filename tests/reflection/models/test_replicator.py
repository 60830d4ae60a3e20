"""The replicator against closed forms (numbered as in the validation list of the design)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.reflection import values
from shardsim.reflection.models.problem import shares
from shardsim.reflection.models.replicator import fitness, replicate
from tests.reflection.forks import fork, softmax

DISCOUNT = 0.5
HEIGHT = DISCOUNT ** np.array([1, 2])  # h of the two goals: a ratio of 2


def run_fork(weights, judges="frozen", sigma=None, steps=4, rate=1e-3):
    """The replicator on the exact fork, its endorsements by solving the tables."""
    world = fork((1, 2))

    def fitness_of(weights, judging):
        part = np.zeros((1, 4, 2, 2))
        part[0, 0] = np.diag(weights * HEIGHT)
        matrix = values.endorsement(world, softmax(part.sum(-1)), part, np.eye(2), DISCOUNT)
        return fitness(judging, matrix[0])

    def judges_of(weights):
        return shares(weights * HEIGHT) if sigma is None else np.asarray(sigma)

    return replicate(weights, fitness_of, judges_of, rate=rate, steps=steps, judges=judges)


def test_case_16_the_replicator_equals_its_closed_form():
    weights, sigma, rate = np.array([1.2, 0.7]), np.array([0.4, 0.6]), 0.3
    path = run_fork(weights, sigma=sigma, steps=6, rate=rate)
    expected = [weights]
    for _ in range(6):
        chance = 1 / (1 + np.exp(-(weights * HEIGHT) @ [1, -1]))
        pull = sigma[0] * HEIGHT[0] - sigma[1] * HEIGHT[1]
        gain = weights * HEIGHT * chance * (1 - chance) * pull * np.array([1, -1])
        weights = weights * np.exp(rate * gain)
        expected.append(weights)
    assert path.weights == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize(("share", "grows"), [(1 / 3 - 1e-6, False), (1 / 3 + 1e-6, True)])
def test_case_16_frozen_judges_part_where_sigma_h_is_equal(share, grows):
    path = run_fork(np.array([1.0, 1.0]), sigma=[share, 1 - share])
    assert (path.weights[-1, 0] > 1.0) == grows
    assert (path.weights[-1, 1] < 1.0) == grows


@pytest.mark.parametrize(("ratio", "grows"), [(4 - 1e-5, True), (4 + 1e-5, False)])
def test_case_16_refreshed_judges_part_where_w_h_squared_is_equal(ratio, grows):
    path = run_fork(np.array([1.0, ratio]), judges="refreshed", steps=1)
    assert (path.weights[-1, 0] > 1.0) == grows


def test_case_1_disjoint_shards_leave_each_other_alone():
    matrix, sigma = np.diag([0.4, 0.7]), np.array([1.0, 0.0])
    free = replicate(
        np.array([0.5, 0.5]), lambda w, s: fitness(s, matrix), lambda w: sigma, rate=0.1, steps=9
    )
    tied = replicate(
        np.array([0.5, 0.5]),
        lambda w, s: fitness(s, matrix),
        lambda w: sigma,
        rate=0.1,
        steps=9,
        normalised=True,
    )
    assert (free.weights[:, 1] == 0.5).all()
    odds = np.log(tied.weights[:, 0] / tied.weights[:, 1])
    assert np.diff(odds) == pytest.approx(0.1 * 0.4 * np.ones(9), abs=1e-12)


@given(loss=st.floats(0.1, 5), gain=st.floats(0.1, 5), away=st.floats(0.01, 0.5))
def test_case_2_a_dominated_shard_dies_below_its_threshold(loss, gain, away):
    """It costs the other L and earns itself B: it grows where its share exceeds L/(L+B)."""
    matrix = np.array([[0.0, -loss], [0.0, gain]])
    threshold = loss / (loss + gain)
    for share, grows in (
        (threshold * (1 - away), False),
        (threshold + away * (1 - threshold), True),
    ):
        sigma = np.array([1 - share, share])
        path = replicate(
            np.ones(2), lambda w, s: fitness(s, matrix), lambda w, s=sigma: s, rate=0.1, steps=3
        )
        assert (path.weights[-1, 1] > 1) == grows
        assert path.weights[-1, 0] == 1.0


def test_case_3_symmetric_shards_lock_in_at_the_predicted_time():
    """dx/dt = (a−b) x(1−x)(2x−1); from .55 to .99 with a − b = .7 takes 11.1195."""
    matrix, rate = np.array([[1.0, 0.3], [0.3, 1.0]]), 1e-3
    path = replicate(
        np.array([0.55, 0.45]),
        lambda w, s: fitness(s, matrix),
        shares,
        rate=rate,
        steps=12_000,
        judges="refreshed",
        normalised=True,
    )
    time = rate * np.searchsorted(path.weights[:, 0], 0.99)
    assert time == pytest.approx(11.1195, abs=5e-3)


def test_case_3_mutual_endorsement_makes_the_even_split_stable():
    matrix = np.array([[0.3, 1.0], [1.0, 0.3]])
    path = replicate(
        np.array([0.9, 0.1]),
        lambda w, s: fitness(s, matrix),
        shares,
        rate=0.1,
        steps=600,
        judges="refreshed",
        normalised=True,
    )
    assert path.weights[-1] == pytest.approx([0.5, 0.5], abs=1e-6)


def test_case_15_rock_paper_scissors_turns_at_its_period_and_spirals_out():
    """Period 2π√3 near the centre; the product of the weights falls under discrete steps."""
    matrix, rate = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]), 1e-3
    steps = round(2 * np.pi * np.sqrt(3) / rate)
    path = replicate(
        np.array([0.34, 0.33, 0.33]),
        lambda w, s: fitness(s, matrix),
        shares,
        rate=rate,
        steps=steps,
        judges="refreshed",
        normalised=True,
    )
    away = np.abs(path.weights - 1 / 3).max(1)
    assert np.abs(path.weights[-1] - path.weights[0]).max() < 0.02 * away[0]
    assert (np.diff(path.weights.prod(1)) <= 1e-15).all()


def test_shares_of_nothing_are_even():
    assert shares(np.zeros(4)) == pytest.approx(np.full(4, 0.25))


def test_a_weight_of_zero_is_refused():
    with pytest.raises(UserError, match="above 0"):
        run_fork(np.array([0.0, 1.0]))
