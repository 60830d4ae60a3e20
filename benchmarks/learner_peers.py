"""Learners of other libraries in a world of ours, their policies examined as ours are.

Each takes an env, a config of ours and an exam, and returns float[seeds, moments]: the return over
the optimum at each moment. Raises ImportError where the library is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from train_peers import Gymnax, vector_env

from shardsim.agent.config import TrainConfig
from shardsim.agent.network import centred
from shardsim.env.core import Env
from shardsim.env.episodes import make_bank


class Exam(NamedTuple):
    """What policies are asked, and when."""

    observations: np.ndarray  # float32[N, H, W, C], every state of the levels
    mark: Callable[[np.ndarray], float]  # logits float32[N, A] -> return over the optimum
    stretch: int  # updates between two moments
    moments: int


def rejax(kind: str, env: Env, config: TrainConfig, exam: Exam) -> np.ndarray:
    """Train PPO or PQN of rejax, all seeds in one vmapped program."""
    import rejax as library

    draw = jax.jit(make_bank, static_argnums=(0, 2, 3))
    bank = draw(env, jax.random.key(0), config.bank_levels, config.bank_starts)
    every = exam.stretch * config.num_envs * config.rollout_steps
    shared = {
        "env": Gymnax(env, bank),
        "num_envs": config.num_envs,
        "num_steps": config.rollout_steps,
        "num_epochs": config.epochs,
        "num_minibatches": config.minibatches,
        "learning_rate": config.learning_rate,
        "max_grad_norm": config.max_grad_norm,
        "gamma": config.discount,
        "total_timesteps": every * exam.moments,
        "eval_freq": every,
        "skip_initial_evaluation": True,
    }
    own = {
        "PPO": {
            "agent_kwargs": {"hidden_layer_sizes": config.network.widths, "activation": "relu"},
            "gae_lambda": config.gae_lambda,
            "clip_eps": config.clip,
            "vf_coef": config.value_coefficient,
            "ent_coef": config.entropy,
        },
        "PQN": {
            "agent_kwargs": {},  # it has layers of 64 and 64 and takes no others
            "td_lambda": config.gae_lambda,
            "eps_start": config.exploration,
            "eps_end": config.exploration_end,
            "exploration_fraction": config.exploration_until,
        },
    }
    algorithm = getattr(library, kind).create(**(shared | own[kind]))
    state = "actor_ts" if kind == "PPO" else "q_ts"
    algorithm = algorithm.replace(
        eval_callback=lambda algorithm, now, key: getattr(now, state).params
    )
    keys = jax.random.split(jax.random.key(config.first_seed), config.seeds)
    kept = jax.jit(jax.vmap(lambda key: algorithm.train(key)[1]))(keys)  # [seeds, moments]
    return _examined(_logits_of(kind, algorithm, config), kept, exam)


def _logits_of(kind: str, algorithm: Any, config: TrainConfig) -> Callable[..., jax.Array]:
    """Return (parameters, observations flat) -> logits of rejax's network."""
    if kind == "PQN":
        return lambda p, seen: algorithm.agent.apply(p, seen) / config.network.temperature

    def logits(parameters: Any, seen: jax.Array) -> jax.Array:
        return algorithm.actor.apply(parameters, seen, method="_action_dist").logits

    return logits


def _examined(logits: Callable[..., jax.Array], kept: Any, exam: Exam) -> np.ndarray:
    seen = _flat(exam.observations)
    run = jax.jit(lambda parameters: logits(parameters, seen))
    seeds = jax.tree.leaves(kept)[0].shape[0]
    return np.array(
        [
            [
                exam.mark(np.asarray(run(jax.tree.map(lambda leaf, s=s, m=m: leaf[s, m], kept))))
                for m in range(exam.moments)
            ]
            for s in range(seeds)
        ]
    )


def _flat(observations: np.ndarray) -> np.ndarray:
    seen = jax.jit(lambda seen: centred(seen).reshape(seen.shape[0], -1))
    return np.asarray(seen(jnp.asarray(observations)))


def stable_baselines_a2c(env: Env, config: TrainConfig, exam: Exam) -> np.ndarray:
    """Train A2C of Stable-Baselines3 on our batched Gymnasium env, one seed after the other."""
    import torch
    from stable_baselines3 import A2C
    from stable_baselines3.common.callbacks import BaseCallback

    torch.set_num_threads(1)  # more wait for each other in networks so small
    seen = torch.tensor(_flat(exam.observations))
    every = exam.stretch * config.num_envs * config.rollout_steps

    class Examine(BaseCallback):
        """Examine the policy at each moment."""

        def __init__(self) -> None:
            super().__init__()
            self.found: list[float] = []

        def _on_step(self) -> bool:
            if self.num_timesteps % every == 0:
                with torch.no_grad():
                    told: Any = self.model.policy.get_distribution(seen)  # pyright: ignore
                self.found.append(exam.mark(told.distribution.logits.numpy()))
            return True

    worlds, found = vector_env(env, config), []
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        watching = Examine()
        A2C(
            "MlpPolicy",
            worlds,
            n_steps=config.rollout_steps,
            learning_rate=config.learning_rate,
            gamma=config.discount,
            gae_lambda=config.gae_lambda,
            ent_coef=config.entropy,
            vf_coef=config.value_coefficient,
            max_grad_norm=config.max_grad_norm,
            use_rms_prop=False,
            policy_kwargs={
                "net_arch": list(config.network.widths),
                "activation_fn": torch.nn.ReLU,
            },
            device="cpu",
            seed=seed,
        ).learn(every * exam.moments, callback=watching)
        found.append(watching.found[: exam.moments])
    return np.array(found)
