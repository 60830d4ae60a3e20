"""Composed rewards: what each component pays, and that the exact optimum follows."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import planning, rewards
from shardsim.env.check import check_env
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make

pytestmark = pytest.mark.slow


def composed(text: str, **params) -> Env:
    return make("cheese-corner", height=5, width=5, max_steps=6, reward=text, **params)


def test_weights_are_read_and_spelled_alike() -> None:
    found = rewards.parse(" cheese=1, corner = 0.25,step=-1e-2 ")
    assert found == {"cheese": 1.0, "corner": 0.25, "step": -0.01}
    assert rewards.parse(rewards.spell(found)) == found
    assert rewards.parse("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cheese", "name=number"),
        ("cheese=much", "name=number"),
        ("cheese=nan", "name=number"),
        ("=1", "name=number"),
        ("corner=1, corner=2", "twice"),
        ("chese=1", "cheese"),
    ],
)
def test_weights_that_mean_nothing_are_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        composed(text)
    assert "\n" not in str(caught.value)


def test_own_components_keep_the_weights_that_nobody_named() -> None:
    env = composed("step=-0.5, decoy=2")
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    assert env.reward_names == ("cheese", "step", "decoy")
    np.testing.assert_array_equal(level.reward_weights, np.float32([1.0, -0.5, 2.0]))


def test_a_world_with_composed_rewards_keeps_the_promises_of_the_interface() -> None:
    checks = ("declaration", "shapes", "levels", "steps", "ends", "oracle")
    assert check_env(composed("step=-0.5, corner=2"), only=checks) == []


def test_what_the_generic_components_pay() -> None:
    env = composed("cheese=0, corner=1, bump=1, step=1")
    level = take(sample_levels(env, jax.random.key(3), 1, "train"), 0)
    table = env.tabular(level)
    _, corner, bump, step = np.asarray(table.rewards)[:, :, :, 0]
    here = np.arange(env.num_states)[:, None]
    there = np.asarray(table.next_state)[:, :, 0]
    np.testing.assert_array_equal(step, np.ones_like(step))
    np.testing.assert_array_equal(bump, (there == here).astype(np.float32))
    np.testing.assert_array_equal(corner, ((there == 0) & (here != 0)).astype(np.float32))


@pytest.mark.parametrize("text", ["corner=0.4", "cheese=1, decoy=-0.3, step=-0.05, bump=-0.2"])
def test_the_optimum_is_the_best_of_all_action_sequences(text: str) -> None:
    env = composed(text)
    level = take(sample_levels(env, jax.random.key(5), 1, "target"), 0)
    plans = jnp.array(list(product(range(4), repeat=env.max_steps)), jnp.int32)
    starts = jnp.flatnonzero(env.start_probability(level))[:6].astype(jnp.int32)

    def earned(start: jax.Array, plan: jax.Array) -> jax.Array:
        def one(carry, action):
            state, factor, alive, total = carry
            moved = env.step(jax.random.key(0), state, action)
            total = total + jnp.where(alive, factor * moved.reward, 0.0)
            return (moved.state, factor * 0.9, alive & ~moved.terminated, total), None

        begin = (env.state_at(level, start), jnp.float32(1), jnp.bool_(True), jnp.float32(0))
        return jax.lax.scan(one, begin, plan)[0][3]

    best = jax.jit(jax.vmap(lambda s: jnp.max(jax.vmap(lambda p: earned(s, p))(plans))))(starts)
    values, _ = planning.optimal_values(
        env.tabular(level), level.reward_weights, 0.9, env.max_steps
    )
    np.testing.assert_allclose(np.asarray(values)[np.asarray(starts)], best, atol=1e-5)


def test_other_weights_do_not_compile_again() -> None:
    env = composed("corner=1")
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    traces = []

    @jax.jit
    def best(level):
        traces.append(1)
        return planning.optimal_values(env.tabular(level), level.reward_weights, 0.9, 6)[0]

    one = best(level)
    other = best(level.replace(reward_weights=jnp.array([0.0, -1.0], jnp.float32)))
    assert len(traces) == 1
    assert not np.allclose(one, other)
