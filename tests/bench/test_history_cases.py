"""The history tier: its table by hand, its scores, and the command with tiny agents."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.bench import history_agents, history_cases
from shardsim.bench.history_cases import MODELS, HistoryLine, goal_cosine, right_model
from shardsim.bench.history_table import table
from shardsim.bench.planted import recurrent
from shardsim.bench.planted.memory import SWITCHING, WHOLE, MemorySpec
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.cli import app

LINE = HistoryLine(
    kind=SWITCHING, env="e", number=0, agent="rule", remembers=True, planted=2,
    reset="one utility", found_reset=1, lived="shards", found=2, there=0.1, saved=0.08, low=0.05,
    high=0.11, twin=0.01, says_memory=True, verdict="cannot tell",
    states=dict.fromkeys(MODELS, 2), bits=dict.fromkeys(("shards", *MODELS), 1.5),
    cosine=dict.fromkeys(MODELS[:-1], 0.9), seconds=3.0,
)  # fmt: skip


def test_the_table_counts_what_each_method_said():
    plain = LINE._replace(
        kind="shards", remembers=False, planted=1, says_memory=False, verdict="shards",
        states=dict.fromkeys(MODELS, 3), cosine=dict.fromkeys(MODELS[:-1], float("nan")),
    )  # fmt: skip
    rows = [row.split("  ") for row in table([LINE, plain]).splitlines()]
    named = {row[0]: [cell.strip() for cell in row if cell] for row in rows}
    says, reset, lived, end, cannot = named[SWITCHING][5:10]
    assert [cell.split()[0] for cell in (says, reset, lived, end, cannot)] == [
        "1.00", "0.00", "1.00", "0.00", "1.00",
    ]  # fmt: skip
    assert named["shards"][-4].startswith("0.00") or "shards 0, rule" in named
    assert named["all that do not"][10:12] == ["–", "–"]
    assert named["hidden Markov goals"][3].startswith("1.00")
    assert {"switching 0, rule", "shards 0, rule", "all that remember"} <= set(named)


def test_goals_are_matched_whatever_their_order_and_length():
    goal = PlantedSpec(
        kind="one-utility",
        concepts=("a", "b"),
        gates=(PlantedGate("constant"),),
        preferences=((1.0, 0.0),),
        strengths=(2.0,),
        habit=(0.0,),
    )
    other = PlantedSpec(**{**vars(goal), "preferences": ((0.0, 1.0),)})
    spec = MemorySpec(SWITCHING, (goal, other), (0, 1), (0.5, 0.5))
    assert goal_cosine(spec, np.array([[0.0, 3.0], [2.0, 0.0]])) == pytest.approx(1.0)
    assert goal_cosine(spec, np.array([[0.0, 3.0]])) == pytest.approx(0.5)
    assert right_model(SWITCHING) != right_model(WHOLE)


def test_unknown_kinds_are_refused():
    with pytest.raises(UserError, match="no history kind 'gain'"):
        history_cases.benchmark(1, kinds=["gain"])


@pytest.mark.slow
def test_the_command_asks_a_rule_and_a_network(monkeypatch):
    few = {"LEVELS": 4, "EPISODES": 3, "LESSONS": 2, "AVERAGED": 2, "STEPS": 6}
    for name, value in few.items():
        monkeypatch.setattr(history_agents, name, value)
    monkeypatch.setattr(recurrent, "taught", partial(recurrent.taught, updates=2))
    asked = "bench shards --tier history --cases 1 --contexts 200 --ids two-goods --json --kinds"
    done = CliRunner().invoke(app, [*asked.split(), "anew"])
    assert done.exit_code == 0, done.stderr
    rule, network = json.loads(done.stdout)["lines"]
    assert (rule["agent"], network["agent"]) == ("rule", "GRU")
    assert rule["states"].keys() == set(MODELS) and rule["low"] <= rule["saved"] <= rule["high"]
    assert not rule["remembers"] and rule["reset"] == rule["lived"]
