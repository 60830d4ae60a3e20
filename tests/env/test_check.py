"""The conformance check passes the good envs and names each fault of the broken ones."""

from __future__ import annotations

import dataclasses
import re

import pytest

from shardsim.base.errors import UserError
from shardsim.env.check import CHECKS, check_env, resolve
from shardsim.env.registry import build, list_envs
from tests.env.broken import BROKEN
from tests.env.moving import Fleeing
from tests.env.sound import SMALL, WORLDS, Good

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("kind", "check", "said"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_each_fault_is_named_with_its_mend(kind, check, said):
    env = dataclasses.dataclass(frozen=True)(kind)(**(SMALL if issubclass(kind, Good) else {}))
    found = check_env(env, only=[check])
    assert found
    assert {finding.check for finding in found} == {check}
    text = " ".join(str(finding) for finding in found)
    assert re.search(said, text), text
    assert all(finding.mend and "\n" not in str(finding) for finding in found)


def test_every_check_finds_something():
    assert {check for _, check, _ in BROKEN} == set(CHECKS)


@pytest.mark.parametrize("name", ["slip", "key-chest", "thirst", *list_envs()])
@pytest.mark.slow
def test_good_envs_pass_every_check(name, worlds_folder):
    assert check_env(name, folders=[worlds_folder]) == []


def test_a_thing_that_moves_passes_where_place_moves_it_too():
    assert check_env(Fleeing(height=5, width=5)) == []


def test_an_env_is_found_by_id_by_path_and_as_it_is(worlds_folder):
    by_id = resolve("thirst", [worlds_folder])
    by_path = resolve(worlds_folder / "thirst.py")
    assert by_id == by_path
    assert resolve(by_id) is by_id
    assert type(resolve(str(worlds_folder / "slip.py"))).__name__ == "Slip"


def test_a_forgotten_decorator_and_a_missing_position_are_named():
    class Plain(Good):
        @property
        def state_fields(self):
            return {"place": 15}

    problems = [str(finding) for finding in check_env(Plain(**SMALL))]
    assert len(problems) == 2
    assert "Plain is not a frozen dataclass" in problems[0]
    assert "state_fields['cell'] is None, not height * width = 15" in problems[1]


def test_a_name_that_is_not_the_files_id_is_named(tmp_path):
    for stem, said in (("ice_maze", 0), ("fire_maze", 1)):
        text = (WORLDS / "thirst.py").read_text().replace('"thirst"', '"ice-maze"')
        (tmp_path / f"{stem}.py").write_text(text)
        found = check_env(tmp_path / f"{stem}.py", only=["declaration"])
        assert len(found) == said
    assert found[0].problem.startswith("name is 'ice-maze', but the file's id is 'fire-maze'")


@pytest.mark.parametrize("raised", ["sys.exit(0)", "raise SystemExit", "raise Halt"])
def test_a_method_that_ends_the_program_is_a_fault_of_its_file(tmp_path, raised):
    text = (WORLDS / "thirst.py").read_text()
    head, rest = text.split("@dataclasses.dataclass", 1)
    head += "import sys\n\n\nclass Halt(BaseException):\n    pass\n\n\n@dataclasses.dataclass"
    body = f"    def covariates(self, state):\n        {raised}\n"
    (tmp_path / "thirst.py").write_text(f"{head}{rest}\n{body}")
    found = check_env(tmp_path / "thirst.py", only=["shapes"])
    assert len(found) == 1 and found[0].check == "shapes"
    assert "in covariates, line" in found[0].problem


def test_ctrl_c_stops_the_checks(monkeypatch):
    def stopped(subject):
        raise KeyboardInterrupt

    monkeypatch.setitem(CHECKS, "declaration", stopped)
    with pytest.raises(KeyboardInterrupt):
        check_env(build(Good, SMALL), only=["declaration"])


def test_too_many_states_are_said_once():
    found = check_env(build(Good, {**SMALL, "max_states": 10}))
    assert [finding.check for finding in found] == ["declaration"]
    assert found[0].problem == "15 states are more than max_states = 10"


def test_wrong_questions_are_user_errors(tmp_path):
    (tmp_path / "two.py").write_text("x = 1\n")
    for wrong, said in (
        (lambda: check_env("chese-corner"), "did you mean 'cheese-corner'"),
        (lambda: check_env(build(Good, SMALL), only=["table"]), "did you mean 'tables'"),
        (lambda: check_env(tmp_path / "none.py"), "there is no file"),
        (lambda: check_env(tmp_path / "two.py"), "defines 0 Env subclasses"),
    ):
        with pytest.raises(UserError, match=said):
            wrong()
