"""Work side by side: the same results in order, in threads and in processes."""

from __future__ import annotations

import math
import os
import pickle

import numpy as np
import pytest

from shardsim.base.parallel import each
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery


@pytest.mark.parametrize("processes", [False, True])
def test_results_come_in_the_order_of_the_items(processes):
    assert each(math.sqrt, [16, 1, 9, 4], processes=processes) == [4.0, 1.0, 3.0, 2.0]
    assert each(math.sqrt, [], processes=processes) == []


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core works in this process")
def test_processes_are_others_and_leave_accelerators_alone():
    assert os.getpid() not in each(_process, range(2), processes=True)
    assert set(each(os.getenv, ["JAX_PLATFORMS"] * 2, processes=True)) == {"cpu"}


def _process(_: int) -> int:
    return os.getpid()


def test_what_an_item_does_for_its_parts_it_does_by_itself():
    assert each(lambda n: each(lambda m: n * m, [1, 2]), [3, 4]) == [[3, 6], [4, 8]]


def test_the_levels_behind_a_battery_go_to_another_process_as_their_plans():
    _, tabular = battery(make("cheese-corner", height=5, width=5), 100, seed=4).tabular_model
    there = pickle.loads(pickle.dumps(tabular))
    np.testing.assert_array_equal(there.rows(tabular.home), tabular.rows(tabular.home))
    for own, other in zip(tabular.tables, there.tables, strict=True):
        np.testing.assert_array_equal(own, other)
    assert not hasattr(there, "env")
