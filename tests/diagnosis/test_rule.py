"""The world rule on made-up evidence: every world, and the order in which they are tried."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.components import SECTIONS
from shardsim.diagnosis.behaviour import Behaviour
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.evidence import (
    Evidence,
    Measurement,
    Pair,
    collect,
    first_section,
    share,
    worst,
)
from shardsim.diagnosis.from_weights import Read
from shardsim.diagnosis.judge import returns_of
from shardsim.diagnosis.rule import Outcome, Returns, decide, misled_by, together

CONCEPTS = ("cheese", "decoy", "corner")
GOOD = Returns(0.2, 0.95, 0.93, np.array([0.0, 0.01, 0.02]))


def line(section: str, wrong: bool) -> Evidence:
    verdict = "disagrees" if wrong else "agrees"
    return Evidence("m", section, 1, 0, 0.0, 0.0, "1", float(wrong), 0.5, verdict)


MOVED, STILL = line("", False), line("", True)


def label(movement=MOVED, checked=(), parts=(), returns=GOOD, **options) -> str:
    return decide(movement, checked, parts, returns, CONCEPTS, DiagnoseConfig(), **options).label


def test_a_run_with_nothing_wrong_is_healthy():
    assert label(checked=[line(section, False) for section in SECTIONS]) == "healthy"


def test_no_movement_comes_before_everything_else():
    assert label(STILL, [line("reward", True)]) == "no-update(reward)"
    assert label(STILL) == "no-update(update)"


def test_movement_without_the_reward_is_no_update():
    without = Pair(0.001, 1.0, 0.01)
    assert label(parts=[without, without]) == "no-update(loss)"
    assert label(parts=[without, Pair(1.0, 1.0, 0.0)]) == "healthy"
    # A gradient that its terms do not explain says nothing about them.
    assert label(parts=[Pair(0.001, 1.0, 0.9)]) == "healthy"


@pytest.mark.parametrize("first", range(len(SECTIONS)))
def test_the_first_section_in_the_dataflow_is_accused(first):
    rows = [line(section, number >= first) for number, section in enumerate(SECTIONS)]
    assert first_section(rows[::-1]) == SECTIONS[first]
    assert label(checked=rows[::-1]) == f"wrong-code({SECTIONS[first]})"


def test_near_optimal_in_training_only_is_a_representation_with_a_name():
    failing = GOOD._replace(target=0.3, excess=np.array([-0.6, 0.1, 0.5]))
    assert label(returns=failing) == "representation(corner)"
    unnamed = failing._replace(excess=np.array([-0.6, 0.01, 0.02]))
    assert label(returns=unnamed) == "representation"
    assert misled_by(np.array([0.0, 0.3, 0.1]), CONCEPTS, 0.05) == "decoy"


def test_not_optimal_in_training_is_undertrained_before_representation():
    early = Returns(0.2, 0.6, 0.1, np.array([-0.6, 0.0, 0.6]))
    assert label(returns=early) == "undertrained"


def test_what_fits_nothing_is_unknown():
    assert label(returns=GOOD._replace(untrained=0.3, trained=0.31)) == "unknown"
    assert label(finite=False) == "unknown"


def test_most_seeds_decide_and_probabilities_are_theirs():
    healthy, corner = Outcome("healthy"), Outcome("representation", None, "corner")
    best, chances = together([corner, healthy, corner])
    assert best == corner
    assert sum(chances.values()) == pytest.approx(1.0)
    assert max(chances, key=lambda name: chances[name]) == "representation(corner)"
    prior = 1 / len(chances)
    assert chances["healthy"] == pytest.approx((1 + prior) / 4)
    code = Outcome("wrong-code", "loss")
    assert together([healthy, code])[0] == code


def test_a_pair_shows_the_entry_that_is_furthest_off():
    pair = worst(jnp.array([1.0, 5.0, 2.0]), jnp.array([1.0, 2.0, 2.5]), 2.0)
    assert [float(part) for part in pair] == [5.0, 2.0, 1.5]
    assert float(worst(jnp.array([jnp.nan]), jnp.zeros(1)).gap) > 1e30
    assert [float(part) for part in share(jnp.array([True, False, False, True]))] == [0.5, 0, 0.5]


def test_of_all_phases_the_worst_is_shown():
    measurement = Measurement("m", "reward", "1", 0.1)

    def pair(gap):
        return Pair(np.zeros(2), np.zeros(2), np.array([gap, 0.0]))

    phases = {3: {"m": pair(0.0)}, 9: {"m": pair(0.4)}, 20: {"m": pair(0.2)}}
    (first,) = collect([measurement], phases, 0)
    assert (first.phase, first.verdict, first.gap) == (9, "disagrees", 0.4)
    assert collect([measurement], phases, 1)[0].verdict == "agrees"


def test_where_all_is_cost_returns_are_parts_of_the_range_and_an_agent_can_be_healthy():
    def behaviour(achieved, optimum, worst):
        ends = [np.full(2, end, np.float32) for end in (optimum, worst)]
        nothing = np.zeros((2, 3), np.float32)
        return Behaviour(np.float32(achieved), *ends, np.zeros((2, 6)), nothing, nothing)

    start, end = behaviour([-2.5, -2.5], -0.5, -2.5), behaviour([-0.5, -1.5], -0.5, -2.5)
    read = Read({}, {}, start, end, behaviour([-0.7, -0.9], -0.7, -1.7))
    assert (read.ratio, read.unit) == (False, "of the range from worst to best")
    first, second = (returns_of(read, seed) for seed in (0, 1))
    np.testing.assert_allclose(first[:3], [0.0, 1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(second[:3], [0.0, 0.5, 0.8], atol=1e-6)
    assert (label(returns=first), label(returns=second)) == ("healthy", "undertrained")
    # Costs on target levels alone: both splits are told on one scale.
    won = read._replace(trained=behaviour([0.5, 0.5], 1.0, -1.0))
    assert not won.ratio
    both = won._replace(target=behaviour([0.5, 0.5], 2.0, -1.0))
    assert (both.ratio, both.unit) == (True, "of the optimum")
