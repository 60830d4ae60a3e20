"""Which points a sweep asks for, against grids counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.runs.sweep.grid import points, split
from shardsim.runs.toml import read_config
from tests.tiny import TINY


def test_every_combination_in_the_order_of_the_values() -> None:
    found = points(TINY, ["train.learning_rate=1e-3,3e-4", "env.params.height=5,6,7"], seeds=3)
    assert [tuple(point.settings.values()) for point in found] == [
        (rate, size) for rate in (1e-3, 3e-4) for size in (5, 6, 7)
    ]
    assert found[4].name == "learning_rate=0.0003,height=6"
    assert found[4].config.train.learning_rate == 3e-4
    assert found[4].config.env.params["height"] == 6
    assert {point.config.train.seeds for point in found} == {3}


def test_a_section_in_the_config_says_the_same_as_words(tmp_path: Path) -> None:
    file = tmp_path / "grid.toml"
    file.write_text(
        '[env]\nid = "fork"\n[sweep]\nseeds = 2\n"train.entropy" = [0.0, 0.01]\n'
        "[sweep.env.params]\nwidth = [9, 11]\n"
    )
    words = ["env.id=fork", "train.entropy=0.0,0.01", "env.params.width=9,11"]
    assert points(file) == points({}, words, seeds=2)
    with pytest.raises(UserError, match="give it to shardsim sweep"):
        read_config(file)


def test_words_stand_before_the_section() -> None:
    data = {"sweep": {"train.entropy": [0.0, 0.01], "train.discount": [0.9, 0.95]}}
    found = points(data, ["train.entropy=0.5", "train.discount=0.8,0.9,0.99"])
    assert [point.settings for point in found] == [
        {"train.discount": value} for value in (0.8, 0.9, 0.99)
    ]
    assert {point.config.train.entropy for point in found} == {0.5}


def test_names_tell_keys_apart_by_as_many_words_as_it_takes() -> None:
    words = ["identify.seed=1,2", "train.first_seed=1,2", "train.network.widths=[8],[8, 8]"]
    names = {point.name for point in points({}, words)}
    assert "seed=1,first_seed=2,widths=8-8" in names
    assert len(names) == 8


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.entropy=0.1,0.1"], "twice"),
        (["train.entropy=0.1,"], "empty value"),
        (["train.entropi=0.1,0.2"], "at train.entropi=0.1: .*unknown key 'train.entropi'"),
        (["train.discount=0.9,1.7"], "at train.discount=1.7: .*cannot be used"),
        (["env.params.height=5,6", "env.id=nowhere"], "no env is called 'nowhere'"),
        ([f"train.first_seed={','.join(map(str, range(10_001)))}"], "10,001 points"),
        (["train.entropy"], "not an override"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        points({}, words)


@pytest.mark.parametrize("section", [3, {"train.entropy": 0.1}])
def test_a_section_holds_lists(section) -> None:
    with pytest.raises(UserError, match="list"):
        points({"sweep": section})


@given(st.lists(st.text("ab .-[]{}\"',:", min_size=1).filter(lambda text: _closed(text))))
def test_splitting_and_joining_gives_the_text_back(values: list[str]) -> None:
    text = ",".join(values)
    assert ",".join(split(text)) == text


@given(st.lists(st.text("ab1.[]", max_size=5).filter(lambda text: _closed(text)), min_size=1))
def test_values_without_a_comma_come_back_one_by_one(values: list[str]) -> None:
    assert split(",".join(values)) == values


def _closed(text: str) -> bool:
    """Whether brackets close in order, and no quote stands open."""
    depth = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        if depth < 0:
            return False
    return depth == 0 and text.count('"') % 2 == 0 and text.count("'") % 2 == 0
