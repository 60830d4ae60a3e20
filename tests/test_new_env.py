"""`shardsim new-env`: what it writes works, from an empty folder to a run, and it harms nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shardsim.base.errors import UserError
from shardsim.env.new_env import write_env

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TINY = [
    *("env.params.height=5", "env.params.width=5", "train.seeds=1", "train.total_steps=2048"),
    *("train.bank_levels=64", "train.checkpoints=2", "train.evaluation_levels=16"),
]


@pytest.fixture
def shardsim(shardsim, monkeypatch, tmp_path):
    """The command line, called in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return shardsim


@pytest.mark.slow
def test_a_new_env_checks_passes_its_test_and_runs(shardsim, tmp_path):
    code, out, err = shardsim("new-env", "ice_maze", "--out", "mine")
    assert (code, err) == (0, "")
    said = out.splitlines()
    assert said[0] == "wrote mine/ice_maze.py and mine/test_ice_maze.py; edit them, and then:"
    assert [line.split()[:2] for line in said[1:]] == [
        ["shardsim", "check-env"],
        ["python", "-m"],
        ["shardsim", "play"],
        ["shardsim", "run"],
    ]
    code, out, err = shardsim(*said[1].split()[1:])
    assert (code, err) == (0, ""), out + err
    code, out, _ = shardsim(*said[3].split()[1:], keys="dq")
    assert code == 0
    assert "ice-maze: 1 steps" in out
    listed = json.loads(shardsim("envs", "--envs", "mine", "--json")[1])
    assert "ice-maze" in listed
    assert "test-ice-maze" not in listed
    tested = [sys.executable, *said[2].split()[1:], "-q", "-p", "no:cacheprovider"]
    where = {**os.environ, "PYTHONPATH": str(ROOT)}  # in case the package is not installed
    done = subprocess.run(tested, cwd=tmp_path, env=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    code, out, err = shardsim(*said[4].split()[1:], *TINY, "--out", "run", "--until", "train")
    assert code == 0, err
    assert (tmp_path / "run" / "training.nc").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ice", "is not a name for an env; use lower-case letters"),
        ("ice maze", "is not a name"),
        ("../ice", "is not a name"),
        ("ice--maze", "is not a name"),
        ("9ice", "is not a name"),
        ("", "is not a name"),
        ("class", "a word of Python"),
        ("match", "a word of Python"),
        ("test-ice", "a word of Python or pytest"),
        ("cheese-corner", "an env is called 'cheese-corner' already"),
        ("jax", "is the name of a Python module"),
        ("json", "is the name of a Python module"),
    ],
)
def test_names_that_cannot_be_are_refused_and_nothing_is_written(shardsim, tmp_path, name, said):
    code, out, err = shardsim("new-env", name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path):
    test = tmp_path / "test_ice.py"
    test.write_text("precious")
    with pytest.raises(UserError, match="is there already; choose another name"):
        write_env("ice", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_ice.py"]
    assert test.read_text() == "precious"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write into"):
        write_env("ice", tmp_path / "file" / "deeper")
