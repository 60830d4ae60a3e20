"""A figure of its own or in a place given, in any size and style; saved so that text stays text."""

from __future__ import annotations

import io

import matplotlib
import pytest
from matplotlib.figure import Figure

from shardsim.base.errors import UserError
from shardsim.plot import curves, shares
from shardsim.plot.canvas import inches, legend_below, new_figure, save_bytes, styled
from shardsim.plot.records import COLUMNS, long_table
from shardsim.plot.side_by_side import columns
from shardsim.plot.style import CONCEPTS, NAMED, concept_colours
from tests.plot import tables
from tests.plot.drawn import legend_labels


@styled
def one_panel():
    figure, axes = new_figure(4, 3)
    axes[0, 0].plot([0, 1], [0, 1], label="a line")
    axes[0, 0].set_ylabel("Größe (m)")
    legend_below(figure)
    return figure


def test_a_single_panel_is_drawn_into_the_axes_given():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert one_panel(ax=right) is figure
    assert (len(left.lines), len(right.lines)) == (0, 1)
    assert right.get_legend() is not None and not figure.legends


def test_several_panels_take_the_place_of_an_axes_of_a_grid():
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    place = right.get_position()
    found = shares.shard_distribution({"": tables.distribution()}, ax=right)
    assert found.figure is figure and right not in figure.axes and left in figure.axes
    figure.draw_without_rendering()
    assert all(axes.get_position().x0 >= 0 for axes in found.axes) and len(found.axes) == 2
    assert found.bbox.x0 >= 0.9 * place.x0 * figure.bbox.width


def test_a_part_of_a_figure_is_a_place_too():
    figure = Figure(layout="constrained")
    part = figure.subfigures(1, 2)[0]
    shares.shard_distribution({"": tables.distribution()}, ax=part)
    assert len(part.axes) == 2 and len(part.legends) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ax": "here"}, "ax=str is no place to draw in"),
        ({"ax": Figure(), "size": 3}, "give ax= or size=, not both"),
        ({"size": "big"}, "size=big is no size; give inches"),
        ({"size": (1, 2, 3)}, "is no size"),
        ({"size": 1000}, "is no size"),
        ({"style": "dark_backgrund"}, "there is no style 'dark_backgrund'; did you mean"),
        ({"style": {"lines.colour": 1}}, "cannot be used"),
    ],
)
def test_what_cannot_be_done_is_one_line(options, said):
    with pytest.raises(UserError, match=said) as caught:
        one_panel(**options)
    assert "\n" not in str(caught.value)


def test_an_axes_that_is_in_no_grid_cannot_be_divided():
    place = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
    assert one_panel(ax=place)
    with pytest.raises(UserError, match="several panels"):
        shares.shard_distribution({"": tables.distribution()}, ax=place)


def test_sizes_are_read_from_numbers_and_words():
    assert [inches(size) for size in ("6x4", "6", 6, (6, 4))] == [(6.0, 4.0), 6.0, 6.0, (6.0, 4.0)]
    assert tuple(one_panel(size="6x4").get_size_inches()) == (6.0, 4.0)
    assert tuple(one_panel(size=2).get_size_inches()) == (2.0, pytest.approx(1.8))


def test_what_the_user_set_counts_and_style_counts_more():
    with matplotlib.rc_context({"lines.linewidth": 7.0, "font.size": 5.0}):
        figure = one_panel()
        assert figure.axes[0].lines[0].get_linewidth() == 7.0
        dark = one_panel(style=["dark_background", {"lines.linewidth": 3.0}])
    assert dark.axes[0].lines[0].get_linewidth() == 3.0
    assert dark.get_facecolor()[:3] == (0.0, 0.0, 0.0)
    assert figure.axes[0].yaxis.label.get_fontsize() == 8.0  # of ours, since nobody set it
    assert one_panel().axes[0].lines[0].get_linewidth() == 1.5


@pytest.mark.parametrize("by", ["savefig", "save_bytes"])
def test_text_stays_text_in_svg_and_is_truetype_in_pdf(by):
    made = {}
    for kind in ("svg", "pdf"):
        buffer = io.BytesIO()
        if by == "savefig":
            one_panel().savefig(buffer, format=kind)
        made[kind] = buffer.getvalue() or save_bytes(one_panel(), kind)
    assert "Größe (m)</text>" in made["svg"].decode()
    assert b"/Type0" in made["pdf"] or b"/TrueType" in made["pdf"]
    assert b"/Type3" not in made["pdf"]


def test_a_figure_shows_itself_in_a_notebook():
    shown = curves.learning_curves({'a "run"': tables.curves()})._repr_html_()
    assert (
        shown.startswith('<img src="data:image/png;base64,') and 'alt="a &quot;run&quot;"' in shown
    )


def test_the_numbers_drawn_are_a_long_table():
    figure = curves.learning_curves({"one": tables.curves()}, aim=0.9)
    table = figure.to_pandas()
    assert tuple(table.columns) == COLUMNS
    last = table[(table["at"] == 400_000) & (table["series"] == "target levels: mean")]
    expected = tables.curves().ratio["target"][:, -1]
    assert list(last["seed"].dropna()) == [0, 1, 2, 3]
    assert list(last["value"]) == pytest.approx([expected.mean(), *expected])
    assert set(table["panel"]) == {"one"} and set(last["at_label"]) == {"env steps of each seed"}
    assert set(last["value_label"]) == {"return ÷ optimal return"}


def test_runs_stand_in_columns_on_common_scales():
    def drawer(height: float):
        def draw():
            figure, axes = new_figure(3, 2)
            axes[0, 0].plot([0, 1], [0, height])
            return figure

        return draw

    figure = columns({"low": drawer(1.0), "high": drawer(5.0)})
    assert [part.get_suptitle() for part in figure.subfigs] == ["low", "high"]
    first, second = figure.axes
    assert first.get_ylim() == second.get_ylim() and first.get_ylim()[1] >= 5.0
    assert tuple(figure.get_size_inches()) == (6.0, 2.25)
    assert long_table(figure.drawn) == []


def test_a_legend_is_of_all_panels_without_repeats():
    @styled
    def drawn():
        figure, axes = new_figure(4, 2, 1, 2)
        for place, labels in zip(axes[0], (("a", "b"), ("b", "c")), strict=True):
            for label in labels:
                place.plot([0, 1], label=label)
        legend_below(figure)
        return figure

    assert legend_labels(drawn()) == ["a", "b", "c"]


def test_a_concept_keeps_its_colour_whatever_stands_beside_it():
    assert concept_colours(["corner", "cheese"]) == {
        "corner": NAMED["corner"],
        "cheese": NAMED["cheese"],
    }
    alone, among = concept_colours(["banana"]), concept_colours(["zebra", "banana", "cheese"])
    assert len(set(among.values())) == 3
    if alone["banana"] != NAMED["cheese"]:
        assert among["banana"] == alone["banana"]
    many = concept_colours([f"thing {number}" for number in range(7)])
    assert set(many.values()) == set(CONCEPTS)
