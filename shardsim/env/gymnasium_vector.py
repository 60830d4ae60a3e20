"""Gymnasium's view of many worlds at once: one compiled call steps, ends and resets them all.

The pure part, with the bank that resets look levels up in, is
`shardsim.env.gymnasium_worlds`. K worlds; other axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.scalars import Whole, whole
from shardsim.base.seeds import SEEDS, checked_seed
from shardsim.env.core import Env
from shardsim.env.episodes import Bank
from shardsim.env.gymnasium import MODES, GridworldEnv, checked_options
from shardsim.env.gymnasium_worlds import (
    Moved,
    Worlds,
    advance,
    begin,
    begin_in,
    blank,
    draw_bank,
    keys,
)
from shardsim.env.levels import take
from shardsim.env.render import render_ansi, render_rgb, tiled
from shardsim.env.window import Window


class GridworldVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """K worlds as `gymnasium.make_vec("shardsim/<id>-v0", num_envs=K, **params)` gives them.

    `autoreset_mode` is one of Gymnasium's (Farama Foundation 2024, "Vector autoreset modes"):
    NextStep (the step after the last one resets and ignores its action), SameStep (the last
    observation is `info["final_obs"]`) or Disabled (reset with `options={"reset_mask": bool[K]}`).
    `bank_levels` levels of the split are drawn by `reset(seed=...)`. World k of `reset(seed=s)`
    has seed s + k, and world 0's draws the levels.
    Raises UserError for an unknown id, parameter, split, mode, seed or action.
    """

    def __init__(
        self,
        env_id: str | Env,
        num_envs: Whole = 1,
        *,
        render_mode: str | None = None,
        split: str = "train",
        folders: Sequence[str] = (),
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        bank_levels: Whole = 1024,
        **params: Any,
    ) -> None:
        """Make the env (an id with its parameters, or an `Env` as it is) and its spaces."""
        num_envs, bank_levels = whole("num_envs", num_envs, 1), whole("bank_levels", bank_levels, 1)
        one = GridworldEnv(env_id, render_mode=render_mode, split=split, folders=folders, **params)
        self.env, self.num_envs, self.split = one.env, num_envs, split
        self.render_mode, self.bank_levels = render_mode, bank_levels
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = {**one.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = one.observation_space
        self.single_action_space = one.action_space
        self.observation_space = batch_space(one.observation_space, num_envs)
        self.action_space = batch_space(one.action_space, num_envs)
        self._bank: Bank | None = None
        self._worlds: Worlds | None = None
        self._window: Window | None = None

    def reset(
        self,
        *,
        seed: Whole | Sequence[Whole | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin episodes in all worlds, or in those of `options["reset_mask"]` bool[K].

        They begin in levels of the bank, or all in `options["level"]`; later episodes are the
        bank's. Raises UserError for another option, mask, level or seed.
        """
        given = checked_options(self.env, options, ("level", "reset_mask"))
        mask, level = given.get("reset_mask"), given.get("level")
        chosen = np.ones(self.num_envs, bool) if mask is None else self._checked_mask(mask)
        self._seed(seed)
        reset, place = (begin, self._bank) if level is None else (begin_in, level)
        begun, observation = reset(self.env)(place, self._current(), jnp.asarray(chosen))
        self._worlds = begun
        self._show()
        return np.array(observation), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action in each world: observations, rewards, two ends and infos of K worlds."""
        worlds = self._current()
        chosen = self._checked_actions(actions)
        if self.autoreset_mode is AutoresetMode.DISABLED and np.any(worlds.over):
            at = int(np.argmax(np.asarray(worlds.over)))
            raise UserError(
                f"world {at} has ended; reset it first: reset(options={{'reset_mask': mask}})"
            )
        ignored = np.asarray(worlds.over)
        moved = advance(self.env, self.autoreset_mode)(self._bank, worlds, chosen)
        self._worlds = moved.worlds
        self._show()
        return (
            np.array(moved.observation),
            np.array(moved.reward, np.float64),
            np.array(moved.terminated),
            np.array(moved.truncated),
            self._infos(moved, ignored),
        )

    def render(self) -> tuple[Any, ...] | None:
        """Draw every world as the render mode says; `human` shows them side by side."""
        if self.render_mode is None:
            raise UserError(f"no render mode was chosen; make the env with one of {MODES}")
        worlds = self._current()
        states = [take(worlds.state, index) for index in range(self.num_envs)]
        if self.render_mode == "ansi":
            return tuple(render_ansi(self.env, state) for state in states)
        frames = tuple(render_rgb(self.env, state) for state in states)
        if self.render_mode == "rgb_array":
            return frames
        if self._window is None:
            self._window = Window(self.env.name, self.metadata["render_fps"])
        self._window.show(tiled(frames))
        return None

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window if there is one."""
        if self._window is not None:
            self._window.close()

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()

    def _seed(self, seed: Whole | Sequence[Whole | None] | None) -> None:
        """Draw the bank and the worlds' keys from the seeds; without any, keep what is there."""
        if seed is None and self._worlds is None:
            seed = int(self.np_random.integers(2**31))
        if seed is None:
            return
        if not isinstance(seed, list | tuple | np.ndarray):
            first = checked_seed(seed, below=SEEDS - self.num_envs + 1)
            super().reset(seed=first)
            seeds: list[int | None] = [first + index for index in range(self.num_envs)]
        else:
            seeds = [None if value is None else checked_seed(value) for value in seed]
        given = [value for value in seeds if value is not None]
        if len(seeds) != self.num_envs or (self._worlds is None and len(given) < len(seeds)):
            raise UserError(f"{self.num_envs} worlds need as many seeds, not {seeds}")
        if len(given) == len(seeds):
            self._bank = draw_bank(self.env, given[0], self.bank_levels, self.split)
        worlds = self._worlds
        if worlds is None:
            assert self._bank is not None  # drawn above: the first reset gives every seed
            worlds = blank(self.env, self._bank, self.num_envs)
        own = keys([value or 0 for value in seeds])
        if None in seeds:
            own = jnp.where(np.array([value is None for value in seeds]), worlds.key, own)
        self._worlds = worlds._replace(key=own)

    def _infos(self, moved: Moved, ignored: np.ndarray) -> dict[str, Any]:
        """Write reward components and final observations as Gymnasium's own vector envs do."""
        names, rewards = self.env.reward_names, np.array(moved.rewards, np.float64)

        def told(which: np.ndarray) -> dict[str, Any]:
            parts: dict[str, Any] = {}
            for index, name in enumerate(names):
                parts |= {name: np.where(which, rewards[:, index], 0.0), f"_{name}": which}
            return {"rewards": parts, "_rewards": which}

        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            return told(~ignored) if not ignored.all() else {}
        ended = np.asarray(moved.terminated | moved.truncated)
        found = told(~ended) if not ended.all() else {}
        if ended.any() and moved.final is not None:
            last = np.full(self.num_envs, None, object)
            for index in np.flatnonzero(ended):
                last[index] = np.array(moved.final[index])
            found |= {"final_obs": last, "_final_obs": ended}
            found |= {"final_info": told(ended), "_final_info": ended}
        return found

    def _checked_actions(self, actions: np.ndarray) -> jax.Array:
        given = np.asarray(actions)
        count = self.env.num_actions
        if given.shape != (self.num_envs,) or not np.issubdtype(given.dtype, np.integer):
            raise UserError(
                f"{self.num_envs} worlds need as many whole numbers as actions, "
                f"not {given.dtype.name}{list(given.shape)}"
            )
        if given.min() < 0 or given.max() >= count:
            raise UserError(f"{self.env.name} has actions 0 to {count - 1}, not {given.tolist()}")
        return jnp.asarray(given, jnp.int32)

    def _checked_mask(self, mask: Any) -> np.ndarray:
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise UserError(
                f"reset_mask must be bool[{self.num_envs}] with at least one True, "
                f"not {mask.dtype.name}{list(mask.shape)}"
            )
        return mask

    def _current(self) -> Worlds:
        if self._worlds is None:
            raise UserError("no episode has begun; call reset() first")
        return self._worlds


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    known = {entry.value: entry for entry in AutoresetMode}
    if isinstance(mode, AutoresetMode):
        return mode
    if mode not in known:
        raise UserError(f"there is no autoreset_mode {mode!r}; {did_you_mean(mode, known)}")
    return known[mode]
