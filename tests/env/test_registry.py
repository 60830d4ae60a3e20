"""Envs by id, and their parameters as Python values and as words."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import parameters
from shardsim.env.describe import meanings
from shardsim.env.registry import build, env_class, list_envs, make, read_params


def test_words_become_the_parameters_they_say():
    words = ["height=9", "loop_probability=0.5", "cheese_anywhere=true", "name=a=b"]
    assert read_params(words) == {
        "height": 9,
        "loop_probability": 0.5,
        "cheese_anywhere": True,
        "name": "a=b",
    }
    env = make("cheese_corner", **read_params(words[:3]))
    assert (env.height, env.cheese_anywhere) == (9, True)


def test_own_folders_are_searched_beside_the_shipped(worlds_folder):
    assert set(list_envs()) < set(list_envs([worlds_folder]))
    assert make("slip", folders=[worlds_folder]).num_outcomes == 3


def test_numpys_scalars_make_the_same_env():
    drawn = make(
        "cheese-corner",
        height=np.int64(9),
        loop_probability=np.float64(0.5),
        cheese_anywhere=np.bool_(True),
    )
    assert drawn == make("cheese-corner", height=9, loop_probability=0.5, cheese_anywhere=True)
    assert type(drawn.height) is int  # what a battery's header and a config's TOML can write


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"hight": 5}, "no parameter 'hight'; did you mean 'height'"),
        ({"height": "5"}, "must be of type int"),
        ({"height": 5.0}, "must be of type int"),
        ({"height": np.float32(5)}, "must be of type int"),
        ({"cheese_anywhere": 1}, "must be of type bool"),
        ({"layout": "tre"}, "did you mean 'tree'"),
        ({"height": 3, "width": 3}, "3x4 or more"),
        ({"max_steps": 0}, "'max_steps' must be at least 1"),
        ({"loop_probability": 1.0}, "must lie in 0..0.95"),
        ({"cheese_radius": -1}, "at least 0"),
    ],
)
def test_wrong_parameters_are_named(params, said):
    with pytest.raises(UserError, match=said):
        make("cheese-corner", **params)


OPTIONS = """from __future__ import annotations

import dataclasses
import enum
from typing import ClassVar, Literal, Optional

from shardsim.env.core import Env


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True)
class Options(Env):
    name: ClassVar[str] = "options"
    rewards: ClassVar[tuple[str, ...]] = ("cheese",)
    concepts: ClassVar[tuple] = ()

    limit: int | None = None  # of moves
    least: Optional[float] = 0.5
    mode: Literal["slow", "fast"] = "slow"
    deep: bool = False
    label: str = "x"
    cells: tuple[int, ...] = (1, 2)
    corner: tuple[tuple[int, int], ...] = ()
    colour: Colour = Colour.RED
    loose = 3
    bag: dict = dataclasses.field(default_factory=dict)
"""
SAID = {
    "limit": (["limit=5", 5], ["limit=none", None], ["limit=null", None]),
    "least": (["least=2", 2.0], ["least=none", None], ["least=0.25", 0.25]),
    "mode": (["mode=fast", "fast"],),
    "deep": (["deep=true", True],),
    "label": (["label=none", "none"], ["label=a=b", "a=b"]),
    "cells": (["cells=[3]", (3,)], ["cells=[]", ()]),
    "corner": (["corner=[[0, 1]]", ((0, 1),)],),
}


@pytest.fixture
def options(tmp_path):
    """The class of an env with parameters of every kind of annotation, but for its `bag`."""
    text = OPTIONS.replace("    bag: dict = dataclasses.field(default_factory=dict)\n", "")
    (tmp_path / "options.py").write_text(text)
    return env_class("options", [tmp_path])


def test_annotations_say_what_a_parameter_takes_and_words_say_it(options):
    for name, pairs in SAID.items():
        for word, value in pairs:
            env = build(options, read_params([word]))
            assert getattr(env, name) == value and type(getattr(env, name)) is type(value)
            assert build(options, parameters.plain(env)) == env
    blue = build(options, {"colour": "blue"})
    assert blue.colour.name == "BLUE" and build(options, {"colour": blue.colour}) == blue
    assert parameters.plain(blue) | {"limit": "none", "cells": [1, 2], "colour": "blue"} == (
        parameters.plain(blue)
    )
    assert meanings(options)["limit"] == "of moves"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("limit=x", r"'limit' must be of type int \| None, like its default None, not 'x'"),
        ("limit=true", "'limit' must be of type int"),
        ("limit=2.5", "'limit' must be of type int"),
        ("mode=quick", r"'mode' must be of type Literal\['slow', 'fast'\]"),
        ("deep=1", "'deep' must be of type bool"),
        ("deep=none", "'deep' must be of type bool"),
        ("label=3", "'label' must be of type str"),
        ("cells=[x]", "'cells' must be of type tuple"),
        ("cells=3", "'cells' must be of type tuple"),
        ("colour=green", "'colour' must be of type 'red' or 'blue'"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_parameter(options, word, said):
    with pytest.raises(UserError, match=said):
        build(options, read_params([word]))


def test_a_parameter_that_can_be_changed_inside_is_named(tmp_path):
    (tmp_path / "baggy.py").write_text(OPTIONS.replace('"options"', '"baggy"'))
    with pytest.raises(UserError, match=r"'bag' can be changed inside \(dict\); make it a tuple"):
        make("baggy", folders=[tmp_path])
    text = OPTIONS.replace("bag: dict = dataclasses.field(default_factory=dict)", "bag: Nix = 0")
    (tmp_path / "nameless.py").write_text(text)
    with pytest.raises(UserError, match="'Nix' is not defined"):
        make("nameless", folders=[tmp_path], limit=3)
