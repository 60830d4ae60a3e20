"""Progress of long functions: fractions in order, seconds of parts, silence by default."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.parallel import each
from shardsim.base.progress import SILENT, Listener, Tracked


class Heard:
    """Everything that was told, on a clock that ticks once a reading."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, str]] = []
        self.took: list[tuple[str, float]] = []
        self.expected: list[tuple[float, str]] = []
        clock = itertools.count().__next__
        self.progress = Tracked(
            Listener(
                lambda fraction, said: self.shown.append((fraction, said)),
                lambda seconds, why: self.expected.append((seconds, why)),
                lambda part, seconds: self.took.append((part, seconds)),
            ),
            lambda: float(clock()),
        )


def test_parts_move_the_bar_by_what_they_cost() -> None:
    heard = Heard()
    heard.progress.plan({"fits": 3.0, "nulls": 1.0})
    with heard.progress.part("fits") as fits:
        fits.plan({"search": 1.0, "rivals": 2.0})
        with fits.part("search"):
            pass
        with fits.part("rivals") as rivals:
            rivals.update(1, 2, "1 of 2")
    with heard.progress.part("nulls"):
        pass
    fractions = [0.0, 0.0, 0.25, 0.25, 0.5, 0.75, 0.75, 0.75, 1.0]
    assert [fraction for fraction, _ in heard.shown] == pytest.approx(fractions)
    words = [said for _, said in heard.shown]
    assert words[4] == "rivals, 1 of 2" and words[-1] == "nulls"


def test_every_part_is_timed_by_its_path() -> None:
    heard = Heard()
    with heard.progress.part("fits") as fits, fits.part("rivals"):
        pass
    # The clock ticks at the beginning and at the end of each.
    assert heard.took == [("fits/rivals", 1.0), ("fits", 3.0)]


def test_a_part_that_fails_is_not_told_as_done() -> None:
    heard = Heard()
    heard.progress.plan({"fits": 1.0})
    with pytest.raises(ValueError, match="stopped"), heard.progress.part("fits"):
        raise ValueError("stopped")
    assert heard.took == [] and heard.shown == [(0.0, "fits")]


def test_a_part_that_was_not_planned_is_timed_and_moves_nothing() -> None:
    heard = Heard()
    heard.progress.plan({"fits": 1.0})
    with heard.progress.part("surprise") as surprise:
        surprise.update(1, 2)
    assert {fraction for fraction, _ in heard.shown} == {0.0}
    assert [part for part, _ in heard.took] == ["surprise"]


@given(
    costs=st.lists(st.floats(0.01, 100.0), min_size=1, max_size=6),
    skipped=st.sets(st.integers(0, 5)),
    steps=st.integers(1, 4),
)
def test_the_bar_never_goes_back_nor_over_the_end(costs, skipped, steps) -> None:
    heard = Heard()
    names = [f"part {number}" for number in range(len(costs))]
    heard.progress.plan(dict(zip(names, costs, strict=True)))
    for number, name in enumerate(names):
        if number not in skipped:
            with heard.progress.part(name) as part:
                for done in range(steps + 1):
                    part.update(done, steps)
    shown = [fraction for fraction, _ in heard.shown]
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(shown))
    if len(names) - 1 not in skipped:
        assert shown[-1] == pytest.approx(1.0)


def test_what_will_be_long_is_said_beforehand() -> None:
    heard = Heard()
    with heard.progress.part("plans") as plans:
        plans.expect(240.0, "1,600 states")
    assert heard.expected == [(240.0, "1,600 states")]


def test_silence_does_what_it_is_asked() -> None:
    SILENT.plan({"fits": 1.0})
    SILENT.expect(3.0, "nobody listens")
    with SILENT.part("fits") as part:
        part.update(1, 2)
    assert part is SILENT


def test_fits_side_by_side_are_counted() -> None:
    heard = Heard()
    assert each(lambda x: x * x, [1, 2, 3], heard.progress) == [1, 4, 9]
    assert heard.shown[-1] == (1.0, "3 of 3") and len(heard.shown) == 3
