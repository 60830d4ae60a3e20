"""The benchmark of identification: its cases, its table, and the command with one case."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from shardsim.base.errors import UserError
from shardsim.bench import shards_table
from shardsim.bench.planted.policy import logits_on, planted_policy
from shardsim.bench.planted.rules import NULL_KINDS
from shardsim.bench.planted_cases import (
    LEAST_PULL,
    ask,
    ask_networks,
    draw_case,
    ground,
    own_truth,
    truth_of,
)
from shardsim.bench.scores import preference_cosine, share_error
from shardsim.bench.shards import (
    ENVS,
    METHODS,
    NOT_TAUGHT,
    OWN,
    Line,
    benchmark,
    lines_of,
    removal_vectors,
)
from shardsim.cli import app
from shardsim.env.registry import make
from tests.shards.built import influence

pytestmark = pytest.mark.slow

NAN = float("nan")


@pytest.fixture(scope="module")
def corner():
    return ground(make("cheese-corner"), 200, 3, networks=True)


def line(kind, method=OWN, planted=2, found=2, verdict="shards", **extra):
    plain = {"rand": 1.0, "cosine": 1.0, "share_error": 0.0, "covered": (True, True)}
    rest = {"env": "e", "number": 0, "gap": 0.0, "seconds": 1.0}
    told = {"kind": kind, "method": method, "planted": planted, "found": found}
    return Line(**told, verdict=verdict, **{**plain, **rest, **extra})


def test_the_default_envs_have_three_concepts_and_hold_every_kind():
    envs = [make(name) for name in ENVS]
    assert all(len(env.concepts) >= 3 for env in envs)
    assert any(env.drive_names for env in envs)
    assert any(concept.kind == "place" for env in envs for concept in env.concepts)


def test_the_same_seed_draws_the_same_case_whose_shards_all_pull(corner):
    case = draw_case("shards", 4, [corner], 7)
    assert case == draw_case("shards", 4, [corner], 7)
    assert case.spec != draw_case("shards", 4, [corner], 8).spec
    truth = truth_of(case.spec, corner)
    assert truth.shares.min() / truth.shares.sum() >= LEAST_PULL
    assert 0.0 < truth.shares.sum() < 1.0
    assert draw_case("beyond-rank", 0, [corner], 7).spec.num_shards > 3
    with pytest.raises(UserError, match="none of the envs can hold 'hidden'"):
        draw_case("hidden", 0, [corner], 7)


def test_removal_vectors_are_the_signed_influence_of_removal(corner):
    spec = draw_case("shards", 0, [corner], 1).spec
    policy = planted_policy(spec, corner.env)
    edited = [one.states for one in corner.removed]
    without = [np.asarray(policy.on_states(corner.env, states)) for states in edited]
    found = removal_vectors(logits_on(spec, corner.battery), without, corner)
    whole = influence(policy, corner.battery).signed[:, :2]
    np.testing.assert_allclose(found, np.nan_to_num(whole), atol=1e-5)


def test_the_table_counts_by_kind_and_by_method():
    lines = [
        line("shards"),
        line("shards", found=3, rand=0.5, cosine=0.9, share_error=0.1, covered=()),
        line("beyond-rank", planted=4, verdict="cannot tell", rand=NAN, covered=()),
        line("gain", planted=1, found=1, verdict="one utility", rand=NAN, covered=()),
        line("gain", planted=1, rand=NAN, covered=()),
        line("shards", "other", found=1, verdict="one utility", rand=0.0, cosine=0.5),
        line("gain", "other", planted=1, found=1, verdict="one utility", rand=NAN),
    ]
    text = shards_table.table(lines)
    rows = {row.split("  ")[0]: row for row in text.splitlines()}
    assert "0.50 [0.12, 0.88]" in rows["shards"] and "0.75" in rows["shards"]
    assert "0.950" in rows["shards"] and "0.050" in rows["shards"]
    assert "1.00 [0.43, 1.00]" in rows["shards"]  # two intervals of two
    assert "0.50 [0.12, 0.88]" in rows["gain"]
    assert "1.00 [0.27, 1.00]" in rows["beyond-rank"]
    assert rows["all K <= rank"].split()[4] == "2" and rows["all nulls"].split()[2] == "2"
    assert "0.00 [0.00, 0.73]" in rows["other"] and "0.500" in rows["other"]


def test_a_row_a_gap_scores_what_was_taught_and_names_what_was_not():
    network = {"own_rand": 0.9, "own_share_error": 0.02, "own_covered": (True, False)}
    missed = {"verdict": NOT_TAUGHT, "found": 0, "rand": NAN, "cosine": NAN, "share_error": NAN}
    lines = [
        line("shards", gap=0.09, asked=0.1, found=3, rand=0.5, covered=(), **network),
        line("shards", gap=0.018, asked=0.02, **network),
        line("gain", planted=1, found=1, verdict="one utility", gap=0.015, asked=0.02, rand=NAN),
        line("noise", gap=0.0312, asked=0.02, covered=(), number=3, **missed),
    ]
    text = shards_table.table(lines)
    rows = {row.split("  ")[0]: row for row in text.splitlines()}
    narrow, wide = rows["0.02"].split(), rows["0.1"].split()
    assert narrow[1:4] == ["2", "1", "0.0165"] and wide[1:4] == ["1", "0", "0.0900"]
    assert "0.020" in narrow and "0.50" in wide
    assert rows["shards"].split()[1] == "1" and "noise" not in rows
    assert "not taught to 0.02 bits: noise 3 in e, which stayed 0.0312 from its rule" in text


def test_own_truth_of_a_rule_is_what_was_planted(corner):
    case = draw_case("place", 0, [corner], 7)
    plain = case.spec.__class__(**{**vars(case.spec), "noise": 0.0})
    case = case._replace(spec=plain)
    planted, own = truth_of(plain, corner), own_truth(plain, corner, ask(case, corner))
    np.testing.assert_allclose(own.shares, planted.shares, atol=0.03)
    assert share_error(planted, own) < 0.03 and preference_cosine(planted, own) > 0.9999
    assert np.corrcoef(own.strength[:, 0], planted.strength[:, 0])[0, 1] > 0.95
    assert own.interval is not None
    low, high = own.interval.T
    assert own.unexplained is not None and own.unexplained.mean() < 0.2 * own.strength.sum(1).mean()
    assert (low < own.shares).all() and (own.shares < high).all() and (high - low < 0.1).all()


def test_networks_are_taught_and_examined_in_battery_and_reference_alike(corner, monkeypatch):
    case = draw_case("place", 0, [corner], 7)
    given = {}

    def taught(env, lessons, exam, gaps, seed):
        given.update(lessons=lessons, exam=exam)
        return []

    monkeypatch.setattr("shardsim.bench.planted_cases.taught", taught)
    assert list(ask_networks(case, corner, (0.02,))) == []
    sizes = [len(corner.battery.observations), len(corner.reference.observations)]
    assert len(given["exam"].logits) == sum(sizes)
    assert len(given["lessons"].logits) == (1 + len(corner.removed)) * sum(sizes)
    policy = planted_policy(case.spec, corner.env)
    last = np.asarray(policy.on_states(corner.env, corner.beside[-1].states))
    np.testing.assert_allclose(given["lessons"].logits[-sizes[1] :], last, atol=1e-5)
    gone = corner.env.observation_channels.index(
        corner.env.concept_names[corner.beside[-1].concept]
    )
    assert not given["lessons"].observations[-sizes[1] :, :, :, gone].any()
    with pytest.raises(UserError, match="networks=True"):
        next(ask_networks(case, corner._replace(beside=()), (0.02,)))


def test_a_network_that_was_not_taught_is_not_identified(corner, monkeypatch):
    case = draw_case("place", 0, [corner], 7)
    far = ask(case, corner)._replace(gap=0.5, asked=0.02)
    monkeypatch.setattr("shardsim.bench.shards.ask_networks", lambda *a: iter([far]))
    (only,) = lines_of(case, corner, 0, (0.02,))
    assert not only.taught and only.gap == 0.5 and only.verdict == NOT_TAUGHT


def test_the_reference_is_edited_where_networks_are_taught(monkeypatch):
    edits = {}

    def lines(case, on, seed, gaps):
        edits[bool(gaps)] = len(on.beside)
        return iter([line(case.kind)])

    monkeypatch.setattr("shardsim.bench.shards.lines_of", lines)
    asked = {
        "envs": ["cheese-corner"],
        "contexts": 200,
        "kinds": ["gain"],
        "say": lambda text: None,
    }
    for tier in ("rule", "network"):
        (only,) = benchmark(1, tier=tier, **asked)
        assert only.kind == "gain"
    assert edits == {False: 0, True: 2}


def test_bad_asks_are_refused_in_one_line():
    with pytest.raises(UserError, match="a rule has no gap"):
        benchmark(1, gaps=[0.02])
    with pytest.raises(UserError, match=r"bits above 0, not 0\.1, -1\.0"):
        benchmark(1, tier="network", gaps=[-1.0, 0.1])
    for tier, gaps, said in (("rule", ".1", "no gap"), ("network", "x", "'x' among the gaps")):
        done = CliRunner().invoke(app, ["bench", "shards", "--tier", tier, "--gaps", gaps])
        assert done.exit_code != 0 and said in str(done.exception or done.output)
    with pytest.raises(UserError, match="choose rule or network"):
        benchmark(1, tier="reward")
    with pytest.raises(UserError, match="3 or more"):
        benchmark(1, envs=["decoy"], contexts=200)
    with pytest.raises(UserError, match="hardly ever holds yellow-line"):
        ground(make("colour-shape"), 200, 0)
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        benchmark(1, folders=["nowhere"], say=lambda text: None)
    with pytest.raises(UserError, match="no planted kind 'gian'"):
        benchmark(1, envs=["cheese-corner"], contexts=200, kinds=["gian"], say=lambda text: None)


@pytest.mark.slow
def test_the_command_prints_lines_of_every_method():
    asked = "bench shards --cases 1 --contexts 300 --ids cheese-corner --kinds place,gain --json"
    done = CliRunner().invoke(app, asked.split())
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)["lines"]
    assert {(row["kind"], row["method"]) for row in found} == {
        (kind, method) for kind in ("place", "gain") for method in METHODS
    }
    own = {row["kind"]: row for row in found if row["method"] == OWN}
    assert own["place"]["planted"] == 2 and own["place"]["cosine"] > 0.5
    assert own["gain"]["verdict"] != "shards" and "gain" in NULL_KINDS
    assert own["gain"]["rand"] is None  # there is nothing to be recovered
    assert "2 of 2: " in done.stderr
