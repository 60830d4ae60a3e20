"""Envs by id, and their parameters as Python values and as words."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.registry import list_envs, make, read_params


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
