"""What holds of every model of reflection, whatever the gains: symmetries, bounds and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.reflection.models import bargain
from shardsim.reflection.models.agenda import borda, majority, unanimity
from shardsim.reflection.models.bargain import egalitarian, kalai_smorodinsky, nash
from shardsim.reflection.models.choice import (
    additive_bids,
    auction,
    least_worst_unhappiness,
    tolerated,
)
from shardsim.reflection.models.contract import believed
from shardsim.reflection.models.iterate import add, merge, reflect
from shardsim.reflection.models.presets import PRESETS, preset
from shardsim.reflection.models.problem import Outcome, among, distinct, problem, shares
from shardsim.reflection.models.replicator import endorsements, fitness, flow, replicate
from shardsim.reflection.models.systematise import Aims, systematise

BARGAINS = {
    "Nash bargain": nash,
    "Kalai–Smorodinsky": kalai_smorodinsky,
    "egalitarian": egalitarian,
}
FROM_QUO = {"unanimity": unanimity, "voting": majority}  # whose option 0 is to stay
CHOICES = {
    "additive bids": additive_bids,
    "walk": least_worst_unhappiness,
    "auction": auction,
    "Borda count": borda,
    "bounded modifier": tolerated,
}
ALL = BARGAINS | FROM_QUO | CHOICES
SEEDS = st.integers(0, 2**31)


def draw(seed, shards=3, options=4):
    """A problem in which every shard can gain, option 0 being to stay."""
    rng = np.random.default_rng(seed)
    gains = np.column_stack([np.zeros(shards), rng.uniform(0.1, 2, (shards, options - 1))])
    return problem(gains, rng.dirichlet(np.full(shards, 2.0)))


def rows(lotteries):
    """Rows in an order that does not depend on who made them."""
    return np.array(sorted(np.round(lotteries, 6).tolist()))


@pytest.mark.parametrize("name", ALL)
@given(seed=SEEDS)
def test_names_of_shards_do_not_matter(name, seed):
    posed = draw(seed)
    order = np.random.default_rng(seed).permutation(3)
    turned = problem(posed.gains[order], posed.judges[order])
    assert rows(ALL[name](turned).lotteries) == pytest.approx(
        rows(ALL[name](posed).lotteries), abs=1e-5
    )


@pytest.mark.parametrize("name", BARGAINS | CHOICES)
@given(seed=SEEDS)
def test_names_of_options_do_not_matter(name, seed):
    posed = draw(seed)
    order = np.random.default_rng(seed).permutation(4)
    turned = ALL[name](problem(posed.gains[:, order], posed.judges)).lotteries
    found = ALL[name](posed).lotteries[:, order]
    assert rows(turned) == pytest.approx(rows(found), abs=1e-5)


@pytest.mark.parametrize("name", ["additive bids", *BARGAINS, "Borda count"])
@given(seed=SEEDS)
def test_what_is_worse_for_all_is_never_chosen(name, seed):
    posed = draw(seed)
    worse = np.column_stack([posed.gains, posed.gains[:, -1] - 0.05])
    assert 4 not in ALL[name](problem(worse, posed.judges)).options


@pytest.mark.parametrize("name", [*BARGAINS, "unanimity"])
@given(seed=SEEDS)
def test_nobody_ends_below_the_status_quo(name, seed):
    rng = np.random.default_rng(seed)
    posed = problem(np.column_stack([np.zeros(3), rng.normal(size=(3, 4))]))
    assert ALL[name](posed).payoffs(posed).min() >= -1e-7


@given(seed=SEEDS)
def test_the_nash_bargain_meets_the_conditions_of_its_optimum(seed):
    """Σ_k α_k G_km / u_k ≤ 1 for every option, with equality for those that are used."""
    posed = draw(seed, shards=4, options=7)
    lottery = nash(posed).lotteries[0]
    price = (posed.judges / (posed.gains @ lottery)) @ posed.gains
    assert price.max() <= 1 + 1e-9
    assert price[lottery > 1e-6] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("name", "holds"), [("Nash bargain", True), ("Kalai–Smorodinsky", True),
                                             ("egalitarian", False)])  # fmt: skip
def test_units_of_one_shard(name, holds):
    posed = problem(np.diag([2.0, 1.0]), [0.4, 0.6])
    other = problem(np.diag([14.0, 1.0]), [0.4, 0.6])
    same = ALL[name](posed).lotteries == pytest.approx(ALL[name](other).lotteries)
    assert same == holds


@given(seed=SEEDS, units=st.floats(1e-6, 1e6))
def test_common_units_never_matter(seed, units):
    posed = draw(seed)
    scaled = problem(units * posed.gains, posed.judges)
    for name, accept in ALL.items():
        found, expected = accept(scaled).lotteries, accept(posed).lotteries
        assert rows(found) == pytest.approx(rows(expected), abs=1e-5), name


def test_max_min_gives_more_where_the_least_can_rise_no_more():
    """Shard 3 can have 1 or 5 at no cost to the others: it has 5."""
    posed = problem([[1.0, 1.0, 0], [1.0, 1.0, 0], [1.0, 5.0, 0]])
    assert egalitarian(posed).lotteries == pytest.approx(np.array([[0, 1.0, 0]]), abs=1e-7)


def test_every_branch_of_a_tie_is_kept():
    twins = problem([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.4, 0.6])
    assert rows(nash(twins).lotteries) == pytest.approx(np.array([[0, 0.4, 0.6], [0.4, 0, 0.6]]))
    assert additive_bids(problem([[1.0, 1.0, 0.5]])).options == (0, 1)
    assert majority(problem([[0.0, 1.0], [0.0, -1.0]])).options == (0, 1)
    assert unanimity(problem([[0.0, 0.0], [0.0, 0.0]])).options == (0, 1)


def test_a_shard_that_does_not_judge_has_no_say():
    posed = problem([[0.0, 1.0], [0.0, -9.0]], [1.0, 0.0])
    for name, accept in ALL.items():
        assert 1 in accept(posed).options, name
    assert among(np.array([0.5, 0.25, 0.25]), np.array([False, True, True])) == pytest.approx(
        [0, 0.5, 0.5]
    )


def test_reflection_with_endorsements_is_the_replicator():
    matrix = np.array([[0.4, -0.1], [-0.3, 0.2]])
    start = np.array([0.7, 0.3])
    path = reflect(
        start, lambda now, judging: problem(matrix, shares(judging)), endorsements,
        add(np.eye(2), 0.1), steps=6, refreshed=True,
    )  # fmt: skip
    known = replicate(
        start, lambda w, s: fitness(s, matrix), shares, rate=0.1, steps=6, judges="refreshed"
    ).weights
    assert np.concatenate(path) == pytest.approx(known, abs=1e-14)


def test_branches_go_on_apart_and_meet_again():
    """Growing either of two alike is a tie: after two steps three different weights."""
    path = reflect(
        np.ones(2), lambda now, judging: problem(np.eye(2)), additive_bids,
        add(np.log(2) * np.eye(2)), steps=2,
    )  # fmt: skip
    assert [len(one) for one in path] == [1, 2, 3]
    assert rows(path[-1]) == pytest.approx(np.array([[1, 4], [2, 2], [4, 1]]))


def test_where_nothing_is_agreed_nothing_is_written():
    path = reflect(np.array([2.0, 1.0]), lambda now, by: problem([[0, 1], [0, -1]]), nash, merge)
    assert path[-1] == pytest.approx(np.array([[2.0, 1.0]]))


def test_the_flow_is_the_limit_of_small_steps():
    matrix, start = np.array([[0.5, -0.2], [0.1, 0.3]]), np.array([1.0, 2.0])
    game = lambda w, s: fitness(s, matrix) * w  # noqa: E731
    limit = flow(start, game, shares, np.array([1.0]), judges="refreshed")
    near = [
        replicate(start, game, shares, rate=1 / n, steps=n, judges="refreshed").weights[-1]
        for n in (200, 400)
    ]
    assert 2 * near[1] - near[0] == pytest.approx(limit[0], abs=1e-5)


def test_systematisation_keeps_what_costs_least():
    """One theory fits nothing but is simple, another gives every commitment."""
    held, theories = np.array([1, 0, 1, 1]), np.array([[0, 0, 0, 0], [1, 0, 1, 1]])
    ends = systematise(held, theories, [1.0, 0.2], Aims(1.0, 0.1, 0.2))
    assert [end.theory for end in ends] == [1]
    assert ends[0].commitments.tolist() == held.tolist()


def test_presets_have_the_thirteen_codes_and_speak_of_what_they_cannot_do():
    assert {model.code for model in PRESETS.values()} == {f"A{n}" for n in range(1, 14)}
    posed = problem(np.eye(2), [0.3, 0.7])
    assert preset("Nash bargain")(posed).lotteries == pytest.approx(np.array([[0.3, 0.7]]))
    assert preset("meta-tool drift")(posed).options == (1,)
    with pytest.raises(UserError, match="systematise"):
        preset("systematisation")(posed)
    with pytest.raises(UserError, match="did you mean 'Nash bargain'"):
        preset("Nash bargin")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: problem([1.0, 2.0]), "one row a shard"),
        (lambda: problem(np.eye(2), [1.0]), "judges must be 2 numbers"),
        (lambda: problem(np.eye(2), [1.0, -1.0]), "judges must be 0 or more"),
        (lambda: problem([[np.inf, 0.0]]), "must be finite"),
        (lambda: unanimity(problem(np.zeros((2, 9)))), "give `orders`"),
        (lambda: believed(np.ones(2), np.zeros((1, 2))), "impossible"),
        (lambda: systematise([0] * 20, np.ones((1, 20), int), [1.0], Aims(1, 1, 1)), "differ"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, says):
    with pytest.raises(UserError, match=says):
        call()


def test_rows_that_are_nearly_one_are_one():
    found = distinct(np.array([[0.0, 1.0], [1e-9, 1.0], [0.5, 0.5]]))
    assert found.tolist() == [[0.0, 1.0], [0.5, 0.5]]
    assert Outcome(np.zeros((0, 2))).payoffs(problem(np.eye(2))).tolist() == [[0.0, 0.0]]
    assert bargain.merged_weights(problem(np.eye(2)), np.array([0.5, 0.5])).tolist() == [0.5, 0.5]
