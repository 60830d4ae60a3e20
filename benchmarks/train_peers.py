"""PPO of other libraries in a world of ours, each in its library's own way.

Every builder takes an env and a config of ours and returns `run(repeat)`, which trains all seeds
and waits until that is done; what it compiles is compiled. Raises ImportError where the library
is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import plain_ppo

from shardsim.agent.config import TrainConfig
from shardsim.agent.network import centred
from shardsim.env.core import Env
from shardsim.env.episodes import Bank, Episodes, begin, draw_starts, make_bank, states_of

Run = Callable[[int], None]


class Params(NamedTuple):
    """What gymnax's interface hands to every call."""

    max_steps_in_episode: int


class Gymnax:
    """An env of ours behind gymnax's interface: a bank's episodes, seen from the agent."""

    def __init__(self, env: Env, bank: Bank) -> None:
        """Wrap an env; episodes begin from the bank."""
        self.env, self.bank = env, bank
        self.default_params = Params(env.max_steps)

    def _see(self, episodes: Episodes) -> jax.Array:
        seen = self.env.observe(states_of(self.bank, episodes))
        return centred(seen[None])[0].reshape(-1)

    def reset(self, key: jax.Array, params: Params) -> tuple[jax.Array, Episodes]:
        """Begin an episode."""
        episodes = begin(self.bank, draw_starts(self.bank, key, ()))
        return self._see(episodes), episodes

    def step(self, key: jax.Array, episodes: Episodes, action: jax.Array, params: Params):
        """Take one action; a new episode begins where one ended."""
        step_key, reset_key = jax.random.split(key)
        state = states_of(self.bank, episodes)
        uniform = jax.random.uniform(step_key, dtype=jnp.float32)
        moved = self.env.step_with_uniform(uniform, state, action.astype(jnp.int32))
        onward = Episodes(episodes.level, moved.state.fields, moved.state.steps)
        ended = moved.terminated | moved.truncated
        fresh = begin(self.bank, draw_starts(self.bank, reset_key, ()))
        after = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, onward)
        return self._see(after), after, moved.reward, ended, {}

    def observation_space(self, params: Params) -> Any:
        """The space of what `_see` gives."""
        from gymnax.environments import spaces

        first = jax.eval_shape(lambda key: self.reset(key, params)[0], jax.random.key(0))
        return spaces.Box(0.0, 1.0, first.shape)

    def action_space(self, params: Params) -> Any:
        """The moves."""
        from gymnax.environments import spaces

        return spaces.Discrete(self.env.num_actions)


def rejax(env: Env, config: TrainConfig) -> Run:
    """PPO of rejax, all seeds in one vmapped program."""
    from rejax import PPO

    bank = _bank(env, config)
    steps = config.updates * config.num_envs * config.rollout_steps
    algorithm = PPO.create(
        env=Gymnax(env, bank),
        agent_kwargs={"hidden_layer_sizes": config.network.widths, "activation": "relu"},
        num_envs=config.num_envs,
        num_steps=config.rollout_steps,
        num_epochs=config.epochs,
        num_minibatches=config.minibatches,
        learning_rate=config.learning_rate,
        max_grad_norm=config.max_grad_norm,
        gamma=config.discount,
        gae_lambda=config.gae_lambda,
        clip_eps=config.clip,
        vf_coef=config.value_coefficient,
        ent_coef=config.entropy,
        total_timesteps=steps,
        eval_freq=steps,
        skip_initial_evaluation=True,
    )
    algorithm = algorithm.replace(eval_callback=lambda algorithm, state, key: ())

    return _all_seeds(
        algorithm.init_state,
        lambda state: algorithm.train(train_state=state)[0].actor_ts.params,
        config,
    )


def plain(env: Env, config: TrainConfig) -> Run:
    """PPO as one plain JAX loop, all seeds in one vmapped program."""
    world = Gymnax(env, _bank(env, config))
    return _all_seeds(*plain_ppo.trainer(world, env.num_actions, config), config)


def _bank(env: Env, config: TrainConfig) -> Bank:
    """Draw the levels that episodes begin from."""
    draw = jax.jit(make_bank, static_argnums=(0, 2, 3))
    return draw(env, jax.random.key(0), config.bank_levels, config.bank_starts)


def _all_seeds(
    begin: Callable[[jax.Array], Any], train: Callable[[Any], Any], config: TrainConfig
) -> Run:
    """Compile the training of all seeds, side by side in one program.

    Seeds begin one after the other: their orthogonal weights are factors of matrices, and two
    batches of factorisations at once wait for each other for ever on two threads (jaxlib 0.10.2).
    """
    keys = jax.random.split(jax.random.key(0), (64, config.seeds))
    all_seeds = jax.jit(lambda keys: jax.vmap(train)(jax.lax.map(begin, keys)))
    compiled = all_seeds.lower(keys[0]).compile()
    return lambda repeat: jax.block_until_ready(compiled(keys[repeat]))


def stable_baselines(env: Env, config: TrainConfig) -> Run:
    """PPO of Stable-Baselines3 on our batched Gymnasium env, one seed after the other."""
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)  # its batches are small: more threads only wait for each other
    steps = config.updates * config.num_envs * config.rollout_steps
    worlds = vector_env(env, config)

    def run(repeat: int) -> None:
        for seed in range(config.seeds):
            PPO(
                "MlpPolicy",
                worlds,
                n_steps=config.rollout_steps,
                batch_size=config.num_envs * config.rollout_steps // config.minibatches,
                n_epochs=config.epochs,
                learning_rate=config.learning_rate,
                gamma=config.discount,
                gae_lambda=config.gae_lambda,
                clip_range=config.clip,
                ent_coef=config.entropy,
                vf_coef=config.value_coefficient,
                max_grad_norm=config.max_grad_norm,
                policy_kwargs={
                    "net_arch": list(config.network.widths),
                    "activation_fn": torch.nn.ReLU,
                },
                device="cpu",
                seed=repeat * config.seeds + seed,
            ).learn(steps)

    return run


def vector_env(env: Env, config: TrainConfig) -> Any:
    """Our batched Gymnasium env as a vectorised env of Stable-Baselines3."""
    from gymnasium.spaces import Box
    from gymnasium.vector import AutoresetMode
    from stable_baselines3.common.vec_env import VecEnv

    from shardsim.env.gymnasium_vector import GridworldVectorEnv

    inner = GridworldVectorEnv(
        env,
        config.num_envs,
        autoreset_mode=AutoresetMode.SAME_STEP,
        bank_levels=config.bank_levels,
    )
    see = jax.jit(lambda seen: centred(seen).reshape(seen.shape[0], -1))

    class Worlds(VecEnv):
        def __init__(self) -> None:
            first = np.asarray(see(jnp.asarray(inner.reset(seed=0)[0])))
            space = Box(0.0, 1.0, first.shape[1:], np.float32)
            super().__init__(config.num_envs, space, inner.single_action_space)

        def reset(self) -> np.ndarray:
            return np.array(see(inner.reset()[0]))

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            seen, rewards, terminated, truncated, info = inner.step(self.actions)
            infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
            ended = np.flatnonzero(terminated | truncated)
            if ended.size:  # one batch of what episodes ended in, all of one shape
                final = np.array(seen)
                for at in ended:
                    final[at] = info["final_obs"][at]
                final = np.asarray(see(final))
            for at in ended:
                infos[at] = {
                    "terminal_observation": final[at],
                    "TimeLimit.truncated": bool(truncated[at] and not terminated[at]),
                }
            return np.array(see(seen)), rewards, terminated | truncated, infos

        def close(self) -> None:
            inner.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [None] * self.num_envs

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError

        def env_method(self, name: str, *args: Any, indices: Any = None, **named: Any) -> list[Any]:
            raise NotImplementedError

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * self.num_envs

    return Worlds()
