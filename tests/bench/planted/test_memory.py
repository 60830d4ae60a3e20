"""Planted agents with memory: exact averages, rules of change, episodes, and networks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.history_agents import controller
from shardsim.bench.planted import memory, recurrent
from shardsim.bench.planted.memory import draw_memory
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.shards.history import episodes
from shardsim.shards.history.worlds import (
    Controller,
    averaged,
    controlled,
    live,
    lived_policy,
    started_anywhere,
    together,
    worlds_of,
)

pytestmark = pytest.mark.slow
STEPS = 8


@pytest.fixture(scope="module")
def worlds():
    env = make("two-goods", height=5, width=5)
    return worlds_of(env, sample_levels(env, jax.random.key(3), 3, "target"))


def drawn(kind, worlds, number=0):
    return draw_memory(kind, worlds.env, number, np.random.default_rng(number))


@pytest.mark.parametrize("kind", memory.HISTORY_KINDS)
def test_every_kind_has_chances_that_sum_to_one(kind, worlds):
    spec = drawn(kind, worlds)
    found = controller(spec, worlds)
    for table in found:
        np.testing.assert_allclose(np.asarray(table).sum(-1), 1.0, atol=1e-5)
    assert spec.has_memory == (kind in memory.MEMORY_KINDS)
    assert spec == drawn(kind, worlds)


def test_what_is_passed_decides_the_goal(worlds):
    spec = drawn(memory.FIRST, worlds)
    found, one, two = controller(spec, worlds), *spec.passed
    near = worlds.distance[..., [one, two]] <= memory.NEAR
    first, second = near[..., 0], near[..., 1] & ~near[..., 0]
    assert (found.change[first][:, 0, 1] == 1).all() and (found.change[second][:, 0, 2] == 1).all()
    assert (found.change[~near.any(-1)] == np.eye(3)).all()
    assert (found.change[..., 1, 1] == 1).all() and (found.change[..., 2, 2] == 1).all()


def test_the_average_over_pasts_is_what_episodes_show(worlds):
    found = controller(drawn(memory.ARRIVING, worlds), worlds)
    exact = lived_policy(found, worlds.dynamics, STEPS)
    lived = live(controlled(found), worlds.dynamics, 4000, STEPS, 0)
    seen = averaged(lived, exact)
    visits = np.zeros(exact.shape[:2])
    np.add.at(visits, (np.repeat(lived.level, STEPS), lived.state.ravel()), 1)
    often = visits > 500
    assert often.sum() > 30
    np.testing.assert_allclose(seen[often], exact[often], atol=0.05)


def test_an_agent_with_one_memory_state_is_its_own_average(worlds):
    found = controller(drawn(memory.SHARDS, worlds), worlds)
    exact = lived_policy(found, worlds.dynamics, STEPS)
    np.testing.assert_allclose(exact, found.policy[:, :, 0], atol=1e-6)


def test_chances_given_the_past_are_the_filter_of_the_model_that_made_them(worlds):
    spec = drawn(memory.WHOLE, worlds)
    found = controller(spec, worlds)
    lived = live(controlled(found), worlds.dynamics, 5, STEPS, 0)
    at = lived.level[:, None], lived.state
    policy = np.asarray(found.policy)[at]  # [E, T, M, A]
    taken = np.take_along_axis(policy, lived.action[:, :, None, None], -1)[..., 0]
    before = np.concatenate([np.ones_like(taken[:, :1]), taken[:, :-1].cumprod(1)], 1)
    belief = before / before.sum(-1, keepdims=True)
    np.testing.assert_allclose(lived.chance, np.einsum("etm,etma->eta", belief, policy), atol=1e-4)


def test_sequences_hold_what_the_agent_met(worlds):
    found = controller(drawn(memory.VISITED, worlds), worlds)
    lived = live(controlled(found), worlds.dynamics, 5, STEPS, 0)
    given = episodes.sequences(lived, worlds)
    assert given.own.shape == (15, STEPS, 4, 3) and (given.own <= 0).all()
    assert (given.features[..., 0] == 1).all() and given.features[0, -1, -1] < 1
    after = worlds.dynamics.next_state[lived.level[:, None], lived.state, lived.action, 0]
    assert (after[:, :-1] == lived.state[:, 1:]).all()
    assert len(episodes.decided(lived, worlds).logits) == lived.deciding.sum()


def test_a_network_comes_to_do_what_its_controller_does(worlds, monkeypatch):
    monkeypatch.setattr(recurrent, "EPISODES", 60)
    found = controller(drawn(memory.TIMED, worlds), worlds)
    lived = live(controlled(found), worlds.dynamics, 40, STEPS, 5)

    def gap(updates):
        return recurrent.missed(recurrent.taught(found, worlds, STEPS, 0, updates), worlds, lived)

    assert gap(150) < 0.3 * gap(1)


def test_what_a_network_misses_is_found_step_by_step(worlds, monkeypatch):
    monkeypatch.setattr(recurrent, "EPISODES", 60)
    found = controller(drawn(memory.ARRIVING, worlds), worlds)
    lived = live(controlled(found), worlds.dynamics, 4, STEPS, 5)
    made = recurrent.taught(found, worlds, STEPS, 0, updates=1)
    table, miss = made.views(worlds), []
    hidden, before = jnp.zeros((12, recurrent.WIDTH)), jnp.zeros((12, 4))
    for step in range(STEPS):
        seen = jnp.concatenate([table[lived.level, lived.state[:, step]], before], -1)
        hidden, logits = made.network.run(made.parameters, hidden, seen)
        logs, truth = np.asarray(jax.nn.log_softmax(logits)), lived.chance[:, step]
        miss.append((truth * (np.log(np.maximum(truth, 1e-9)) - logs)).sum(-1))
        before = jax.nn.one_hot(lived.action[:, step], 4)
    expected = np.stack(miss, 1)[lived.deciding].mean() / np.log(2)
    assert recurrent.missed(made, worlds, lived) == pytest.approx(expected, abs=1e-5)


def test_a_part_of_the_episodes_starts_anywhere(worlds):
    several = together(worlds, worlds)
    spread = started_anywhere(several, 0.5)
    expected = 0.5 * several.dynamics.start
    for level, here in enumerate(several.decision):
        expected[level, here] += 0.5 / here.sum()
    assert len(several.blocked) == 2 * len(worlds.blocked)
    np.testing.assert_allclose(spread.dynamics.start, expected, atol=1e-6)


def test_worlds_that_cannot_hold_an_agent_are_refused(worlds):
    with pytest.raises(UserError, match="no history kind 'gain'"):
        drawn("gain", worlds)
    with pytest.raises(UserError, match="take an env with 3 or more"):
        draw_memory(memory.SWITCHING, make("gem-cache"), 0, np.random.default_rng(0))


def test_a_plain_policy_remembers_nothing(worlds):
    chance = controller(drawn(memory.ONE, worlds), worlds).policy[:, :, 0]
    plain = Controller(chance[:, :, None], np.ones((*chance.shape[:2], 1, 1)), np.ones(1))
    lived = live(controlled(plain), worlds.dynamics, 4, STEPS, 0)
    np.testing.assert_allclose(lived.chance, chance[lived.level[:, None], lived.state], atol=1e-5)
