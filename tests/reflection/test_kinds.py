"""Classes of onsets on changes whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.crossed import crossed_interval
from shardsim.base.statistics import t_interval
from shardsim.reflection.kinds import Changes, judged, over_all

CLASSES = ("a", "a", "a", "b", "b", "b")


def changes(seeds: int = 5, levels: int = 6) -> Changes:
    """Six onsets of two classes, one model, one shard: the first class changes by 0.2."""
    rng = np.random.default_rng(0)
    onset = 0.01 * rng.normal(size=(6, 1, seeds, 1))
    onset[:3] += 0.2
    target = 0.01 * rng.normal(size=(6, 1, seeds, levels, 1))
    return Changes(onset, target, np.array([True] * 3 + [False] * 3))


def test_each_class_has_its_verdict_by_all_of_its_onsets():
    found = judged(changes(), CLASSES, 0.05)
    assert found.verdict[:, 0].tolist() == ["drifted", "constant"]
    assert found.says[0, 0, :, 0].tolist() == ["drifted", "constant"]
    assert found.change[0, 0, 0, 0] == pytest.approx(changes().onset[:3].mean())
    assert (found.detectable > 0.05).all() and (found.seeds_needed <= 3).all()


def test_shared_onsets_are_a_factor_and_own_ones_belong_to_their_seed():
    given = changes()
    found = judged(given, CLASSES, 0.05)
    crossed = crossed_interval(given.onset[:3, 0, :, 0].T, 2)
    assert found.interval[0, 0, 0, 0] == pytest.approx([crossed.low, crossed.high])
    own = t_interval(given.onset[3:, 0, :, 0].mean(0))
    assert found.interval[1, 0, 0, 0] == pytest.approx([own.low, own.high])
    levels = crossed_interval(given.target[:3, 0, ..., 0].swapaxes(0, 1), 3)
    assert found.interval[0, 0, 1, 0] == pytest.approx([levels.low, levels.high])


def test_onsets_and_seeds_without_contexts_are_left_out():
    given = changes()
    for part in given[:2]:
        part[0, 0, 1] = np.nan  # a shared onset that one seed lacks
        part[4, 0, 2] = np.nan  # an own one
        part[:, 0, 4] = np.nan  # a seed without any
    found = judged(given, CLASSES, 0.05)
    assert found.change[0, 0, 0, 0] == pytest.approx(given.onset[1:3, 0, :4, 0].mean())
    means = np.nanmean(given.onset[3:, 0, :4, 0], 0)
    assert found.change[1, 0, 0, 0] == pytest.approx(means.mean())
    assert over_all(given.onset[:3, 0, :, 0], given.shared[:3]).mean == pytest.approx(
        found.change[0, 0, 0, 0]
    )


def test_where_nobody_has_such_contexts_nothing_is_said():
    given = changes()
    for part in given[:2]:
        part[:3] = np.nan
    found = judged(given, CLASSES, 0.05)
    assert found.verdict[:, 0].tolist() == ["undefined", "constant"]
    assert np.isnan(found.change[0]).all()
