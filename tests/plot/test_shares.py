"""The main figure: lines, intervals, the untrained band, the strip and marks hold their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from shardsim.base.statistics import t_interval
from shardsim.plot import shares
from shardsim.plot.marks import spread
from tests.plot import tables
from tests.plot.drawn import legend_labels, lines


def areas(axes) -> list[FillBetweenPolyCollection]:
    return [c for c in axes.collections if isinstance(c, FillBetweenPolyCollection)]


def heights(area: FillBetweenPolyCollection) -> np.ndarray:
    """Height of an area at each step, from its outline."""
    vertices = area.get_paths()[0].vertices
    return np.array(
        [np.ptp(vertices[np.isclose(vertices[:, 0], step), 1]) for step in tables.STEPS]
    )


@pytest.mark.parametrize("seeds", [1, 4])
def test_each_shard_has_its_mean_its_interval_and_its_seeds(seeds):
    table = tables.distribution(seeds)
    figure = shares.shard_distribution({"": table})
    upper = figure.axes[0]
    drawn = lines(upper)
    for part in range(2):
        shard = table.share[:, :, part]
        assert any(
            line.shape == shard[:, 0].shape and np.allclose(line, shard.mean(1)) for line in drawn
        )
        for seed in shard.T:
            assert any(np.array_equal(line, seed) for line in drawn)
    assert len(areas(upper)) == (2 if seeds > 1 else 0)
    assert any("interval" in label for label in legend_labels(figure)) == (seeds > 1)
    if seeds > 1:
        ends = t_interval(table.share[:, :, 0], axis=1, within=(0.0, 1.0))
        np.testing.assert_allclose(heights(areas(upper)[0]), ends.high - ends.low)


def test_shards_are_named_at_the_end_and_the_title_says_battery_and_seeds():
    figure = shares.shard_distribution({"run": tables.distribution()})
    assert [text.get_text() for text in figure.axes[0].texts] == ["corner", "cheese"]
    assert figure.axes[0].get_title(loc="left") == "run\ntarget levels"
    assert not {"cheese", "corner"} & set(legend_labels(figure))


def test_what_is_no_shard_is_stacked_below_and_the_whole_sums_to_one():
    table = tables.distribution()
    figure = shares.shard_distribution({"": table})
    strip = np.stack([heights(area) for area in areas(figure.axes[1])], axis=1)
    np.testing.assert_allclose(strip, table.share.mean(1)[:, 2:], atol=1e-9)
    means = [row for row in figure.drawn if row.seed is None and row.at == tables.STEPS[-1]]
    assert sum(row.value for row in means) == pytest.approx(1.0)


def test_the_grey_band_is_what_untrained_networks_have():
    table = tables.distribution()
    table.share[0, :, 0], table.share[0, :, 1] = [0.1, 0.2, 0.1, 0.2], [0.0, 0.0, 0.0, 0.02]
    figure = shares.shard_distribution({"": table})
    row = next(row for row in figure.drawn if row.series == shares.UNTRAINED)
    ends = t_interval([0.1, 0.2, 0.1, 0.2])
    assert row.low == 0.0 and row.high == pytest.approx(float(ends.high))
    assert shares.UNTRAINED in legend_labels(figure)
    later = table._replace(steps=table.steps + 1.0)  # without the untrained network
    figure = shares.shard_distribution({"": later})
    assert shares.UNTRAINED not in legend_labels(figure)


def test_events_lie_on_the_line_of_their_shard():
    table = tables.distribution()
    marks = {"": [shares.Mark(1, "above 10 %", 12288.0), shares.Mark(2, "takes over", 8192.0)]}
    figure = shares.shard_distribution({"": table}, marks=marks)
    rows = {row.series: row for row in figure.drawn if row.series in ("above 10 %", "takes over")}
    mean = table.share.mean(1)
    assert rows["above 10 %"].value == pytest.approx((mean[3, 0] + mean[4, 0]) / 2)
    assert rows["takes over"].value == pytest.approx(mean[3, 1])
    assert {"above 10 %", "takes over"} <= set(legend_labels(figure))


def test_names_that_are_too_near_are_moved_apart():
    np.testing.assert_allclose(spread([0.2, 0.6], 0.1), [0.2, 0.6])
    np.testing.assert_allclose(spread([0.5, 0.5], 0.1), [0.45, 0.55])
    moved = spread([0.0, 0.0, 0.99, 1.0], 0.1)
    assert moved.min() >= 0 and moved.max() <= 1 and np.diff(moved).min() >= 0.1 - 1e-9
