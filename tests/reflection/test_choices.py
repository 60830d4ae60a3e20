"""What models choose from a table of gains."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from shardsim.reflection.choices import CHOOSING, agendas, choices
from shardsim.reflection.models.agenda import majority, unanimity
from shardsim.reflection.models.problem import problem


def test_every_model_that_accepts_a_table_decides():
    assert len(CHOOSING) == 10 and "endorsement replicator" not in CHOOSING
    found = choices(np.array([[0.0, 1.0, -1.0], [0.0, 2.0, -1.0]]), np.array([0.5, 0.5]))
    for name, outcome in found.items():
        # A bounded modifier accepts whatever loses nothing, so the status quo as well.
        assert outcome.options == ((0, 1) if name == "bounded modifier" else (1,)), name


def test_what_is_only_one_shards_gain_divides_the_models():
    """Shard 1 gains 2 where shard 2 loses 1, and the other way round 3; judges .6 and .4."""
    found = choices(np.array([[0.0, 2.0, -1.0], [0.0, -1.0, 3.0]]), np.array([0.6, 0.4]))
    said = {name: outcome.options for name, outcome in found.items()}
    assert said["additive bids"] == (1,)  # .6 · 2 − .4 = .8 > −.6 + 1.2 = .6
    assert said["unanimity"] == said["bounded modifier"][:1] == (0,)
    assert said["voting"] == said["Borda count"] == (1,)
    assert said["least worst-unhappiness walk"] == (2,)  # shard 2 loses 4 by 1, shard 1 loses 3
    assert said["Nash bargain"] == said["egalitarian"] == (1, 2)


def test_one_who_gains_nothing_makes_the_others_stay():
    found = choices(np.array([[0.0, 1.0], [0.0, -1.0]]), np.array([0.5, 0.5]))
    assert found["Nash bargain"].lotteries.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("seed", range(12))
def test_few_orders_have_the_ends_of_all(seed):
    """Against all orders of five options, in gains without ties."""
    rng = np.random.default_rng(seed)
    posed = problem(rng.normal(size=(3, 5)), rng.dirichlet(np.ones(3)))
    every = list(permutations(range(5)))
    found = choices(posed.gains, posed.judges)
    assert found["voting"].options == majority(posed, every).options
    assert found["unanimity"].options == unanimity(posed, every).options
    assert all(order[-1] == option for option, order in enumerate(agendas(posed)))
