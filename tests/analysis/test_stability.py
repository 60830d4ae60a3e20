"""Stability over training as figure, sentences, table and plain values; and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.cli.commands import app
from shardsim.runs import figures
from shardsim.runs.report import build, stability_text
from shardsim.runs.run import STABILITY, Run, load
from shardsim.runs.stability import add_stability
from tests.analysis.stable import STEPS, stability

pytestmark = pytest.mark.slow


def test_the_figure_shows_drift_sham_and_both_values(finished: Run) -> None:
    figure: Any = figures.draw("stability", [finished])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "near-corner \N{EN DASH} stable: from 512 on"
    assert titles[2] == "near-cheese \N{EN DASH} stable: at no point"
    rows = [one for one in figure.drawn if one.axes is figure.axes[0] and one.seed is None]
    by = {(one.series, float(one.at)): one.value for one in rows}
    assert by["1 cheese", 256.0] == pytest.approx(0.2)
    assert by["2 corner", 256.0] == pytest.approx(-0.2)
    assert by["1 cheese, sham", 256.0] == 0
    values = {
        (one.series, float(one.at)): one.value
        for one in figure.drawn
        if one.axes is figure.axes[1] and one.seed is None
    }
    assert values["1 cheese, before reflection", 256.0] == pytest.approx(0.2)  # (.5 − .4) / .5
    assert values["1 cheese, after reflection", 256.0] == pytest.approx(0.3)


def test_it_is_said_from_when_on_and_where_never() -> None:
    about, *lines = stability_text.sentences(stability(3))
    assert about == "Agents of 3 checkpoints reflect by turns for 20 steps."
    assert "near the corner (turns): values stay unchanged from 512 env steps on" in lines[0]
    assert "under the sham median seed 256 [256, 256]" in lines[0]
    assert "near the cheese (turns): values stay unchanged at no point of this run" in lines[1]
    assert "median seed never [never, never]" in lines[1]
    # The last seed has no contested contexts; one seed has no interval.
    assert "over 3 seeds, which holds it in 75" in lines[1]
    assert "over 2 seeds, which holds it in 50" in lines[2]
    alone = stability_text.sentences(stability(2))[3]
    assert "[" not in alone and "One seed has no interval over seeds." in alone
    rows = stability_text.rows(stability(3))
    assert len(rows) == 9 and len(rows[0]) == len(stability_text.columns(stability(3)))
    assert rows[0][:2] == ["near-corner", "256"] and rows[0][4] == "drifted"
    first = stability_text.as_data(stability(3))[1]
    assert (first["question"], first["onset"], first["model"]) == ("drift", "near-corner", "turns")
    assert first["verdicts"] == dict(zip(STEPS, ["drifted", "constant", "constant"], strict=True))


def test_a_report_has_the_section_where_it_was_asked(finished: Run, tmp_path: Path) -> None:
    titles = [part.title for part in build.parts_of(finished)]
    assert "Reflection over training" in titles
    copy = load(shutil.copytree(finished.path, tmp_path / "copy"))
    with copy.store.writing():
        copy.store.drop(STABILITY)
    assert "Reflection over training" not in [part.title for part in build.parts_of(copy)]
    with pytest.raises(UserError, match=r"has no stability\.nc yet; add it with: shardsim reflect"):
        figures.draw("stability", [copy])


def test_what_cannot_be_asked_is_refused(trained: Run, finished: Run) -> None:
    with pytest.raises(UserError, match="has not finished its stage 'reflect'"):
        add_stability(trained.path, 3)
    with pytest.raises(UserError, match="checkpoints"):
        add_stability(finished.path, 1)
    with pytest.raises(UserError, match="there is no reflection model"):
        add_stability(finished.path, 3, "turn")
    for setting in ("repeats=2", "reflect.refit_every=1", "follow_values=true"):
        with pytest.raises(UserError, match="reflection from checkpoints always has reflect"):
            add_stability(finished.path, 3, settings=[setting])
    with pytest.raises(UserError, match="give it with --model"):
        add_stability(finished.path, 3, settings=['models=["turns"]'])
    words = ["reflect", str(finished.path), "--checkpoints", "3", "--onset", "contested"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UserError) and "leave out --onset" in str(done.exception)


def test_plain_values_are_json() -> None:
    from shardsim.runs.io import json_text

    told = json.loads(json_text(stability_text.as_data(stability(2)), plain=True))
    assert len(told) == 18
    assert np.isfinite([one["stable_median"] or 0 for one in told]).all()
