"""Events of tracks: planted ones are found, and nothing is found where nothing happens."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.shards.tracking.events import (
    AGAIN,
    BELOW,
    FIRST,
    LEADS,
    TAKES_OVER,
    Event,
    null_share,
    read_threshold,
    track_events,
)
from shardsim.shards.tracking.over_seeds import over_seeds
from shardsim.shards.tracking.stretches import noise, stable
from tests.shards.tracking import planted_tracks
from tests.shards.tracking.planted_tracks import (
    CASES,
    SEEDS,
    STEPS,
    as_track,
    hits,
    noisy,
    planted,
    ramps,
    truth,
)

TABLES, QUIET_TABLES = 8, 40
PLACES = np.arange(8.0)  # so that env steps are places of checkpoints


def found_and_wanted(name: str) -> tuple[int, int, int]:
    """How many events were found rightly, found, and to be found, in tables with noise."""
    rng, counts = np.random.default_rng(0), np.zeros(3, int)
    for _ in range(TABLES):
        case = planted(name, rng)
        share = noisy(case.clean, rng)
        found, wanted = planted_tracks.told(track_events(as_track(share))), truth(case, share)
        counts += hits(found, wanted), len(found), len(wanted)
    right, found, wanted = counts.tolist()
    return right, found, wanted


@pytest.mark.parametrize("name", [name for name in CASES if name != "nothing"])
def test_planted_events_are_found(name):
    right, found, wanted = found_and_wanted(name)
    assert wanted > 6 * TABLES * SEEDS  # each seed has several
    assert 2 * right / (found + wanted) >= 0.9


def curves_with_events(level: float | None) -> set[tuple[int, int, int]]:
    """(table, seed, shard) of every event where shares stay as they are, at a level or at any."""
    rng, found = np.random.default_rng(0), set()
    for table in range(QUIET_TABLES):
        clean = planted("nothing", rng).clean
        clean = clean if level is None else np.full_like(clean, level)
        events = track_events(as_track(noisy(clean, rng)))
        found |= {(table, one.seed, one.shard) for one in events if one.seen}
    return found


def test_where_nothing_happens_hardly_a_seed_has_an_event():
    seeds = {(table, seed) for table, seed, _ in curves_with_events(None)}
    assert len(seeds) <= 0.05 * QUIET_TABLES * SEEDS


def test_a_curve_right_on_a_threshold_hardly_ever_crosses_it():
    assert len(curves_with_events(0.1)) <= 0.05 * QUIET_TABLES * SEEDS * 3


def rows(*shares: list[float], thresholds=(0.1,)) -> list[Event]:
    """Events of one seed from shares at 8 checkpoints; three quiet shards tell the noise."""
    share = np.array([*shares, *[[0.02] * 8] * 3]).T[:, None]
    return track_events(as_track(share, PLACES), thresholds)


def brackets(events: list[Event], kind: str, shard: int = 1) -> list[tuple[float, float]]:
    return [(e.from_steps, e.to_steps) for e in events if (e.kind, e.shard) == (kind, shard)]


def test_an_event_lies_between_the_checkpoints_around_it():
    events = rows([0.01, 0.01, 0.2, 0.2, 0.2, 0.02, 0.02, 0.02])
    assert brackets(events, FIRST) == [(1.0, 2.0)]
    assert brackets(events, BELOW) == [(4.0, 5.0)]
    assert {(e.threshold, e.level) for e in events if e.kind in (FIRST, BELOW)} == {("0.1", 0.1)}


def test_what_returns_is_told_again():
    events = rows([0.2, 0.2, 0.01, 0.01, 0.01, 0.2, 0.2, 0.2])
    assert brackets(events, FIRST) == [(-np.inf, 0.0)]
    assert brackets(events, BELOW) == [(1.0, 2.0)]
    assert brackets(events, AGAIN) == [(4.0, 5.0)]


@pytest.mark.parametrize(
    ("begins", "lasts", "seen"), [(0, 1, 0), (0, 2, 1), (3, 2, 0), (3, 3, 1), (6, 2, 1), (1, 7, 1)]
)
def test_an_event_lasts_two_checkpoints_at_an_end_and_three_between(begins, lasts, seen):
    share = np.full(8, 0.01)
    share[begins : begins + lasts] = 0.4
    never, found = [(7.0, np.inf)], [(begins - 1.0 if begins else -np.inf, float(begins))]
    assert brackets(rows(share.tolist()), FIRST) == (found if seen else never)


def test_what_is_above_at_the_end_by_chance_at_most_is_undecided():
    assert brackets(rows([*[0.01] * 7, 0.2]), FIRST) == [(6.0, np.inf)]
    assert brackets(rows([0.2] * 8), FIRST) == [(-np.inf, 0.0)]


def test_the_null_is_a_threshold_of_each_shard():
    events = rows([0.01, 0.01, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], [0.2] * 8, thresholds=("null",))
    assert brackets(events, FIRST) == [(1.0, 2.0)]
    assert brackets(events, FIRST, 2) == [(7.0, np.inf)]  # there from the start, as untrained
    assert brackets(events, LEADS) == [(1.0, 2.0)] and brackets(events, LEADS, 2) == []


def test_a_take_over_names_whom_it_is_from():
    low, high = [0.01, 0.2], [0.01, 0.4]
    events = rows([*high, 0.4, 0.4, 0.1, 0.1, 0.1, 0.1], [*low, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3])
    assert brackets(events, LEADS) == [(0.0, 1.0)]
    assert [(e.from_steps, e.to_steps, e.other) for e in events if e.kind == TAKES_OVER] == [
        (3.0, 4.0, 1)
    ]


def test_a_split_is_not_what_dilution_does():
    """A new share that comes from the rest takes from all others in proportion."""
    second = ramps((6, 0.0), (8, 0.3))
    diluted, split = 0.6 * (1 - second), 0.6 - second
    for first, wanted in ((diluted, []), (split, [(1, 2, STEPS[6], STEPS[7])])):
        events = track_events(as_track(np.stack([first, second], -1)[:, None]))
        told = [(e.shard, e.other, e.from_steps, e.to_steps) for e in events if "split" in e.kind]
        # The first shard must have come first: as large as when untrained it is none.
        assert told == []
        grown = np.where(np.arange(len(STEPS)) < 2, 0.01, first)
        events = track_events(as_track(np.stack([grown, second], -1)[:, None]))
        told = [(e.shard, e.other, e.from_steps, e.to_steps) for e in events if "split" in e.kind]
        assert told == wanted


def test_the_null_is_the_upper_end_of_students_prediction_interval():
    share = np.sin([[0.1], [0.2], [0.3]]) ** 2
    reach = 2.919986 * 0.1 * np.sqrt(4 / 3)  # t of two degrees of freedom
    np.testing.assert_allclose(null_share(share, 0.02), np.sin(0.2 + reach) ** 2, rtol=1e-6)
    alone = null_share(np.sin([[0.2]]) ** 2, 0.02)
    np.testing.assert_allclose(alone, np.sin(0.2 + 1.644854 * 0.02 * np.sqrt(2)) ** 2, rtol=1e-6)


def test_noise_is_read_beside_a_rise_too():
    rng = np.random.default_rng(0)
    flat = rng.normal(0.3, 0.02, (16, 40))
    assert noise(flat) == pytest.approx(0.02, rel=0.15)
    steep = flat + stable(ramps((1, 0.01), (5, 0.3), (9, 0.3), (12, 0.05)))[:, None]
    assert noise(steep) == pytest.approx(0.02, rel=0.4)


@pytest.mark.parametrize(
    ("given", "read"), [(0.1, "0.1"), ("10%", "0.1"), ("12.5 %", "0.125"), (" Null", "null")]
)
def test_thresholds_are_read(given, read):
    assert read_threshold(given) == read


@pytest.mark.parametrize("given", ["10", "0", "-5%", "nan", "corner", 1.0])
def test_what_is_no_threshold_is_refused(given):
    with pytest.raises(UserError, match="is no threshold of a share; give a number between 0 and"):
        read_threshold(given)


def test_two_checkpoints_are_too_few():
    with pytest.raises(UserError, match="a track of 2 checkpoints cannot tell"):
        track_events(as_track(np.full((2, 1, 1), 0.1), PLACES[:2]))


def test_without_shards_nothing_happens():
    assert track_events(as_track(np.zeros((8, 2, 0)), PLACES)) == []


def timed(*times: tuple[float, float]) -> list[Event]:
    """First crossings of so many seeds."""
    return [Event(1, FIRST, "0.1", 0.1, seed, 0, *time) for seed, time in enumerate(times)]


def test_the_interval_over_few_seeds_is_their_range_with_its_coverage():
    events = timed((1, 2), (3, 4), (2, 3), (7, np.inf))
    (found,) = over_seeds(events, [0, 1, 2, 3], last=7.0)
    assert found.happened == 3 and found.coverage == 0.875
    assert found.median == (2, 4) and found.interval == (1, np.inf)
    (alone,) = over_seeds(timed((1, 2)), [0], last=7.0)
    assert alone.coverage == 0.0 and alone.interval == (1, 2)


def test_the_interval_over_eight_seeds_leaves_the_extremes_out():
    times = [(float(n), n + 1.0) for n in range(8)]
    (found,) = over_seeds(timed(*times), list(range(8)), last=9.0)
    assert found.interval == (1.0, 7.0) and found.median == (3.0, 5.0)
    assert found.coverage == pytest.approx(1 - 2 * 9 / 256)


def test_over_seeds_a_kind_counts_by_each_seeds_first():
    events = [Event(1, BELOW, "0.1", 0.1, 0, 0, at, at + 1) for at in (5.0, 2.0)]
    (found,) = over_seeds(events, [0, 1], last=7.0)
    assert found.times == [(2.0, 3.0), (7.0, np.inf)] and found.happened == 1
