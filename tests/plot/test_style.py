"""One look: colours told apart under colour-vision deficiencies, and bytes that do not vary."""

from __future__ import annotations

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from shardsim.base.errors import UserError
from shardsim.env.registry import list_envs, make
from shardsim.plot import style
from shardsim.plot.canvas import new_figure, save_bytes, styled
from shardsim.plot.style import CONCEPTS, NAMED, shard_colours

# Machado, Oliveira & Fernandes (2009, "A physiologically-based model for simulation of color
# vision deficiency"), full severity, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def lab(colour: str, matrix) -> np.ndarray:
    """CIE Lab of a colour as it is seen through a deficiency."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(matrix) @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / np.array([0.9505, 1.0, 1.089])
    )
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("kind", DEFICIENCIES)
@pytest.mark.parametrize(
    "palette",
    [CONCEPTS, tuple(style.SPLITS.values()), (style.HABIT, style.AFFORDANCE, style.RESIDUAL)],
)
def test_colours_stay_apart_under_colour_vision_deficiencies(kind, palette):
    seen = [lab(colour, DEFICIENCIES[kind]) for colour in palette]
    gaps = [np.linalg.norm(first - second) for first, second in combinations(seen, 2)]
    assert min(gaps) > 10.0  # CIE76; 2.3 is just noticeable


def test_a_shard_has_the_colour_of_its_strongest_concept_and_a_second_one_a_shade():
    names = ["cheese", "decoy", "corner"]
    colours = shard_colours(np.array([[0.1, 0.0, 0.99], [0.99, 0.1, 0.0], [0.0, 0.0, -1.0]]), names)
    assert colours[:2] == [NAMED["corner"], NAMED["cheese"]]
    assert len(set(colours)) == 3
    assert sum(to_rgb(colours[2])) < sum(to_rgb(colours[0]))
    assert shard_colours(np.zeros((0, 3)), names) == []


@pytest.mark.parametrize("name", list_envs())
def test_no_two_concepts_of_a_world_are_alike(name):
    names = make(name).concept_names
    assert set(names) <= set(NAMED)
    assert len({NAMED[one] for one in names}) == len(names)


def test_sections_grow_lighter_along_the_data_flow():
    colours = style.section_colours(["environment", "observation", "loss", "update"])
    lightness = [lab(colour, np.eye(3))[0] for colour in colours.values()]
    assert list(colours) == ["environment", "observation", "loss", "update"]
    assert lightness == sorted(lightness) and lightness[-1] - lightness[0] > 50


@styled
def line():
    figure, axes = new_figure(2, 2)
    axes[0, 0].plot([0, 1], [0, 1])
    return figure


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(kind):
    first, second = save_bytes(line(), kind), save_bytes(line(), kind)
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_another_format_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'svg'"):
        save_bytes(line(), "svgz")


def test_drawing_leaves_global_settings_alone():
    before = dict(matplotlib.rcParams)
    line()
    assert dict(matplotlib.rcParams) == before


def test_an_axis_of_steps_keeps_the_untrained_network_in_view():
    @styled
    def drawn():
        _, axes = new_figure(2, 2)
        style.steps_axis(axes[0, 0], np.array([0.0, 2048.0, 400_000.0]))
        return axes[0, 0]

    axes = drawn()
    assert axes.get_xlim() == (0.0, 400_000.0)
    assert list(axes.get_xticks()) == [0.0, 1e4, 1e5]
    assert "env steps" in axes.get_xlabel()
