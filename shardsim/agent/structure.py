"""The settings that decide which program trains a config; all others are handed to it."""

from __future__ import annotations

from typing import NamedTuple

from shardsim.agent.config import RewardSchedule, TrainConfig


class Structure(NamedTuple):
    """The settings of `TrainConfig` that a program is made for, each named as it is there."""

    num_envs: int
    rollout_steps: int
    epochs: int
    minibatches: int
    bank_levels: int
    bank_starts: int
    reward_schedule: tuple[RewardSchedule, ...]


def structure_of(config: TrainConfig) -> Structure:
    """Return what of a config decides which program trains it."""
    return Structure(*(getattr(config, name) for name in Structure._fields))
