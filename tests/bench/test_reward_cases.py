"""The reward tier of the benchmark: its scores by hand, its histories, and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.bench import reward_cases
from shardsim.bench.planted.reward import planted_rewards
from shardsim.bench.reward_cases import REWARD_KINDS, RewardLine, draw_history, gate_contrast
from shardsim.bench.reward_table import table
from shardsim.cli import app
from shardsim.env.registry import make

pytestmark = pytest.mark.slow


def test_contrast_is_the_share_of_pairs_in_order():
    level = np.arange(40) // 2
    held = level % 2 == 0
    assert gate_contrast(held * 2.0, held, level, 0)[0] == 1.0
    assert gate_contrast(np.ones(40), held, level, 0) == (0.5, 0.5)
    few = gate_contrast(np.array([3.0, 1.0, 2.0]), np.array([True, True, False]), np.arange(3), 0)
    assert few[0] == 0.5  # one pair of two in order
    assert 0.5 < gate_contrast(np.random.default_rng(0).random(40), held, level, 0)[1] < 1.0
    assert np.isnan(gate_contrast(np.ones(3), np.ones(3, bool), np.arange(3), 0)).all()


def test_each_antecedent_gets_the_shard_that_wants_it_most():
    preferences = np.array([[0.1, 0.9], [0.8, 0.6]])
    assert reward_cases.partners(preferences, [0, 1]).tolist() == [1, 0]
    assert sorted(reward_cases.partners(preferences[:1], [0, 1]).tolist()) == [-1, 0]
    assert reward_cases.partners(np.zeros((0, 2)), [0]).tolist() == [-1]


@pytest.mark.parametrize("name", reward_cases.ENVS)
def test_histories_pay_as_many_contexts_apart_as_their_kind_says(name):
    env = make(name)
    drawn = {kind: draw_history(kind, env, np.random.default_rng(5)) for kind in REWARD_KINDS}
    counts = {kind: spec.num_shards for kind, spec in drawn.items()}
    assert counts == {
        "apart": 2, "crossed": 2, "sided": 2, "three": 3, "one": 1, "alike": 1, "unpaid": 0,
    }  # fmt: skip
    assert drawn["three"] == draw_history("three", env, np.random.default_rng(5))


def test_the_table_leaves_nobody_out():
    plain = {"env": "e", "number": 0, "paid": "a & b", "planted": 2, "seconds": 1.0}
    rest = {"wanted": (True, False), "contrast": (0.9, 0.7), "beyond": (True, True)}
    lines = [
        RewardLine("apart", achieved=0.5, optimum=1.0, found=2, verdict="shards", **plain, **rest),
        RewardLine(
            "unpaid", achieved=0.0, optimum=0.0, found=0, verdict="no structure",
            **plain | {"planted": 0}, wanted=(), contrast=(), beyond=(),
        ),
    ]  # fmt: skip
    rows = [row.split("  ") for row in table(lines).splitlines()]
    named = {row[0]: [cell.strip() for cell in row if cell] for row in rows}
    assert named["apart"][2] == "0.50" and named["apart"][4].startswith("0.50")
    assert "0.80" in named["apart"] and named["unpaid"][2] == "–"
    assert {"apart 0", "unpaid 0", "all nulls", "all with several"} <= set(named)


def test_unknown_kinds_are_refused():
    with pytest.raises(UserError, match="no reward kind 'gain'"):
        reward_cases.benchmark(1, kinds=["gain"])


@pytest.mark.slow
def test_the_command_trains_and_identifies_one_agent(monkeypatch):
    def briefly(specs, env, *, seed, steps):
        return planted_rewards(specs, env, seed=seed, steps=4_000)

    monkeypatch.setattr(reward_cases, "planted_rewards", briefly)
    asked = "bench shards --tier reward --cases 1 --contexts 200 --ids two-goods --kinds one --json"
    done = CliRunner().invoke(app, asked.split())
    assert done.exit_code == 0, done.stderr
    (line,) = json.loads(done.stdout)["lines"]
    assert line["planted"] == 1 and line["kind"] == "one" and len(line["contrast"]) == 1
    assert 0.0 < line["achieved"] < line["optimum"] <= 1.0
