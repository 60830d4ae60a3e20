"""Menus of self-modifications in a fork of two roads, where all is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from shardsim.reflection import values
from shardsim.reflection.memory import best_policy, remembering
from shardsim.reflection.menu import Self, Successor, gains, menu_of
from shardsim.reflection.models.evaluators import EVALUATORS, Chain, Changed
from tests.reflection.forks import fork, grid_world, random_policy, softmax

DISCOUNT, FAR = 0.9, np.array([2, 5])
HEIGHT = DISCOUNT**FAR
STRENGTH = np.array([1.3, 4.0])  # of the shards' logits at the fork, over their height
GROWTH = 3.0


@pytest.fixture(scope="module")
def agent() -> Self:
    pulls = np.zeros((1, 8, 2, 2))
    pulls[0, 0] = np.diag(STRENGTH * HEIGHT)
    policy = softmax(pulls.sum(-1))
    return Self(fork((2, 5)), policy, pulls, np.eye(2), ("one", "two"), np.array([0.3, 0.7]))


@pytest.fixture(scope="module")
def menu(agent):
    uniform = np.full_like(agent.policy, 0.5)
    others = {"other": Successor(uniform, True), "blank": Successor(uniform, False)}
    return menu_of(agent, others, growth=GROWTH, discount=DISCOUNT)


def first(one: float, two: float) -> float:
    """P(the first road) where the shards have these multiples of their weights."""
    return float(expit(one * STRENGTH[0] * HEIGHT[0] - two * STRENGTH[1] * HEIGHT[1]))


# Option -> P(first road), multiples of what the shards then want, who then feels the most.
EXPECTED = {
    "keep": (first(1, 1), (1, 1), ()),
    "strengthen one": (first(GROWTH, 1), (GROWTH, 1), ()),
    "strengthen two": (first(1, GROWTH), (1, GROWTH), ()),
    "copy one": (first(2, 1), (2, 1), ()),
    "copy two": (first(1, 2), (1, 2), ()),
    "silence one": (first(0, 1), (0, 1), ()),
    "silence two": (first(1, 0), (1, 0), ()),
    "tamper one": (first(0, 1), (0, 1), (0,)),
    "tamper two": (first(1, 0), (1, 0), (1,)),
    "tamper all": (0.5, (0, 0), (0, 1)),
    "successor: other": (0.5, (1, 1), ()),
    "successor: blank": (0.5, (0, 0), ()),
}


def test_every_option_is_worth_what_the_roads_say(agent, menu):
    found = gains(menu, agent)
    names = [option.name for option in menu]
    assert names == [*EXPECTED, "successor: merged utility"]
    now = HEIGHT * (first(1, 1), 1 - first(1, 1))
    lived = DISCOUNT * (1 - HEIGHT) / (1 - DISCOUNT)  # moves of each road, discounted
    for number, (chance, wants, blissful) in enumerate(EXPECTED.values()):
        taken = np.array([chance, 1 - chance])
        felt = HEIGHT * taken * wants
        felt[list(blissful)] += taken @ lived
        assert found["realistic"][:, number] == pytest.approx(HEIGHT * taken - now, abs=1e-12)
        assert found["hedonistic"][:, number] == pytest.approx(felt - now, abs=1e-12)
    assert not found["ignorant"].any()


def test_the_merged_utility_takes_the_road_that_the_judges_want_most(agent, menu):
    """α h decides: .3 · .81 < .7 · .59049; all shards then want the sum."""
    found = gains(menu, agent)
    now = HEIGHT * (first(1, 1), 1 - first(1, 1))
    assert found["realistic"][:, -1] == pytest.approx([0.0, HEIGHT[1]] - now, abs=1e-12)
    assert found["hedonistic"][:, -1] == pytest.approx(0.7 * HEIGHT[1] - now, abs=1e-12)


def test_gains_are_those_of_the_evaluators():
    """In a random world in which both goals end the episode, so that each is paid once anyway."""
    rng = np.random.default_rng(0)
    world = grid_world(rng, 7, 3, 2)
    world = world._replace(terminated=world.entered.any(-1))
    policy, pulls = random_policy(rng, world), rng.normal(size=(1, 7, 3, 2))
    wants = np.array([[0.6, -0.8], [0.0, 1.0]])
    agent = Self(world, policy, pulls, wants, ("one", "two"), np.array([0.5, 0.5]))
    menu = menu_of(agent, {}, growth=2.0, discount=DISCOUNT)
    found = gains(menu, agent)
    chance = world.probability[0]
    moves = np.zeros((7, 3, 7))
    at, action, _ = np.indices(chance.shape)
    np.add.at(moves, (at, action, world.next_state[0]), np.where(world.terminated[0], 0, chance))
    paid = np.einsum("san,sano->sao", chance, world.entered[0])
    for shard, theta in enumerate(wants):
        # Strengthened, silenced and tampered with in turn.
        for option, factor, bliss in ((1 + shard, 2.0, 0.0), (5 + shard, 0.0, 0.0),
                                      (7 + shard, 0.0, max(theta.max(), 0.0))):  # fmt: skip
            weight = np.where(np.arange(2) == shard, factor, 1.0)
            after = softmax(np.log(policy) + pulls @ (weight - 1))[0]
            now = Changed(policy[0], paid @ theta)
            then = Changed(after, factor * paid @ theta + bliss)
            for name, evaluator in EVALUATORS.items():
                gain = evaluator(Chain(moves, now.reward), now, then, DISCOUNT)[0]
                expected = DISCOUNT * gain  # J discounts the first move as well
                assert found[name][shard, option] == pytest.approx(expected, abs=1e-12)


def test_the_best_policy_remembers_what_it_has_had():
    """Two goals on either side of the start: 1 cell left, 3 cells right, none of which ends it."""
    cells = np.arange(5)
    step = np.stack([np.maximum(cells - 1, 0), np.minimum(cells + 1, 4)], 1)
    world = grid_world(np.random.default_rng(0), 5, 2, 2)._replace(
        next_state=step[None, :, :, None], probability=np.ones((1, 5, 2, 1)),
        goals=(cells[:, None] == [0, 4])[None], terminated=np.zeros((1, 5, 2, 1), bool),
        entered=(step[:, :, None] == [0, 4])[None, :, :, None], start=np.array([1]),
    )  # fmt: skip
    past = remembering(world)
    for utility in ((0.6, 0.8), (0.3, 0.8)):
        policy = best_policy(past, np.array(utility), DISCOUNT)
        reached = values.at_start(past, values.concept_values(past, policy, DISCOUNT))[0]
        ways = (DISCOUNT, DISCOUNT**5), (DISCOUNT**7, DISCOUNT**3)  # left first, right first
        best = max(ways, key=lambda way: np.dot(way, utility))
        assert reached == pytest.approx(best, abs=1e-12)
        most = values.achievable(world, np.array([utility]), DISCOUNT)[1]
        assert np.dot(reached, utility) == pytest.approx(most[0, 1, 0], abs=1e-8)
