"""Gymnasium's view of an env: one world with its own random state, stepped from outside.

Time running out is `truncated`, the world's end `terminated`; a new level is drawn at each reset.
Resetting by itself is left to vector envs: `shardsim.env.gymnasium_vector` or Gymnasium's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole
from shardsim.base.seeds import checked_seed
from shardsim.env import registry
from shardsim.env.core import Env, template_level
from shardsim.env.levels import sample_levels, take
from shardsim.env.render import render_ansi, render_rgb
from shardsim.env.types import SPLITS, State, Step
from shardsim.env.window import Window

MODES = ("human", "rgb_array", "ansi")


class GridworldEnv(gymnasium.Env[np.ndarray, np.int64]):
    """An env as `gymnasium.make("shardsim/<id>-v0", split="train", **params)` gives it.

    Observations are float32[H, W, C] in 0..1, actions whole numbers below A; `info` holds the
    reward components by name. `reset(options={"level": level})` plays a given level.
    Raises UserError for an unknown id, parameter, split or render mode, or a wrong seed.
    """

    metadata = {"render_modes": list(MODES), "render_fps": 8}  # noqa: RUF012

    def __init__(
        self,
        env_id: str | Env,
        *,
        render_mode: str | None = None,
        split: str = "train",
        folders: Sequence[str] = (),
        **params: Any,
    ) -> None:
        """Make the env (an id with its parameters, or an `Env` as it is) and its spaces."""
        if split not in SPLITS:
            raise UserError(f"there is no split {split!r}; {did_you_mean(split, SPLITS)}")
        if render_mode is not None and render_mode not in MODES:
            raise UserError(
                f"there is no render mode {render_mode!r}; {did_you_mean(render_mode, MODES)}"
            )
        made = isinstance(env_id, Env)
        self.env = env_id if made else registry.make(env_id, folders=folders, **params)
        self.render_mode, self.split = render_mode, split
        shape = self.env.observation_shape
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, shape, np.float32)
        self.action_space = gymnasium.spaces.Discrete(self.env.num_actions)
        self._state: State | None = None
        fps = self.metadata["render_fps"]
        self._window = Window(self.env.name, fps) if render_mode == "human" else None
        self._key = jax.random.key(0)

    def reset(
        self, *, seed: Whole | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode in a new level of the split, or in `options["level"]`.

        Raises UserError for another option, a level of another world, or a seed that is none.
        """
        level = checked_options(self.env, options, ("level",)).get("level")
        super().reset(seed=None if seed is None else checked_seed(seed))
        key = jax.random.key(int(self.np_random.integers(2**31)))
        level_key, start_key, self._key = jax.random.split(key, 3)
        if level is None:
            level = take(sample_levels(self.env, level_key, 1, self.split), 0)
        self._state, observation = _begin(self.env)(start_key, level)
        self._show()
        return np.array(observation), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one action. Raises UserError for one that does not exist, or before a reset."""
        if not self.action_space.contains(action):
            raise UserError(
                f"{self.env.name} has actions 0 to {self.env.num_actions - 1} "
                f"({', '.join(self.env.action_names)}), not {action!r}"
            )
        self._key, key = jax.random.split(self._key)
        moved, observation = _advance(self.env)(key, self._current(), jnp.int32(action))
        self._state = moved.state
        self._show()
        rewards = dict(zip(self.env.reward_names, np.asarray(moved.rewards).tolist(), strict=True))
        return (
            np.array(observation),
            float(moved.reward),
            bool(moved.terminated),
            bool(moved.truncated),
            {"rewards": rewards},
        )

    def render(self) -> Any:
        """Draw the state as the render mode says: uint8[h, w, 3], coloured text, or a window."""
        if self.render_mode is None:
            raise UserError(f"no render mode was chosen; make the env with one of {MODES}")
        if self.render_mode == "ansi":
            return render_ansi(self.env, self._current())
        frame = render_rgb(self.env, self._current())
        if self._window is None:
            return frame
        self._window.show(frame)
        return None

    def close(self) -> None:
        """Close the window if there is one."""
        if self._window is not None:
            self._window.close()

    def _show(self) -> None:
        if self._window is not None:
            self.render()

    def _current(self) -> State:
        if self._state is None:
            raise UserError("no episode has begun; call reset() first")
        return self._state


def checked_options(
    env: Env, options: dict[str, Any] | None, known: Sequence[str]
) -> dict[str, Any]:
    """Return the options of a reset; raises UserError for an unknown one or another world's level.

    Args:
        env: the world.
        options: as they were given.
        known: names that may be given.
    """
    given = dict(options or {})
    for key in given:
        if key not in known:
            raise UserError(f"reset has no option {key!r}; {did_you_mean(str(key), known)}")
    level = given.get("level")
    if level is not None and _shapes(level) != _shapes(template_level(env)):
        raise UserError(
            f"options['level'] is not a single level of {env.name} with these parameters; give one "
            "of env.level(key, split), or one of many with take(levels, number)"
        )
    return given


def _shapes(level: Any) -> tuple[Any, ...]:
    leaves, structure = jax.tree.flatten(level)
    return structure, [np.shape(leaf) for leaf in leaves]


@lru_cache(maxsize=64)
def _begin(env: Env) -> Any:
    """One compiled reset for all worlds with equal parameters."""

    def begin(key: jax.Array, level: Any) -> tuple[State, jax.Array]:
        state = env.reset(key, level)
        return state, env.observe(state)

    return jax.jit(begin)


@lru_cache(maxsize=64)
def _advance(env: Env) -> Any:
    """One compiled step for all worlds with equal parameters."""

    def advance(key: jax.Array, state: State, action: jax.Array) -> tuple[Step, jax.Array]:
        moved = env.step(key, state, action)
        return moved, env.observe(moved.state)

    return jax.jit(advance)
