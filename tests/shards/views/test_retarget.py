"""The object's vector and retargeting where the network is linear: what must come out is known."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.network import Network
from shardsim.base.errors import UserError
from shardsim.env.registry import make
from shardsim.shards.views import object_vectors, retarget

LAYER = "dense_1"


@pytest.fixture(scope="module")
def built():
    """A layer that adds what is seen, so that an object adds the same in all states of a level."""
    env = make("cheese-corner", height=5, width=5, max_steps=12)
    network = Network(num_actions=4, kind="allocentric", widths=(8,), channels=1)
    inputs = int(np.prod(env.observation_shape))
    rng = np.random.default_rng(0)
    head = 0.5 * rng.normal(size=(8, 4))
    parameters = {
        "params": {
            "dense_1": {
                "kernel": jnp.asarray(rng.normal(size=(1, inputs, 8)), jnp.float32),
                "bias": jnp.full((1, 8), 100.0),  # so high that nothing is cut off
            },
            "actor": {
                "kernel": jnp.asarray(head[None], jnp.float32),
                "bias": jnp.asarray(-100.0 * head.sum(0)[None], jnp.float32),
            },
            "critic": {"kernel": jnp.zeros((1, 8, 1)), "bias": jnp.zeros((1, 1))},
        }
    }
    cases = object_vectors.vector_cases(env, "cheese", "corner", 12)
    return env, network, parameters, cases


@pytest.fixture(scope="module")
def effects(built):
    """What each vector does at each coefficient."""
    env, network, parameters, cases = built
    return object_vectors.vector_effects(env, network, parameters, cases, "cheese", LAYER)


def test_subtracting_the_vector_is_removing_the_object(effects):
    found = effects
    minus = list(found.coefficient).index(-1.0)
    np.testing.assert_allclose(found.chance[:, 0, minus], found.removed, atol=2e-3)
    np.testing.assert_allclose(found.residual[:, 0, minus], 0.0, atol=2e-3)
    # The object adds what it adds at its cell, whatever the layout.
    same = found.residual[:, object_vectors.SAME, minus]
    np.testing.assert_allclose(same[np.isfinite(same)], 0.0, atol=2e-3)
    assert np.isfinite(same).any()
    assert found.residual[:, object_vectors.OTHER, minus].mean() > 0.05
    assert found.residual[:, -1, minus].mean() > 0.05


def test_nothing_added_changes_nothing(effects):
    found = effects
    zero = list(found.coefficient).index(0.0)
    own = found.chance[:, 0, zero]
    for vector in (0, object_vectors.OTHER, 3):
        np.testing.assert_allclose(found.chance[:, vector, zero], own, atol=1e-5)
        np.testing.assert_allclose(found.residual[:, vector, zero], found.untouched, atol=1e-5)


def test_the_whole_layer_is_the_object_really_moved(built):
    env, network, parameters, cases = built
    every = np.eye(8)[None]
    found = retarget.retarget(env, network, parameters, cases, "cheese", LAYER, every, every)
    np.testing.assert_allclose(found.subspace, found.layer, atol=1e-3)
    none = np.zeros((1, 8, 8))  # as wide, so that nothing compiles again
    idle = retarget.retarget(
        env, network, parameters, cases, "cheese", LAYER, none, none.swapaxes(1, 2)
    )
    np.testing.assert_allclose(idle.subspace, idle.plain, atol=1e-6)
    np.testing.assert_allclose(idle.random, idle.plain, atol=1e-6)
    assert (found.moved >= 0).all() and (found.moved <= 1 + 1e-6).all()
    assert (found.distance >= 1).all() and np.isfinite(found.distance).all()


def test_a_walker_enters_a_cell_with_the_chance_of_its_moves(built):
    env, _, _, cases = built
    level = jax.tree.map(lambda leaf: leaf[0], cases.level)
    level = level.replace(walls=jnp.zeros((5, 5), bool), present=jnp.zeros_like(level.present))
    states = jnp.arange(env.num_states)
    cells = np.asarray(retarget._cells(env, level))
    start = int(np.flatnonzero(cells == 12)[0])
    policy = np.zeros((env.num_states, 4), np.float32)
    policy[:, list(env.action_names).index("north")] = 0.25
    policy[:, list(env.action_names).index("south")] = 0.75
    enter = jax.jit(partial(retarget._enter, env))
    found = enter(level, jnp.asarray(policy), jnp.array([1, 2]), jnp.int32(start))
    chance, here = 0.0, {2: 1.0}
    for _ in range(env.max_steps):
        after: dict[int, float] = {}
        for row, part in here.items():
            for move, likely in ((-1, 0.25), (1, 0.75)):
                place = min(4, max(0, row + move))
                if place == 1:
                    chance += part * likely
                else:
                    after[place] = after.get(place, 0.0) + part * likely
        here = after
    assert len(states) == 25
    assert float(found) == pytest.approx(chance, abs=1e-5)


def test_places_have_no_vector():
    env = make("cheese-corner", height=5, width=5)
    with pytest.raises(UserError, match="is a place"):
        object_vectors.vector_cases(env, "corner", "cheese", 4)
