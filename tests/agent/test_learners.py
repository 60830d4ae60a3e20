"""A2C and PQN against closed forms, and what a learner may be told.

That they learn is asserted in `test_learning.py`.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from shardsim.agent import a2c, pqn
from shardsim.agent.advantage import advantage
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.hyperparameters import hyperparameters, in_force
from shardsim.agent.learners import LEARNERS
from shardsim.agent.loss import Coefficients
from shardsim.agent.network import Output
from shardsim.agent.options import DEFAULTS, UNREAD
from shardsim.agent.rollout import Batch

NOTHING = Coefficients(jnp.float32(0), jnp.float32(0), jnp.float32(0))


def rows(actions, advantages, targets) -> Batch:
    """A batch of which a loss reads no state."""
    actions = jnp.asarray(actions, jnp.int32)
    zeros = jnp.zeros(actions.shape, jnp.float32)
    given = (jnp.asarray(each, jnp.float32) for each in (advantages, targets))
    return Batch(jnp.zeros(()), actions, zeros, *given)  # pyright: ignore[reportArgumentType]


# ------------------------------------------------------------------------------------- options


def test_defaults_of_a_learner_are_put_in_and_what_is_written_stands():
    assert TrainConfig() == TrainConfig(learner="ppo")
    a2c_config = TrainConfig(learner="a2c", rollout_steps=4)
    assert (a2c_config.epochs, a2c_config.minibatches, a2c_config.rollout_steps) == (1, 1, 4)
    for learner, own in DEFAULTS.items():
        made = TrainConfig.model_validate({"learner": learner})
        assert {key: getattr(made, key) for key in own} == own
        assert TrainConfig.model_validate(made.model_dump()) == made


@pytest.mark.parametrize(
    ("learner", "key", "value"),
    [
        ("ppo", "exploration", 0.5),
        ("a2c", "clip", 0.1),
        ("pqn", "entropy", 0.02),
        ("pqn", "value_coefficient", 1.0),
    ],
)
def test_a_setting_that_a_learner_does_not_read_is_refused(learner, key, value):
    with pytest.raises(ValidationError, match=f"{key} = {value} is not read by learner"):
        TrainConfig.model_validate({"learner": learner, key: value})


def test_a_temperature_without_action_values_is_refused():
    network = NetworkConfig(temperature=0.5)
    with pytest.raises(ValidationError, match=r"network.temperature = 0.5 is not read"):
        TrainConfig(network=network)
    assert TrainConfig(learner="pqn", network=network).network.temperature == 0.5


def test_a2c_goes_over_a_rollout_once():
    with pytest.raises(ValidationError, match="one step for each rollout"):
        TrainConfig(learner="a2c", epochs=2)


@pytest.mark.parametrize("learner", ["dqn", ["a2c"], None])
def test_an_unknown_learner_is_refused(learner):
    with pytest.raises(ValidationError, match="learner"):
        TrainConfig.model_validate({"learner": learner})


def test_every_learner_has_sections_and_tables():
    assert set(LEARNERS) == set(DEFAULTS) == set(UNREAD)


def test_schedules_go_straight_and_exploration_then_stays():
    config = TrainConfig(
        learner="pqn", learning_rate=1e-2, learning_rate_end=0.5, exploration=0.8,
        exploration_end=0.2, exploration_until=0.5,
    )  # fmt: skip
    numbers = hyperparameters(config)
    for progress, rate, exploration in (
        (0.0, 1e-2, 0.8), (0.25, 8.75e-3, 0.5), (0.5, 7.5e-3, 0.2), (1.0, 5e-3, 0.2),
    ):  # fmt: skip
        now = in_force(numbers, jnp.float32(progress))
        np.testing.assert_allclose(now.learning_rate, rate, rtol=1e-6)
        np.testing.assert_allclose(now.exploration, exploration, rtol=1e-6)


# ----------------------------------------------------------------------------------------- a2c


def test_the_gradient_of_a2c_is_that_of_the_expected_return():
    """Two moves, each by chances of whole quarters, so that 16 episodes stand for all there are."""
    chance = np.array([[1, 3], [2, 2], [3, 1]]) / 4  # [state, action]
    first = np.array([0.5, -1.0])  # reward of the first move; it leads to state 1 + action
    second = np.array([[2.0, 0.0], [-1.0, 3.0]])  # [state - 1, action]
    logits = jnp.asarray(np.log(chance), jnp.float32)

    def expected(logits):
        policy = jax.nn.softmax(logits)
        later = jnp.sum(policy[1:] * jnp.asarray(second, jnp.float32), axis=1)
        return jnp.sum(policy[0] * (jnp.asarray(first, jnp.float32) + 0.9 * later))

    quarters = [
        [action for action in (0, 1) for _ in range(int(4 * row[action]))] for row in chance
    ]
    paths = [(one, two) for one in quarters[0] for two in quarters[1 + one]]
    one, two = np.array(paths).T  # int[B]
    assert len(one) == 16
    states = np.stack([np.zeros_like(one), 1 + one])
    values = np.array([0.3, -0.7, 1.1], np.float32)[states]  # any baseline will do
    after = np.stack([values[1], np.zeros_like(values[1])])
    rewards = np.stack([first[one], second[one, two]]).astype(np.float32)
    over = np.stack([np.zeros(len(one), bool), np.ones(len(one), bool)])
    never = jnp.zeros(over.shape, bool)
    given = [jnp.asarray(each) for each in (values, after, rewards, over)]
    found = advantage(given[0], given[1], given[2], given[3], never, 0.9, 1.0)
    # The gradient of a discounted return counts later decisions less.
    credit = found.advantages * jnp.array([[1.0], [0.9]], jnp.float32)
    batch = rows(np.stack([one, two]).ravel(), credit.ravel(), credit.ravel())

    def loss(logits):
        seen = logits[states.ravel()]
        return a2c.loss(Output(seen, jnp.zeros(len(seen)), {}), batch, NOTHING)[0]

    # The mean is over decisions, of which an episode has two.
    np.testing.assert_allclose(-2 * jax.grad(loss)(logits), jax.grad(expected)(logits), atol=1e-6)


# ----------------------------------------------------------------------------------------- pqn


def by_hand(rewards, best_after, terminated, truncated, discount, decay) -> np.ndarray:
    """λ-returns of one env, float64[T]: Gallici et al. 2024, section 3, from the end backwards."""
    found = np.zeros(len(rewards))
    for step in reversed(range(len(rewards))):
        if terminated[step]:
            found[step] = rewards[step]
        elif truncated[step] or step == len(rewards) - 1:
            found[step] = rewards[step] + discount * best_after[step]
        else:
            blend = decay * found[step + 1] + (1 - decay) * best_after[step]
            found[step] = rewards[step] + discount * blend
    return found


@pytest.mark.parametrize("decay", [0.0, 0.65, 1.0])
def test_targets_are_the_lambda_returns_of_the_best_actions(decay):
    draw, steps, envs = np.random.default_rng(5), 9, 6
    terminated = draw.random((steps, envs)) < 0.15
    truncated = ~terminated & (draw.random((steps, envs)) < 0.15)
    best = draw.normal(size=(steps, envs))  # max Q where each move was chosen
    after = draw.normal(size=(steps, envs))  # max Q where it led
    ended = terminated | truncated
    after[:-1] = np.where(ended[:-1], after[:-1], best[1:])  # that is where the next is chosen
    rewards = draw.normal(size=(steps, envs))
    value, onward, paid = (jnp.asarray(each, jnp.float32) for each in (best, after, rewards))
    ends = jnp.asarray(terminated), jnp.asarray(truncated)
    found = advantage(value, onward, paid, ends[0], ends[1], 0.9, decay)
    for env in range(envs):
        lost, late = terminated[:, env], truncated[:, env]
        exact = by_hand(rewards[:, env], after[:, env], lost, late, 0.9, decay)
        np.testing.assert_allclose(found.targets[:, env], exact, atol=2e-6)


def test_epsilon_greedy_takes_the_best_action_as_often_as_it_says():
    logits = jnp.tile(jnp.array([0.0, 3.0, 1.0, -2.0]), (40_000, 1))
    got = pqn.action(jax.random.key(1), logits, jnp.float32(0.4))
    share = np.bincount(np.asarray(got.executed), minlength=4) / 40_000
    np.testing.assert_allclose(share, [0.1, 0.7, 0.1, 0.1], atol=0.01)  # over four deviations
    told = np.exp(np.asarray(got.log_probability))
    np.testing.assert_allclose(told, np.where(got.recorded == 1, 0.7, 0.1), rtol=1e-5)
    greedy = pqn.action(jax.random.key(2), logits[:50], jnp.float32(0.0))
    assert set(np.asarray(greedy.executed)) == {1}


def test_the_loss_of_pqn_moves_the_values_of_the_actions_taken_alone():
    values = jnp.array([[0.5, 1.0], [2.0, -1.0]])

    def loss(values):
        output = Output(jnp.zeros((2, 2)), jnp.zeros(2), {}, values)
        return pqn.loss(output, rows([1, 0], [9.0, 9.0], [3.0, 1.0]), NOTHING)[0]

    np.testing.assert_allclose(loss(values), 0.5 * (4.0 + 1.0) / 2)
    np.testing.assert_allclose(jax.grad(loss)(values), [[0.0, -1.0], [0.5, 0.0]])


def test_the_policy_of_a_q_network_is_the_softmax_of_its_values(tiny_env):
    network = pqn.build_q_network(NetworkConfig(widths=(8, 6), temperature=0.1), tiny_env)
    seen = jax.random.uniform(jax.random.key(3), (5, *tiny_env.observation_shape))
    seen = seen.at[..., 0].set(0.0).at[:, 1, 1, 0].set(1.0)
    parameters = jax.jit(network.init)(jax.random.key(4), seen)
    output = jax.jit(network.run)(parameters, seen)
    np.testing.assert_allclose(output.value, output.action_values.max(1), atol=1e-6)
    np.testing.assert_allclose(
        jax.nn.log_softmax(output.logits),
        jax.nn.log_softmax(output.action_values / 0.1),
        atol=1e-4,
    )
    assert {"norm_dense_1", "norm_dense_2", "q"} <= set(parameters["params"])


def test_the_page_on_learners_tells_their_defaults():
    page = (Path(__file__).parents[2] / "docs" / "learners.md").read_text()
    for learner, own in DEFAULTS.items():
        told = ", ".join(f"`{key}` {value:g}" for key, value in own.items())
        assert f"| `{learner}` | {told or 'those of config.md'} |" in page
