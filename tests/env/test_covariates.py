"""Covariates: where things are, how far, and what is in sight."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shardsim.env.covariates import covariates, line_of_sight
from shardsim.env.levels import take
from tests.env.flood import flood

_sight = jax.jit(line_of_sight)


@given(bits=st.integers(0, 2**15 - 1), row=st.integers(0, 2), column=st.integers(0, 4))
def test_sight_ends_at_walls(bits, row, column):
    walls = np.array([bits >> n & 1 for n in range(15)], bool).reshape(3, 5)
    walls[row, column] = False
    expected = np.zeros_like(walls)
    for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
        r, c = row, column
        while 0 <= r < 3 and 0 <= c < 5 and not walls[r, c]:
            expected[r, c] = True
            r, c = r + down, c + right
    got = _sight(jnp.asarray(walls), jnp.int32(row), jnp.int32(column))
    np.testing.assert_array_equal(got, expected)


def test_covariates_say_where_things_are(cheese):
    env, first = cheese.env, take(cheese.levels, 0)
    analysis = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), cheese.analysis)
    states = jax.vmap(lambda i: env.state_at(first, i))(
        jnp.asarray(np.flatnonzero(analysis.tabular.start), jnp.int32)
    )
    got = jax.jit(jax.vmap(lambda state: covariates(env, analysis, state), (_axes(states),)))(
        states
    )
    rows, columns = np.divmod(np.asarray(states.cell), env.width)
    cheese_cell = np.asarray(first.position[0, 0])
    np.testing.assert_array_equal(got["row"], rows)
    np.testing.assert_array_equal(got["rows_to_cheese"], cheese_cell[0] - rows)
    np.testing.assert_array_equal(got["columns_to_cheese"], cheese_cell[1] - columns)
    np.testing.assert_allclose(got["straight_corner"], np.hypot(rows, columns), rtol=1e-6)
    exact = flood(np.asarray(first.walls), tuple(cheese_cell))
    np.testing.assert_array_equal(got["distance_cheese"], exact[rows, columns])
    degree = [
        sum(
            0 <= r + d < env.height and 0 <= c + e < env.width and not first.walls[r + d, c + e]
            for d, e in ((-1, 0), (0, 1), (1, 0), (0, -1))
        )
        for r, c in zip(rows, columns, strict=True)
    ]
    np.testing.assert_array_equal(got["exits"], degree)
    best = np.asarray(analysis.advantage)[np.asarray(states.cell)] == 0
    apart = ~np.any(best[:, :, 0] & best[:, :, 2], axis=1)
    np.testing.assert_array_equal(got["conflict_cheese_corner"], apart)
    assert got["conflict_cheese_corner"].sum() > 0 or got["conflict_cheese_decoy"].sum() > 0


def _axes(states):
    return jax.tree.map(lambda _: 0, states)
