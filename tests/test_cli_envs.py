"""The commands about envs, end to end: what they print, and how they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

WORLDS = str(Path(__file__).parent / "env" / "worlds")
FLAWED = '''
from shardsim.env.core import Env
from shardsim.env.types import Concept, Level
import dataclasses, jax.numpy as jnp

@dataclasses.dataclass(frozen=True)
class Flawed(Env):
    """A world without walls that forgot a dtype."""
    name = "flawed"
    rewards = ("it",)
    concepts = (Concept("it"),)
    def sample_level(self, key, split):
        there = jnp.ones((1, 1), bool)
        return Level(jnp.zeros((7, 7)), jnp.zeros((1, 1, 2), jnp.int32), there, jnp.ones(1))
'''


def test_envs_lists_and_describes(shardsim):
    code, out, err = shardsim("envs", "--envs", WORLDS, "--json")
    assert (code, err) == (0, "")
    assert {"cheese-corner", "slip", "key-chest", "thirst"} <= set(json.loads(out))
    code, out, _ = shardsim("envs", "key-chest", "--envs", WORLDS, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["states"] == 50
    assert facts["params"]["max_steps"] == 20
    assert facts["concepts"] == {"key": "object", "chest": "object", "exit": "place"}
    code, out, _ = shardsim("envs", "lava-land")
    assert code == 0
    assert "\n  lava_cells = 6  # cells of the pool, where they fit\n" in out
    assert "\n  layout = 'blocks'  # tree, loops, " in out  # the comment is the base's
    code, _, err = shardsim("envs", "cheese-cornr")
    assert code == 2
    assert "did you mean 'cheese-corner'" in err


def test_check_env_passes_a_good_file(shardsim):
    code, out, err = shardsim("check-env", f"{WORLDS}/thirst.py", "--json")
    found = json.loads(out)
    assert (code, err, found["findings"]) == (0, "", [])
    assert "oracle" in found["checks"]


def test_check_env_names_the_fault_of_a_bad_file(shardsim, tmp_path):
    path = tmp_path / "flawed.py"
    path.write_text(FLAWED)
    code, out, err = shardsim("check-env", str(path))
    assert code == 2
    assert "shapes: Level.walls is float32[7, 7], not bool[7, 7]; give it this shape" in out
    assert err.count("\n") == 1
    assert "fails 1 check(s)" in err
    code, out, _ = shardsim("check-env", str(path), "--json")
    assert json.loads(out)["findings"][0]["check"] == "shapes"
    code, _, err = shardsim("check-env", str(tmp_path / "none.py"))
    assert code == 2
    assert "there is no file" in err


def test_play_takes_keys_from_a_pipe(shardsim):
    arguments = ("play", "cheese-corner", "height=5", "width=5", "--split", "target")
    code, out, err = shardsim(*arguments, "--json", keys="ddxcq")
    summary = json.loads(out)
    assert (code, err) == (0, "")
    assert summary["split"] == "target"
    assert summary["steps"] <= 2
    code, out, _ = shardsim(*arguments, "--level-seed", "3", keys="")
    assert code == 0
    assert " cheese" in out
    assert "0 steps, return 0" in out
    for wrong, said in (
        (("play", "cheese-corner", "--split", "tran"), "did you mean 'train'"),
        (("play", "cheese-corner", "height"), "write key=value"),
        (("play", "cheese-corner", "hight=5"), "did you mean 'height'"),
        (("play", "chese"), "no env is called 'chese'"),
    ):
        code, out, err = shardsim(*wrong)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
