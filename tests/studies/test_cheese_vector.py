"""The table on the cheese vector, from medians whose verdicts are known."""

from __future__ import annotations

import numpy as np

from shardsim.plot.findings import AGREES, CANNOT_TELL, DISAGREES
from shardsim.studies.cheese_vector import rows_of
from shardsim.studies.rows import still

COEFFICIENT = np.array([-1.0, 0.0, 1.0])
SEEDS = np.array([-0.01, 0.0, 0.01])[:, None]  # three seeds, little apart


def table(own, random):
    """Rows by measure, of one layer, where all vectors but the last change what `own` says."""
    chance = np.stack([np.asarray(own)] * 3 + [np.asarray(random)])[None] + SEEDS[..., None]
    chance[:, :, 1] = 0.8
    rows = rows_of(COEFFICIENT, {"layer": chance}, {"layer": np.full(3, 0.1)}, "cheese")
    return {row.measure: row for row in rows}


def test_the_papers_pattern_agrees():
    found = table([0.05, 0.8, 0.81], [0.7, 0.8, 0.7])
    less = found["layer: change, vector subtracted"]
    np.testing.assert_allclose(less.seeds, [-0.76, -0.75, -0.74])
    assert less.verdict == found["… beyond a random vector"].verdict == AGREES
    assert found["layer: change, vector added"].verdict == AGREES
    gone = found["its change with the cheese really removed"]
    np.testing.assert_allclose(gone.seeds, -0.7)


def test_what_is_otherwise_disagrees():
    found = table([0.95, 0.8, 0.2], [0.95, 0.8, 0.2])
    assert found["layer: change, vector subtracted"].verdict == DISAGREES
    assert found["… beyond a random vector"].verdict == CANNOT_TELL
    assert found["layer: change, vector added"].verdict == DISAGREES


def test_still_needs_the_whole_interval():
    assert still("", "", np.array([0.0, 0.01, 0.02]), 0.05).verdict == AGREES
    assert still("", "", np.array([0.0, 0.05, 0.1]), 0.05).verdict == CANNOT_TELL
    assert still("", "", np.array([-0.2, -0.21, -0.22]), 0.05).verdict == DISAGREES
