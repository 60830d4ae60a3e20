"""Verdicts on made-up bits, where the right answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.statistics import Interval
from shardsim.shards.fit.selection import choose
from shardsim.shards.fit.verdict import explained_part, judge, specificity, verdict_of

LEVELS = np.repeat(np.arange(40), 5)


def bits(**means):
    """Models that differ by constants, with noise that all of them share."""
    noise = np.random.default_rng(0).normal(size=len(LEVELS)) * 0.2
    defaults = {
        "habits": 2.0,
        "habits and affordance": 1.5,
        "one utility": 0.9,
        "utility with gain": 0.8,
        "planner with gain": 0.75,
        "shards": 0.6,
        "ceiling": 0.5,
        "ceiling permuted": 1.0,
    }
    named = {name.replace("_", " "): value for name, value in means.items()}
    return {name: value + noise for name, value in (defaults | named).items()}


@pytest.mark.parametrize(
    ("means", "shards", "beyond", "verdict"),
    [
        ({}, 2, False, "shards"),
        ({}, 2, True, "cannot tell"),
        ({}, 1, False, "one utility"),
        ({}, 0, False, "no structure"),
        ({"planner with gain": 0.6}, 2, False, "cannot tell"),
        ({"planner with gain": 0.52}, 2, False, "one utility"),
        ({"shards": 1.4, "planner with gain": 1.45}, 2, False, "no structure"),
        (
            {"shards": 1.1, "planner with gain": 1.4, "ceiling": 0.9, "ceiling_permuted": 0.91},
            2,
            False,
            "shards",
        ),
        ({"shards": 1.3, "ceiling": 0.9, "ceiling_permuted": 0.95}, 2, False, "no structure"),
    ],
)
def test_verdict(means, shards, beyond, verdict):
    made = bits(**({"utility with gain": 1.45, "one utility": 1.45} | means))
    found = judge(made, LEVELS, shards, beyond)
    assert found.verdict == verdict


def test_shardness_is_the_best_rival_minus_shards():
    found = judge(bits(), LEVELS, 2, False)
    assert found.best_rival == "planner with gain"
    np.testing.assert_allclose(found.shardness, 0.15, atol=1e-9)
    assert found.shardness_by_level.std() < 1e-9


def test_explained_and_specific_are_the_stated_ratios():
    np.testing.assert_allclose(explained_part(bits()), 0.9)
    np.testing.assert_allclose(specificity(bits()), 0.5)


def test_the_smallest_number_as_good_as_the_best_is_chosen():
    level = np.random.default_rng(1).normal(size=30) * 0.1
    losses = np.stack([mean + level for mean in (5.0, 2.0, 1.0, 0.99, 1.0)])
    assert choose(losses) == 2
    assert choose(losses[:2]) == 1
    assert choose(np.stack([mean + level for mean in (1.0, 0.97, 0.96)])) == 0


SURE = Interval(0.02, 0.01, 0.03)


@pytest.mark.parametrize(
    ("own", "shardness", "null", "shards", "verdict"),
    [
        (["shards"], SURE, 0.0, 2, "shards"),
        (["shards"], SURE, 0.02, 2, "cannot tell"),  # a null does as well
        (["shards"], Interval(0.02, -0.01, 0.05), 0.0, 2, "cannot tell"),
        (["cannot tell"], SURE, 0.0, 2, "cannot tell"),
        (["one utility"], SURE, 0.0, 2, "one utility"),
        (["no structure"], SURE, 0.0, 2, "no structure"),
        (["shards"] * 3 + ["one utility"], SURE, -np.inf, 2, "shards"),
        (["shards", "one utility"], SURE, 0.0, 2, "cannot tell"),  # not most of them
        (["shards"] * 4, Interval(-0.02, -0.03, -0.01), 0.0, 2, "one utility"),
        (["shards"] * 4, SURE, 0.0, 1, "one utility"),
        (["shards"] * 4, SURE, 0.0, 0, "no structure"),
    ],
)
def test_the_verdict_on_one_agent_and_on_several(own, shardness, null, shards, verdict):
    assert verdict_of(own, shardness, 0.6, null, shards) == verdict
    assert verdict_of(own, shardness, 0.04, null, shards) == "no structure"
