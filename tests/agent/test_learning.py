"""Learners that learn, and programs that serve many numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent import train as training
from shardsim.agent.checkpoint import of_chunk
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.hyperparameters import hyperparameters
from shardsim.agent.train import begin, make_learner, train
from shardsim.base.arrays import to_bytes
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.levels import all_states, take

PROGRAMS = (training.advance, training._begin, training._evaluate)
OTHER = {
    "learning_rate": 7e-4,
    "learning_rate_end": 0.3,
    "entropy": 0.02,
    "entropy_end": 0.003,
    "discount": 0.9,
    "gae_lambda": 0.8,
    "clip": 0.1,
    "value_coefficient": 0.7,
    "max_grad_norm": 0.3,
}


def trained(config: TrainConfig, env: Env) -> list[bytes]:
    """The bytes of all checkpoints."""
    return [to_bytes(of_chunk(chunk)) for chunk in train(config, jax.random.key(3), env=env)]


def test_runs_that_differ_in_numbers_share_their_programs_and_are_what_they_are_alone(tiny_run):
    env, config = tiny_run.env, tiny_run.config.model_copy(update={"seeds": 1})
    other = config.model_copy(update=OTHER)
    jax.clear_caches()
    alone = trained(other, env)
    assert [program._cache_size() for program in PROGRAMS] == [1, 1, 1]
    jax.clear_caches()
    first = trained(config, env)
    assert [program._cache_size() for program in PROGRAMS] == [1, 1, 1]
    assert trained(other, env) == alone
    assert [program._cache_size() for program in PROGRAMS] == [1, 1, 1]
    assert first[0] == alone[0] and first[-1] != alone[-1]


@pytest.mark.parametrize("name", sorted(OTHER))
def test_every_number_is_among_those_that_are_handed_over(name):
    """One that was left in the program would not be among those that change."""
    config = TrainConfig()
    other = config.model_copy(update={name: OTHER[name]})
    assert any(
        one != two for one, two in zip(hyperparameters(config), hyperparameters(other), strict=True)
    )


@pytest.mark.slow
def test_pqn_comes_to_the_exact_values_of_the_best_actions(tiny_env):
    """In two levels seen all the time, and so without anything to generalise to.

    With λ above 0 the targets also follow moves that were explored (Peng's), and so lie below.
    """
    config = TrainConfig(
        learner="pqn",
        seeds=1,
        total_steps=80_000,
        num_envs=16,
        bank_levels=2,
        bank_starts=64,
        checkpoints=2,
        evaluation_levels=2,
        discount=0.8,
        gae_lambda=0.0,
        exploration_end=0.5,
        learning_rate_end=0.0,
        network=NetworkConfig(widths=(32, 32)),
    )
    key = jax.random.key(0)
    *_, last = train(config, key, env=tiny_env)
    levels = take(begin(tiny_env, config, key)[0].levels, 0)
    learner, parameters = make_learner(tiny_env, config), take(last.carry.parameters, 0)

    @jax.jit
    def exact(level):
        tabular = tiny_env.tabular(level)
        # A time-out is no end to the learner, hence many more steps than an episode has.
        values = planning.optimal_values(tabular, level.reward_weights, 0.8, 100)[1]
        anyhow = jnp.full(values.shape, 1 / values.shape[1])
        return values, planning.visitation(tabular, anyhow, tabular.start, tiny_env.max_steps)

    for number in range(2):
        level = take(levels, number)
        wanted, visits = (np.asarray(each) for each in exact(level))
        states = all_states(tiny_env, jax.tree.map(lambda leaf: leaf[None], level))
        seen = jax.vmap(tiny_env.observe)(states)
        found = learner.network.run(parameters, seen).action_values
        assert found is not None
        asked = visits > 1e-3  # in others no action is ever chosen
        apart = np.abs(np.asarray(found) - wanted)[asked]
        assert asked.sum() > 5 and wanted[asked].std() > 0.1
        assert np.sqrt(np.mean(apart**2)) < 0.03 and apart.max() < 0.1
