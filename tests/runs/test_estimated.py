"""What is not exact for a world made elsewhere is said in the summary and the report."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest

from shardsim.env.core import Env
from shardsim.runs.report.text import headlines
from shardsim.runs.summary import summarise


@pytest.mark.parametrize("figures", [("distances", "optimal return"), ()])
def test_estimated_figures_are_named_where_there_are_any(figures: tuple[str, ...]):
    run = SimpleNamespace(
        env=SimpleNamespace(estimated=figures),
        config=SimpleNamespace(env=SimpleNamespace(id="minigrid:X")),
        seeds=[0],
        store=SimpleNamespace(has=lambda name: False),
    )
    summary = inspect.unwrap(summarise)(run)  # a stub is no Run to a type checker
    said = [line for line in headlines(summary) if "estimates" in line]
    expected = [
        "minigrid:X is modelled only in part; these are estimates: distances and optimal return."
    ]
    assert said == (expected if figures else [])
    assert ("estimated" in summary) == bool(figures)


def test_worlds_of_this_house_estimate_nothing():
    assert Env.estimated == ()
