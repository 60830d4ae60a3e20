"""The history tier: its table by hand, its scores, and the command with tiny agents."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.bench import history_agents, history_cases
from shardsim.bench.history_cases import MODELS, HistoryLine, goal_cosine, right_model
from shardsim.bench.history_table import table
from shardsim.bench.history_truth import truth_of
from shardsim.bench.planted import recurrent
from shardsim.bench.planted.memory import SWITCHING, WHOLE, MemorySpec
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.cli import app
from shardsim.shards.history.worlds import Controller, Lived

NOTHING: Any = None  # what a test does not read
LINE = HistoryLine(
    kind=SWITCHING, env="e", number=0, agent="rule", planted=3, goals=2, gap=0.0, gap_reset=0.0,
    taught=True, taught_reset=True, there=0.1, remembers=True, reset="one utility", found_reset=1,
    reset_wrong=True, lived="shards", found=2, lived_wrong=True, saved=0.08, low=0.05,
    high=0.11, twin=0.01, says_memory=True, verdict="cannot tell", wrong=False,
    states=dict.fromkeys(MODELS, 2), bits=dict.fromkeys(("shards", *MODELS), 1.5),
    cosine=dict.fromkeys(MODELS[:-1], 0.9), seconds=3.0,
)  # fmt: skip


def test_the_table_counts_what_each_method_said():
    plain = LINE._replace(
        kind="shards", remembers=False, goals=1, says_memory=False, verdict="shards",
        lived_wrong=False, states=dict.fromkeys(MODELS, 3),
        cosine=dict.fromkeys(MODELS[:-1], float("nan")),
    )  # fmt: skip
    missed = LINE._replace(kind="timed", agent="GRU", taught=False)
    text = table([LINE, plain, missed])
    rows = [row.split("  ") for row in text.splitlines()]
    named = {row[0]: [cell.strip() for cell in row if cell] for row in rows}
    assert [cell.split()[0] for cell in named[SWITCHING][6:13]] == [
        "1.00", "1.00", "1.00", "0.00", "1.00", "1.00", "1.00",
    ]  # fmt: skip
    assert named["all that do not"][11:14] == ["–", "–", "–"]
    assert named["hidden Markov goals"][3].startswith("1.00")
    assert {"switching 0, rule", "shards 0, rule", "all that remember"} <= set(named)
    assert "timed" not in named and text.endswith("not taught, and not scored: timed 0")
    assert named["switching 0, rule"][4:7] == ["one utility 1 !", "shards 2 !", "cannot tell"]


@pytest.mark.parametrize(
    ("kind", "there", "held", "lived", "reset"),
    [
        ("visited", 0.2, (0.5, 0.5), set(), {"one utility"}),
        ("visited", 0.0, (1.0, 0.0), {"one utility"}, {"one utility"}),
        ("switching", 0.2, (0.97, 0.03), {"one utility"}, {"shards", "one utility"}),
        ("shards", 0.0, (1.0,), {"shards"}, {"shards"}),
        ("random", 0.01, (1.0,), {"no structure"}, {"no structure"}),
    ],
)
def test_what_is_true_of_an_agent_is_measured(kind, there, held, lived, reset):
    spec = MemorySpec(kind, (), (0, 1), (0.5, 0.5))
    answers = history_agents.Answers(
        np.empty(0), np.empty(0), NOTHING, NOTHING, there, np.array(held), 0.0, 0.03
    )
    truth = truth_of(spec, answers)
    assert truth.remembers == (there == 0.2)
    assert truth.goals == tuple(number for number, part in enumerate(held) if part > 0.05)
    assert set(truth.lived) == lived | {"cannot tell"}
    assert set(truth.reset) == reset | {"cannot tell"}
    assert truth.taught and not truth.taught_reset


def test_what_is_held_is_inferred_from_whole_episodes():
    """One state, two actions: goal 0 takes the first, goal 1 the second, hardly ever otherwise."""
    policy = np.array([[[[0.99, 0.01], [0.01, 0.99]]]])
    change = np.full((1, 1, 2, 2), 0.5)
    action = np.array([[0, 0, 0, 1]])
    lived = Lived(np.zeros(1, int), np.zeros((1, 4), int), action, action >= 0, policy)
    spec = MemorySpec("anew", (NOTHING, NOTHING), (0, 1), (0.5, 0.5))
    found = history_agents.held(spec, Controller(policy, change, np.array([0.5, 0.5])), lived)
    np.testing.assert_allclose(found, [(3 * 0.99 + 0.01) / 4, (0.99 + 3 * 0.01) / 4])


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
    assert goal_cosine((goal, other), np.array([[0.0, 3.0], [2.0, 0.0]])) == pytest.approx(1.0)
    assert goal_cosine((goal, other), np.array([[0.0, 3.0]])) == pytest.approx(0.5)
    assert right_model(SWITCHING) != right_model(WHOLE)


def test_unknown_kinds_are_refused():
    with pytest.raises(UserError, match="no history kind 'gain'"):
        history_cases.benchmark(1, kinds=["gain"])


@pytest.mark.slow
def test_the_command_asks_a_rule_and_a_network(monkeypatch):
    few = {"LEVELS": 4, "EPISODES": 3, "AVERAGED": 2, "STEPS": 6}
    monkeypatch.setattr(recurrent, "EPISODES", 40)
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
