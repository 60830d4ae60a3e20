"""The config of a run: one model composed of the sub-packages' own.

What may be written is what the models say; unknown keys are refused. `resolve` turns what a person
wrote into the complete config that is kept with the run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from shardsim.agent.config import TrainConfig
from shardsim.base import content
from shardsim.base.errors import UserError
from shardsim.base.given import path_of
from shardsim.base.platform import check_platform
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.env import parameters, rewards
from shardsim.env.core import Env
from shardsim.env.registry import make
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.onsets import choose_goals
from shardsim.shards.config import IdentifyConfig

Scalar = bool | int | float | str
Parameter = Scalar | list[Any]


class EnvConfig(BaseModel):
    """The env and its parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        default="cheese-corner", description="id of an env (`shardsim envs` lists them)"
    )
    folders: tuple[str, ...] = Field(default=(), description="your own folders of env files")
    params: dict[str, Parameter] = Field(
        default={},
        description="parameters of the env; those left out keep the env's defaults, "
        "and `none` is not a value",
    )
    reward: dict[str, float] = Field(
        default={},
        description="weights of reward components by name: the env's own, `step`, `bump`, or any "
        "concept that pays when it is reached",
    )


class RunConfig(BaseModel):
    """Everything that a run depends on: the same config and seed give the same results."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: EnvConfig = EnvConfig()
    train: TrainConfig = TrainConfig.model_validate({})
    identify: IdentifyConfig = IdentifyConfig()
    reflect: ReflectConfig = ReflectConfig.model_validate({})
    diagnose: DiagnoseConfig = DiagnoseConfig()


def make_env(config: EnvConfig, folders: tuple[str, ...] | None = None) -> Env:
    """Make the env that a config names.

    Args:
        config: the `[env]` section.
        folders: user folders that may be executed; by default those that the config names.

    Raises:
        UserError: unknown id, parameter or value; the message names the key path.
    """
    check_platform()
    folders = config.folders if folders is None else folders
    try:
        return make(config.id, folders=folders, **env_params(config))
    except UserError as error:
        raise UserError(f"in the config's [env] section: {error}") from error


def env_params(config: EnvConfig) -> dict[str, Parameter]:
    """The env's parameters with the weights of `[env.reward]` put in as its `reward`."""
    if not config.reward:
        return config.params
    written = rewards.parse(str(config.params.get("reward", "")))
    return {**config.params, "reward": rewards.spell({**written, **config.reward})}


def with_folders(config: RunConfig, folders: Sequence[str | Path]) -> RunConfig:
    """The config with more folders of env files, as absolute paths.

    Where the env lies in one of the added folders, they stand in for those that the config names,
    which may be gone: a project can be copied elsewhere.
    """
    added, named = _absolute(folders), _absolute(config.env.folders)
    name = config.env.id
    found = content.is_known("envs", name, added) and not content.is_known("envs", name)
    every = added if found else tuple(dict.fromkeys([*named, *added]))
    return config.model_copy(update={"env": config.env.model_copy(update={"folders": every})})


def _absolute(folders: Sequence[str | Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(path_of(folder).resolve()) for folder in folders))


def resolve(config: RunConfig) -> RunConfig:
    """Fill in what only the env knows: all of its parameters.

    A reward component that is only scheduled is weighed 0 outside training.

    Raises:
        UserError: as `make_env`, a scheduled reward that the env has not, or `reflect.goals` that
            are not two concepts of the env.
    """
    weighed = make_env(config.env).reward_names
    scheduled = [line.component for line in config.train.reward_schedule]
    reward = {name: 0.0 for name in scheduled if name not in weighed} | config.env.reward
    try:
        env = make_env(config.env.model_copy(update={"reward": reward}))
    except UserError as error:  # without the schedule the section is right
        raise UserError(f"in the config's [[train.reward_schedule]]: {error.__cause__}") from error
    if config.reflect.goals:  # now, rather than after hours of training
        choose_goals(env.concepts, np.ones(len(env.concepts)), config.reflect.goals)
    return config.model_copy(
        update={
            "env": config.env.model_copy(update={"params": parameters.plain(env), "reward": {}})
        }
    )
