"""Envs of a user's own, from a folder and from an installed package, in every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shardsim.cli import output
from shardsim.env import check
from shardsim.env.gymnasium_ids import register_all
from shardsim.env.registry import make
from shardsim.runs.run import load

pytestmark = pytest.mark.slow

WORLDS = Path(__file__).parent / "env" / "worlds"
TINY = [
    *("train.seeds=1", "train.total_steps=1024", "train.num_envs=8", "train.rollout_steps=8"),
    *("train.bank_levels=16", "train.checkpoints=2", "train.evaluation_levels=8"),
]
STAGES = ("identify", "track", "reflect", "diagnose", "report")


@pytest.fixture
def shardsim(shardsim, monkeypatch, tmp_path):
    """The command line, called in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return shardsim


def source(name: str) -> str:
    """An env file with a world called `name`."""
    return (WORLDS / "thirst.py").read_text().replace('"thirst"', f'"{name}"')


@pytest.fixture(params=["folder", "package"])
def own(request, tmp_path, monkeypatch) -> tuple[str, list[str]]:
    """An env's id, and the options that make it known: none for an installed package."""
    if request.param == "folder":
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "home_thirst.py").write_text(source("home-thirst"))
        return "home-thirst", ["--envs", "mine"]
    site = tmp_path / "site"
    facts = site / "arid_worlds-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: arid-worlds\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[shardsim.envs]\narid-thirst = arid_worlds.dry\n")
    (site / "arid_worlds").mkdir()
    (site / "arid_worlds" / "__init__.py").write_text("")
    (site / "arid_worlds" / "dry.py").write_text(source("arid-thirst"))
    monkeypatch.syspath_prepend(str(site))
    return "arid-thirst", []


def test_commands_on_envs_know_it(shardsim, own, monkeypatch):
    name, options = own
    assert name in json.loads(shardsim("envs", *options, "--json")[1])
    assert json.loads(shardsim("envs", name, *options, "--json")[1])["id"] == name
    # One check of many, which are tested elsewhere.
    monkeypatch.setattr(check, "CHECKS", {"declaration": check.CHECKS["declaration"]})
    code, out, _ = shardsim("check-env", name, *options)
    assert (code, out) == (0, f"{name} passes all 1 checks: declaration\n")
    code, out, _ = shardsim("play", name, *options, "--json", keys="dq")
    assert (code, json.loads(out)["env"], json.loads(out)["steps"]) == (0, name, 1)
    code, _, err = shardsim("new-env", name, *(["--out", "mine"] if options else []))
    assert code == 2
    assert "is called" in err or "is there already" in err


@pytest.mark.slow
def test_a_run_of_it_is_made_and_opened(shardsim, own, tmp_path, monkeypatch):
    name, options = own
    asked = ["run", "smoke", f"env.id={name}", "env.params={}", *TINY, *options]
    code, _, err = shardsim(*asked, "--until", "train", "--out", "made")
    assert code == 0, err
    folders = [tmp_path / "mine"] if options else []
    opened = load(tmp_path / "made", folders=folders)
    assert opened.env == make(name, folders=folders)
    if not options:
        return
    # A run never executes a file of yours on its own, and says how to allow it.
    code, _, err = shardsim("identify", "made")
    assert code == 2
    assert f"allow it with --envs {tmp_path / 'mine'}" in err.splitlines()[-1]
    # Every stage's command takes the folders, and hands them on.
    given = []
    monkeypatch.setattr(
        "shardsim.runs.pipeline.run_stage", lambda *_, folders, **__: given.append(folders)
    )
    monkeypatch.setattr(output, "show_run", lambda *_: None)
    monkeypatch.setattr(output, "show_diagnosis", lambda *_: None)
    for stage in STAGES:
        assert shardsim(stage, "made", *options)[0] == 0
    assert given == [["mine"]] * len(STAGES)


def test_a_package_is_registered_with_gymnasium_too(own):
    name, options = own
    if options:
        pytest.skip("a folder is registered by register_all(folders=[...])")
    import gymnasium

    register_all()
    try:
        assert gymnasium.make(f"shardsim/{name}-v0").unwrapped.env.name == name
    finally:
        gymnasium.registry.pop(f"shardsim/{name}-v0")
