"""Detectable drifts and needed sizes, held to simulated designs with known components."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.reflection import power as p
from tests.base.test_crossed import drawn

MARGIN = 0.05
PARTS = {(0,): 0.02**2, (1,): 0.03**2, (0, 1): 0.04**2}  # seeds, onsets, both


def known(mean: float, sizes: tuple[int, ...], parts=PARTS, own: bool = False) -> p.Estimate:
    """What an endless design would say, with these sizes."""
    found = p.estimate(drawn(parts, sizes, 1)[..., 0], MARGIN, own=own)
    interval = found.interval._replace(mean=mean)
    kept = {(0,): 0.02**2, (0, 1): 0.05**2} if own else parts
    return found._replace(interval=interval, parts=kept)


def simulated(
    mean: float, sizes: tuple[int, int], own: bool = False, draws: int = 600
) -> list[str]:
    """Verdicts of so many designs of which the truth is `mean`."""
    parts = {(0,): 0.02**2, (0, 1): 0.05**2} if own else PARTS
    draws = 600
    values = mean + drawn(parts, sizes, draws, seed=3)
    return [p.estimate(values[..., n], MARGIN, own=own).verdict for n in range(draws)]


@pytest.mark.parametrize("own", [False, True])
def test_a_detectable_drift_is_found_as_often_as_was_said(own):
    sizes = (8, 8)
    least = p.detectable(known(0.0, sizes, own=own), MARGIN)
    assert MARGIN < least < 0.15
    said = simulated(least, sizes, own)
    assert np.mean([one == "drifted" for one in said]) == pytest.approx(p.POWER, abs=0.06)


@pytest.mark.parametrize(("mean", "verdict"), [(0.0, "constant"), (0.1, "drifted")])
def test_so_many_seeds_decide_as_often_as_was_said(mean, verdict):
    found = known(mean, (4, 8))
    seeds, _ = p.needed([found], MARGIN)
    seeds = int(seeds)
    right = np.mean([one == verdict for one in simulated(mean, (seeds, 8))])
    assert right > p.POWER - 0.07
    fewer = np.mean([one == verdict for one in simulated(mean, (max(seeds - 2, 2), 8))])
    assert fewer < right


def test_onsets_can_do_what_seeds_do():
    found = known(0.0, (8, 2))
    _, onsets = p.needed([found], MARGIN)
    said = simulated(0.0, (8, int(onsets)))
    assert np.mean([one == "constant" for one in said]) > p.POWER - 0.07


def test_what_lies_on_the_margin_is_never_decided():
    assert p.needed([known(MARGIN, (4, 8))], MARGIN) == (np.inf, np.inf)


def test_one_seed_and_one_onset_say_nothing_of_what_varies():
    alone = p.estimate(np.zeros((1, 4)), MARGIN, own=False)
    assert alone.verdict == "undecided" and p.detectable(alone, MARGIN) == np.inf
    assert np.isnan(p.needed([alone], MARGIN)).all()
    seeds, onsets = p.needed([known(0.0, (4, 1))], MARGIN)
    assert np.isfinite(seeds) and np.isnan(onsets)


def test_all_must_be_constant_but_one_drift_suffices():
    sizes = (8, 8)
    still, gone = known(0.0, sizes), known(0.2, sizes)
    assert p.decides([gone, known(MARGIN, sizes)], MARGIN, *sizes) > 0.99
    assert p.decides([still, known(MARGIN, sizes)], MARGIN, *sizes) < 0.1
    assert p.decides([still] * 4, MARGIN, *sizes) <= p.decides([still], MARGIN, *sizes)
