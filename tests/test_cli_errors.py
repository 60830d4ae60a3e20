"""Bad input on the command line: exit code 2, one line on stderr, nothing written over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shardsim import cli
from shardsim.runs.config import resolve
from shardsim.runs.store import MANIFEST, Store
from shardsim.runs.toml import read_config, write_toml


def outcome(arguments: list[str], capsys) -> tuple[int, list[str], str]:
    """Exit code, the lines on stderr, and stdout."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), err.splitlines(), out


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Path:
    """A folder with everything that could be given wrongly."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.toml").write_text("[train]\nseeds = 2\n")
    (tmp_path / "syntax.toml").write_text("[train\n")
    (tmp_path / "key.toml").write_text("[train]\nsead = 2\n")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "broken_world.py").write_text("x = 1\nx = = 2\n")
    (tmp_path / "worlds" / "empty_world.py").write_text("")
    (tmp_path / "worlds" / "exit_world.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "worlds" / "halting_world.py").write_text(f"{THIRST}{HALTING}")
    config = write_toml(resolve(read_config("good.toml")))
    made = Store.create(tmp_path / "run", config, [0, 1])
    with made.writing():
        made.write("training.nc", b"whole")
    for name, text in [("damaged", "{"), ("older", '{"format": 0}')]:
        shutil.copytree(tmp_path / "run", tmp_path / name)
        (tmp_path / name / MANIFEST).write_text(text)
    shutil.copytree(tmp_path / "run", tmp_path / "edited")
    (tmp_path / "edited" / "config.toml").write_text("[train]\nseeds = 3\n")
    return tmp_path


THIRST = (Path(__file__).parent / "env" / "worlds" / "thirst.py").read_text()
HALTING = "\n    def drives(self, state):\n        raise SystemExit(0)\n"


def files(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


CASES = {
    "no command": ("", "missing command; see: shardsim --help"),
    "unknown command": ("rum", "Did you mean 'run'"),
    "unknown option": ("run good.toml --ot x", "no such option: --ot"),
    "missing argument": ("run", "missing argument 'config'"),
    "option without value": ("run good.toml --out", "requires an argument"),
    "missing config": ("run nowhere.toml", "there is no config 'nowhere.toml'"),
    "config is a folder": ("run thesis", "is a folder; give a TOML file"),
    "broken TOML": ("run syntax.toml", "syntax.toml is no TOML"),
    "unknown key in the file": ("run key.toml", "unknown key 'train.sead'; did you mean 'train.se"),
    "unknown key": ("run good.toml train.rolout_steps=3", "did you mean 'train.rollout_steps'"),
    "wrong type": ("run good.toml train.seeds=many", 'train.seeds = "many" cannot be used'),
    "out of range": ("run good.toml train.clip=-1", "it should be greater than 0"),
    "no override": ("run good.toml seeds", "is no override"),
    "settings that disagree": ("run good.toml train.minibatches=7", "must divide"),
    "unknown env": ("run good.toml env.id=chese-corner", "did you mean 'cheese-corner'"),
    "unknown env parameter": ("run good.toml env.params.hight=9", "did you mean 'height'"),
    "refused env parameter": ("run good.toml env.params.height=2", "needs sizes"),
    "unknown reward": ("run good.toml env.reward.chees=1", "did you mean 'cheese'"),
    "missing env folder": ("run good.toml --envs nowhere", "there is no folder"),
    "broken env file": (
        "run good.toml --envs worlds env.id=broken-world",
        "broken_world.py, line 2: SyntaxError",
    ),
    "env file that exits": (
        "run good.toml --envs worlds env.id=exit-world",
        "exit_world.py, line 2: SystemExit: 0",
    ),
    "env file that exits, checked": ("check-env worlds/exit_world.py", "exit_world.py, line 2"),
    "env whose method exits": (
        "envs halting-world --envs worlds",
        "halting_world.py, line 71: SystemExit: 0",
    ),
    "env file without env": ("run good.toml --envs worlds env.id=empty-world", "empty_world.py"),
    "out is another folder": ("run good.toml --out thesis", "holds other files (chapter.tex"),
    "out is unwritable": ("run good.toml --out good.toml/run", "cannot write good.toml/run"),
    "out is damaged": ("run good.toml --out damaged", "MANIFEST.json is damaged"),
    "out is older": ("run good.toml --out older", "was written in format 0"),
    "out has another config": ("run good.toml train.clip=0.3 --out run", "train.clip = 0.2"),
    "out was edited by hand": ("run good.toml --out edited", "config.toml is damaged"),
    "unknown env to show": ("envs chese-corner", "did you mean 'cheese-corner'"),
}


@pytest.mark.parametrize(("line", "said"), CASES.values(), ids=CASES)
def test_bad_input_is_one_line_and_changes_nothing(place: Path, capsys, line: str, said) -> None:
    before = files(place)
    code, lines, out = outcome(line.split(), capsys)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("shardsim: ")
    assert said in lines[0]
    assert out == ""
    assert files(place) == before


def test_a_second_writer_is_refused(place: Path, capsys) -> None:
    before = files(place)
    with Store.open(place / "run").writing():
        code, lines, _ = outcome(["run", "good.toml", "--out", "run"], capsys)
    assert (code, len(lines)) == (2, 1)
    assert "is writing run; wait for it to end or choose another --out" in lines[0]
    assert files(place) == before


def test_a_bug_is_one_line_with_another_code(capsys, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("shardsim.base.content.catalogue", broken)
    code, lines, _ = outcome(["envs"], capsys)
    assert code == 1
    assert lines == [
        "shardsim: this is a bug, ZeroDivisionError: division by zero; "
        "set SHARDSIM_TRACEBACK=1 to see where"
    ]


def test_stopping_by_hand_says_how_to_go_on(capsys, monkeypatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shardsim.base.content.catalogue", stopped)
    code, lines, _ = outcome(["envs"], capsys)
    assert code == 1
    assert "the same command goes on" in lines[-1]
