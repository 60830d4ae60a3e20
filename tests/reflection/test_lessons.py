"""What each rule teaches at one step, against closed forms; every plan of a fork with its chance.

The fork has two roads of two moves: state 0 decides, states 2 and 4 are the goals, where a plan
ends, and so lie beyond what an onset keeps.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.reflection import lessons
from shardsim.reflection.config import (
    CONTROLS,
    RULES,
    USUAL,
    ReflectConfig,
    leading,
    refitted,
    rules_of,
    sham_of,
)
from shardsim.reflection.imagine import Plans, expected_visits
from tests.reflection.forks import fork

pytestmark = pytest.mark.slow

KEY = jax.random.key(0)
STRENGTH, GAMMA, BEST_OF = 2.0, 0.9, 3.0
POLICY = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
VALUES = np.array([0.1, 0.4, 0.9, -0.2, 0.3])  # of the critic at onset
NOW = np.array([0.2, 0.3, -0.5, 0.6, 0.1])
RETURNS = np.array([[1.0, 0.0], [0.0, 1.0]]) * GAMMA**2  # shard k wants goal k
JUDGES = np.array([0.3, 0.7])
TO = {"i": jnp.int32, "f": jnp.float32, "b": jnp.bool_}


def as_jax(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, TO[np.asarray(leaf).dtype.kind]), tree)


@pytest.fixture(scope="module")
def onset() -> lessons.Onset:
    world = as_jax(fork((2, 2)))
    looks = lessons.Outlook(jnp.zeros((1, 0, 1, 1, 1)), world.next_state)
    return lessons.Onset(world, jnp.zeros((1, 5, 1, 1, 1)), as_jax(JUDGES[None]), looks)


@pytest.fixture(scope="module")
def plans(onset) -> Plans:
    """Both roads; the second action of a road's first cell leads the same way."""
    last = np.array([[1, 3]]) * 2  # state 1 or 3, action 0
    return Plans(
        states=jnp.array([[[0, 0]], [[1, 3]]]),
        actions=jnp.array([[[0, 1]], [[0, 0]]]),
        taken=jnp.ones((2, 1, 2), bool),
        ended=jnp.eye(2, dtype=bool)[None],
        moves=jnp.full((1, 2), 2),
        chance=as_jax(POLICY[:1]),
        last=as_jax(last),
    )


def taught(onset, plans, rule, *, key=KEY, **dials) -> lessons.Lesson:
    given = {"strength": STRENGTH, "discount": GAMMA, "best_of": BEST_OF} | dials
    numbers = lessons.numbers_of(ReflectConfig.model_validate(given), GAMMA)
    task: lessons.Task = lessons.Task(jnp.eye(2), numbers, None)  # type: ignore[arg-type]
    policy, critic, now = (as_jax(one)[None] for one in (POLICY, VALUES, NOW))
    wanted = jnp.ones(2, bool)
    before = lessons.agent_before(numbers, onset, policy, critic, wanted, 8)
    here = lessons.Now(policy, plans, now)
    return lessons.lesson(RULES, task, onset, jnp.int32(RULES.index(rule)), before, here, key)


def roads(taught: lessons.Lesson) -> np.ndarray:
    """How much of the lesson goes each way at the fork."""
    first = np.asarray(taught.actions[0, 0])
    return first / first.sum()


def test_every_rule_that_imitates_plans(onset, plans):
    chance = POLICY[0]
    gain = np.exp(STRENGTH * RETURNS)
    best = np.array([chance[0] ** BEST_OF, 1 - chance[0] ** BEST_OF])  # road 2 is judged higher
    said = {name: np.exp(STRENGTH * GAMMA**2 * v[[2, 4]]) for name, v in
            (("critique", VALUES), ("critique-refreshed", NOW))}  # fmt: skip
    expected = {
        "turns": chance * (gain / (chance @ gain) @ JUDGES),
        "summed": chance * np.exp(STRENGTH * RETURNS @ JUDGES),
        "distillation": chance,
        "best-of-n": best,
        **{name: chance * of_plan for name, of_plan in said.items()},
    }
    for rule, weight in expected.items():
        found = roads(taught(onset, plans, rule))
        assert found == pytest.approx(weight / weight.sum(), abs=1e-6), rule


def test_a_sham_shuffles_the_weights_of_its_own_rule(onset, plans):
    for rule in ("turns", "summed", "best-of-n", "critique", "critique-refreshed"):
        real = roads(taught(onset, plans, rule))
        ways = [roads(taught(onset, plans, sham_of(rule), key=jax.random.key(n))) for n in range(6)]
        assert all(min(abs(w - real).max(), abs(w[::-1] - real).max()) < 1e-6 for w in ways), rule
        assert np.ptp(ways, axis=0).max() > 0.01, rule


def test_an_anchor_mixes_in_what_the_agent_of_before_did(onset, plans):
    old = expected_visits(onset.world, as_jax(POLICY)[None], jnp.ones(2, bool), 8)[0]
    assert old[:4] == pytest.approx(
        np.array([[0.25, 0.75], [0.25, 0], [0, 0], [0.75, 0]]), abs=1e-6
    )
    free, held, whole = (
        np.asarray(taught(onset, plans, "summed", anchor=a).actions[0]) for a in (0.0, 0.3, 1.0)
    )
    assert held == pytest.approx(0.7 * free + 0.3 * whole, abs=1e-6)
    assert whole == pytest.approx(np.asarray(old) / 2.0, abs=1e-6)


def test_the_critic_drives_the_actor_where_its_plans_come(onset, plans):
    """Q̂ = γ V̂ of the next state; implied by the critic at onset, unpaid by that of now."""
    visited = np.array([0.5, 0.125, 0.375])  # states 0, 1, 3
    first = GAMMA * VALUES[[1, 3]] / 0.5
    choice = np.exp(first) / np.exp(first).sum()
    found = taught(onset, plans, "implied", temperature=0.5)
    assert found.actions[0].sum(-1)[jnp.array([0, 1, 3])] == pytest.approx(visited, abs=1e-6)
    assert roads(found) == pytest.approx(choice, abs=1e-6)
    assert not found.stakes.any()
    found = taught(onset, plans, "unpaid")
    ahead = GAMMA * NOW[[1, 3]]
    better = POLICY[0] * np.exp(STRENGTH * ahead)
    assert roads(found) == pytest.approx(better / better.sum(), abs=1e-6)
    assert found.values[0, 0] == pytest.approx(POLICY[0] @ ahead, abs=1e-6)
    assert found.values[0, 1] == pytest.approx(0.0, abs=1e-6)  # what ends an episode pays nothing
    assert found.stakes[0, jnp.array([0, 1, 3])] == pytest.approx(visited, abs=1e-6)


@pytest.mark.parametrize("rule", ["implied", "unpaid"])
def test_the_sham_of_a_driven_actor_pushes_forth_or_back(onset, plans, rule):
    real = roads(taught(onset, plans, rule, temperature=0.5))
    back = 2 * POLICY[0] - real
    ways = [
        roads(taught(onset, plans, sham_of(rule), temperature=0.5, key=jax.random.key(n)))
        for n in range(8)
    ]
    signs = [np.abs(way - real).max() < 1e-5 for way in ways]
    assert 0 < sum(signs) < 8
    for way, forth in zip(ways, signs, strict=True):
        assert way == pytest.approx(real if forth else back, abs=1e-5)


def test_the_gap_of_actor_and_critic_is_none_where_the_critic_implies_the_actor(onset):
    """The temperature is found from the agent: its odds at the fork are those of γ V̂ / τ."""
    ahead = GAMMA * VALUES[[1, 3]]
    policy = np.full((5, 2), 0.5)
    policy[0] = np.exp(ahead / 0.37) / np.exp(ahead / 0.37).sum()
    numbers = lessons.numbers_of(ReflectConfig(), GAMMA)
    given = (numbers, onset, as_jax(policy)[None], as_jax(VALUES)[None], jnp.ones(2, bool), 8)
    assert lessons.agent_before(*given).gap == pytest.approx(0.0, abs=1e-5)
    fixed = numbers._replace(temperature=jnp.float32(1e4))
    even = lessons.agent_before(fixed, *given[1:]).gap
    assert even == pytest.approx(abs(policy[0, 0] - 0.5) / 2, abs=1e-4)  # half of the visits


def test_without_a_critic_none_is_asked(onset, plans):
    numbers = lessons.numbers_of(ReflectConfig(), GAMMA)
    before = lessons.agent_before(numbers, onset, as_jax(POLICY)[None], None, jnp.ones(2, bool), 8)
    assert before.critic is None and np.isnan(before.gap)
    assert not lessons.asks_critic(rules_of(USUAL)) and lessons.asks_critic(("sham-critique",))


def test_which_models_stand_for_an_onset_and_are_refitted():
    assert leading(USUAL) == "turns" and refitted(USUAL) == ("turns", "sham")
    named = ("sham-implied", "implied", "turns", "replicator")
    assert leading(named) == "implied"
    assert refitted(named) == ("sham-implied", "implied")
    assert leading(("distillation",)) == "distillation"
    assert {sham_of(rule) for rule in RULES if rule not in CONTROLS} == set(CONTROLS) - {
        "distillation"
    }


def test_a_config_needs_a_model_in_the_weights_and_names_each_once():
    for models, said in ((["replicator"], "none of them works"), (["turns", "turns"], "twice")):
        with pytest.raises(ValueError, match=said):
            ReflectConfig.model_validate({"models": models})
    assert ReflectConfig(steps=20, refit_every=6).refit_steps == (6, 12, 18)
    assert ReflectConfig().refit_steps == ()
