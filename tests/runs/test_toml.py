"""Configs: read, overridden, refused in one line, and written so that they come back."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.runs.config import RunConfig, make_env, resolve, with_folders
from shardsim.runs.toml import flatten, overridden, read_config, validate, write_toml


def test_the_resolved_config_is_complete_and_comes_back(tmp_path: Path) -> None:
    config = resolve(read_config({}, ["train.seeds=3", "env.params.height=9"]))
    file = tmp_path / "config.toml"
    file.write_text(write_toml(config))
    assert read_config(file) == config
    assert resolve(config) == config
    assert config.env.params["height"] == 9
    assert config.env.params["cheese_radius"] == 2  # the env's own default, filled in


@given(
    seeds=st.integers(1, 1024),
    rate=st.floats(1e-6, 1.0),
    widths=st.lists(st.integers(1, 4096), min_size=1, max_size=3),
)
def test_any_config_comes_back_from_its_toml(seeds: int, rate: float, widths: list[int]) -> None:
    train = {"seeds": seeds, "learning_rate": rate, "network": {"widths": widths}}
    config = validate({"train": train}, "x")
    assert validate(tomllib.loads(write_toml(config)), "x") == config


def test_numpys_scalars_in_a_mapping_are_numbers() -> None:
    asked = {
        "train": {"seeds": np.int64(2), "learning_rate": np.float64(1e-3)},
        "env": {"params": {"height": np.int32(9), "cheese_anywhere": np.bool_(True)}},
    }
    config = read_config(asked)
    assert (config.train.seeds, config.train.learning_rate) == (2, 1e-3)
    assert config.env.params == {"height": 9, "cheese_anywhere": True}
    with pytest.raises(UserError, match=r"train\.seeds = 2\.5 cannot be used"):
        read_config({"train": {"seeds": np.float32(2.5)}})


def test_overrides_are_toml_values_or_words() -> None:
    data = {"train": {"seeds": 1, "clip": 0.2}}
    assert overridden(data, "train.seeds=8") == {"train": {"seeds": 8, "clip": 0.2}}
    assert overridden(data, "env.id=my-world")["env"] == {"id": "my-world"}
    assert overridden(data, "a.b=[1, 2]")["a"] == {"b": [1, 2]}
    assert data == {"train": {"seeds": 1, "clip": 0.2}}


def test_a_config_can_be_overridden_again() -> None:
    config = read_config(RunConfig(), ["train.seeds=2"])
    assert read_config(config, ["train.clip=0.3"]).train.seeds == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.rolout_steps=3", "unknown key 'train.rolout_steps'; did you mean 'train.rollout_"),
        ("train.widths=[1]", "unknown key 'train.widths'; did you mean 'train.network.widths'?"),
        ("seeds=1", "unknown key 'seeds'; did you mean 'train.seeds'?"),
        ("qqq=1", "unknown key 'qqq'; known: "),
        ("train.seeds=0", "train.seeds = 0 cannot be used; it should be greater than or equal"),
        ("train.seeds=two", 'train.seeds = "two" cannot be used; it should be a valid integer'),
        ("train.seeds=2.5", "train.seeds = 2.5 cannot be used; it should be a valid integer"),
        ("train.seeds=true", "train.seeds = true cannot be used; it should be a valid integer"),
        ("train.clip=inf", "train.clip = inf cannot be used; give a finite number"),
        ("train.network.kind=conv", "'allocentric', 'convolutional' or 'recurrent'"),
        ("train.network.widths=[1, 0]", "train.network.widths.1 = 0 cannot be used"),
        ("train=3", "train = 3 cannot be used; it should be a section"),
        ("train.minibatches=7", "train: minibatches (7) must divide"),
        ("train.minibatches=2048", "train: minibatches (2048) of num_envs x rollout_steps (2048)"),
        ("env.params.height={a=1}", "it should be true, false, a number, a string or a list of"),
        ("train.seeds", "is not an override; write key.path=value"),
        ("=3", "is not an override; write key.path=value"),
        (f"={3000 * 'x'}", "…xxxxxxxxxxx' is not an override; write key.path=value"),
    ],
)
def test_a_wrong_setting_names_its_path_and_what_is_allowed(override: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_config({}, [override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_setting_inside_a_value_is_refused() -> None:
    with pytest.raises(UserError, match="'seeds' is a value, not a section"):
        overridden({"train": {"seeds": 1}}, "train.seeds.x=1")


def test_several_mistakes_are_counted() -> None:
    with pytest.raises(UserError, match=r"train.seeds = 0 .*\(and 1 more\)"):
        read_config({}, ["train.seeds=0", "train.clip=-1"])


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"hieght": 9}, "no parameter 'hieght'; did you mean 'height'?"),
        ({"height": 2}, "needs sizes"),
        ({"height": "nine"}, "must be of type int"),
    ],
)
def test_the_envs_own_refusals_name_the_section(params, said: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(read_config({"env": {"params": params}}))
    assert str(caught.value).startswith("in the config's [env] section: ")
    assert said in str(caught.value)


def test_goals_that_the_env_does_not_have_are_refused_before_training() -> None:
    with pytest.raises(UserError, match=r"reflect\.goals are two different concepts of cheese"):
        resolve(read_config({}, ['reflect.goals=["cheese", "chese"]']))


def test_a_missing_config_is_one_line() -> None:
    with pytest.raises(UserError, match="neither a file nor a shipped experiment"):
        read_config("nowhere.toml")


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder; give a TOML file"):
        read_config(tmp_path)


@pytest.mark.parametrize("data", [b"[train\nseeds = 1", b"\xff\xfe"])
def test_a_broken_file_is_named(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"broken\.toml is not TOML"):
        read_config(file)


def test_env_folders_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "worlds").mkdir()
    file = tmp_path / "mine.toml"
    file.write_text('[env]\nfolders = ["worlds"]\n')
    config = read_config(file)
    assert config.env.folders == (str(tmp_path / "worlds"),)
    assert with_folders(config, [tmp_path / "worlds"]) == config


def test_flatten_gives_dotted_keys() -> None:
    assert flatten({"a": {"b": 1, "c": {}}, "d": [2]}) == {"a.b": 1, "d": [2]}


def test_rewards_of_a_config_become_the_envs_own_and_scheduled_ones_weigh_nothing() -> None:
    schedule = {"component": "bump", "at": [0, 1], "weight": [-0.5, 0]}
    given = {"env": {"reward": {"corner": 0.2}}, "train": {"reward_schedule": [schedule]}}
    config = resolve(read_config(given))
    assert config.env.params["reward"] == "bump=0, corner=0.2"
    assert make_env(config.env).reward_names == ("cheese", "bump", "corner")
    assert resolve(config) == config


def test_a_schedule_of_nothing_is_refused() -> None:
    schedule = {"component": "cheeze", "at": [0], "weight": [1]}
    with pytest.raises(UserError, match=r"reward_schedule.*did you mean 'cheese'"):
        resolve(read_config({"train": {"reward_schedule": [schedule]}}))
