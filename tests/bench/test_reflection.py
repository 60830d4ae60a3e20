"""Closed forms of reflection: each case as listed and drawn once, and what is printed of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.bench import reflection
from shardsim.bench.reflection_cases import conflicts
from shardsim.bench.reflection_cases.case import row, threshold
from shardsim.cli.commands import app
from shardsim.reflection.models.problem import shares
from shardsim.reflection.models.replicator import fitness, replicate

# As printed where the cases come from, with half of their last digit.
PRINTED = {
    (3, "time between the two shares"): [(11.1195, 5e-5)],
    (4, "p"): [(0.0, 0), (0.3, 1e-9), (0.5, 1e-9), (0.333, 5e-4), (1.0, 0)],
    (4, "part of 1, divisible, √"): [(0.4235, 5e-5), (0.3, 1e-9)],
    (5, "p_1 at the end, unequal gains"): [(1 / 6, 1e-9), (0.06, 1e-9)],
    (5, "share below which a plan dies, unequal"): [(0.2, 1e-9), (0.0625, 1e-9)],
    (5, "local rate"): [(0.7619, 5e-5)],
    (5, "p_1 at the end, anchored"): [(0.20099, 5e-6)],
    (6, "whisky and gold: round it, through it"): [
        (44.0, 1e-9), (51.0, 1e-9), (22.1436, 5e-5), (21.4241, 5e-5), (41.6975, 5e-5),
        (17.0073, 5e-5), (33.3909, 5e-5), (8.8135, 5e-5),
    ],
    (6, "exploration at which both are worth the same"): [(0.63122, 5e-6)],
    (13, "see, acquire: before, after"): [(0.99, 5e-4), (0.895, 5e-4), (0.314, 5e-4), (101, 1e-9)],
    (14, "time at which the preference turns"): [(7.0, 1e-9), (1.0, 1e-9)],
    (14, "later less soon, for rows of 1 to 8"): [
        (-0.4, 5e-4), (-0.305, 5e-4), (-0.171, 5e-4), (-0.042, 5e-4), (0.078, 5e-4),
    ],
    (15, "flow: period near the centre"): [(10.883, 5e-4)],
    (16, "frozen: σ_1 above which shard 1 grows"): [(1 / 3, 1e-9)],
    (16, "refreshed: w_2/w_1 below which it grows"): [(4.0, 1e-9)],
    (17, "chances of the three plans"): [(0.333, 5e-4)],
    (20, "steps until half of all is lost"): [(59.0, 0)],
}  # fmt: skip


@pytest.fixture(scope="module")
def lines():
    """Every case, as listed and drawn once."""
    return reflection.benchmark(1, seed=3, say=lambda text: None)


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted({case.number for case in reflection.ALL}))
def test_every_closed_form_is_met(lines, number):
    mine = [line for line in lines if line.case == number]
    assert {line.draw for line in mine} == {-1, 0}
    assert [line for line in mine if not line.right] == []


def test_every_case_of_the_list_is_there():
    assert {case.number for case in reflection.ALL} == set(range(1, 25))


@pytest.mark.slow
def test_what_is_expected_is_what_was_printed(lines):
    for (number, what), printed in PRINTED.items():
        listed = [li for li in lines if (li.case, li.what, li.draw) == (number, what, -1)]
        values = np.array([one for line in listed for one in line.expected])
        for value, half in printed:
            assert np.abs(values - value).min() <= half + 1e-12, (number, what, value)


def test_case_15_the_printed_product_falls_as_printed():
    """From .035 to .0018 in 2,000 steps of .1."""
    matrix = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    path = replicate(
        np.array([0.4, 0.25, 0.35]), lambda w, s: fitness(s, matrix), shares, rate=0.1,
        steps=2000, judges="refreshed", normalised=True,
    )  # fmt: skip
    product = path.weights.prod(1)
    assert product[[0, -1]] == pytest.approx([0.035, 0.0018], abs=5e-5)


def test_the_same_seed_gives_the_same_draws_and_another_one_others():
    first, again, other = (
        reflection.benchmark(1, seed=seed, cases=[2], say=lambda text: None) for seed in (0, 0, 1)
    )
    assert first == again
    assert first[-1].parameters != other[-1].parameters


def test_a_wrong_model_is_missed_and_the_command_fails(monkeypatch):
    monkeypatch.setitem(conflicts.DECIDERS, "Nash bargain", conflicts.DECIDERS["egalitarian"])
    found = CliRunner().invoke(app, ["bench", "reflection", "--draws", "0", "--cases", "4"])
    assert found.exit_code == 1
    assert "MISSED" in found.output and "missed" in found.output.splitlines()[-1]


def test_the_command_succeeds_where_all_agree():
    found = CliRunner().invoke(app, ["bench", "reflection", "--draws", "2", "--cases", "8,20"])
    assert found.exit_code == 0
    assert "21 of 21 agree to 1e-06" in found.output  # 3 and 4 rows, three times each


@pytest.mark.parametrize(
    ("options", "says"), [({"draws": -1}, "draws must be"), ({"cases": [99]}, "no case 99")]
)
def test_bad_input_is_refused(options, says):
    with pytest.raises(UserError, match=says):
        reflection.benchmark(**options)


def test_given_parameters_are_tried_alone(tmp_path):
    file = tmp_path / "given.json"
    file.write_text(json.dumps([{"case": 20, "parameters": {"epsilon": 0.02, "gamma": 0.8}}] * 2))
    found = reflection.benchmark(given=file, say=lambda text: None)
    assert {(line.case, line.right) for line in found} == {(20, True)}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot read"),
        ("[]", "no list of cases"),
        ('[{"case": 20}]', "without case and parameters"),
        ('[{"case": 99, "parameters": {}}]', "no case 99"),
        ('[{"case": 20, "parameters": {"gamma": 0.9}}]', "takes epsilon, gamma, not gamma"),
        ('[{"case": 20, "parameters": {"epsilon": 0.1, "gamma": 2}}]', "cannot be computed"),
        ('[{"case": 23, "parameters": {"gains": [1], "alpha": [1, 2], "weight": 1}}]', "look like"),
    ],
)
def test_given_parameters_that_are_none_are_refused(tmp_path, text, says):
    file = tmp_path / "given.json"
    file.write_text(text)
    with pytest.raises(UserError, match=says):
        reflection.benchmark(given=file, say=lambda text: None)


def test_a_row_of_another_length_or_without_a_number_is_missed():
    assert row("model", "what", [1.0, 2.0], [1.0]).error == math.inf
    assert row("model", "what", 1.0, math.nan).error == math.inf
    assert row("model", "what", 100.0, 101.0).error == pytest.approx(0.01)
    assert math.isnan(threshold(lambda x: True, 0, 1))
