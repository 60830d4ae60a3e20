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
HALTS = len(f"{THIRST}{HALTING}".splitlines())


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
    "endless option": (f"run good.toml --{'x' * 3000}", "x…xxxxxxxxxxx; see: shardsim run --help"),
    "missing argument": ("run", "missing argument 'config'"),
    "option without value": ("run good.toml --out", "requires an argument"),
    "missing config": ("run nowhere.toml", "there is no config 'nowhere.toml'"),
    "config is a folder": ("run thesis", "is a folder; give a TOML file"),
    "broken TOML": ("run syntax.toml", "syntax.toml is not TOML"),
    "unknown key in the file": ("run key.toml", "unknown key 'train.sead'; did you mean 'train.se"),
    "unknown key": ("run good.toml train.rolout_steps=3", "did you mean 'train.rollout_steps'"),
    "wrong type": ("run good.toml train.seeds=many", 'train.seeds = "many" cannot be used'),
    "out of range": ("run good.toml train.clip=-1", "it should be greater than 0"),
    "no override": ("run good.toml seeds", "is not an override"),
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
        f"halting_world.py, line {HALTS}: SystemExit: 0",
    ),
    "env file without env": ("run good.toml --envs worlds env.id=empty-world", "empty_world.py"),
    "out is another folder": ("run good.toml --out thesis", "holds other files (chapter.tex"),
    "out is unwritable": ("run good.toml --out good.toml/run", "cannot write good.toml/run"),
    "out is damaged": ("run good.toml --out damaged", "MANIFEST.json is damaged"),
    "out is older": ("run good.toml --out older", "was written in format 0"),
    "out has another config": ("run good.toml train.clip=0.3 --out run", "train.clip = 0.2"),
    "out was edited by hand": ("run good.toml --out edited", "config.toml is damaged"),
    "not finite inside a list": (
        'run good.toml train.reward_schedule=[{component="cheese",at=[0],weight=[nan]}]',
        "train.reward_schedule.0.weight.0 = nan cannot be used; give a finite number",
    ),
    "too large for 32 bits": ("run good.toml train.learning_rate=1e39", "learning_rate = 1e+39 c"),
    "nothing left in 32 bits": ("run good.toml train.learning_rate=1e-50", "= 1e-50 cannot be"),
    "env parameter not finite": ("run good.toml env.params.loop_probability=nan", "= nan cannot"),
    "reward too large": ("run good.toml env.reward.cheese=1e39", "env.reward.cheese = 1e+39 can"),
    "reward in words": ("run good.toml env.params.reward=cheese=1e39", "the reward holds 'cheese="),
    "played with no number": ("play cheese-corner loop_probability=NaN", "= nan cannot be used"),
    "half a shard": ("run good.toml identify.max_shards=2.5", "max_shards = 2.5 cannot be used"),
    "scale not finite": ("bench diagnosis --scale inf", "--scale"),
    "case in words": ("bench reflection --cases four", "'four' is not the number of a case"),
    "cases in another form": ("bench reflection --given good.toml", "cannot read good.toml"),
    "config with too long a name": (f"run {'x' * 300}", "file name too long"),
    "out with too long a name": (f"run good.toml --out {'x' * 300}", "file name too long"),
    "run with too long a name": (f"diagnose {'x' * 300}", "file name too long"),
    "envs with too long a name": (f"envs --envs {'x' * 300}", "file name too long"),
    "env file with too long a name": (f"check-env {'x' * 300}.py", "file name too long"),
    "figure of too long a name": (f"plot {'x' * 300} rivals", "file name too long"),
    "nobody's home": ("run good.toml --out ~nobody-here/x", "names a home folder that is not"),
    "no run yet": ("report new", "no run directory new; make one with: shardsim run CONFIG --out"),
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


NAMED = {
    "experiment": ("run smoke env.params.height=2", "needs sizes"),
    "env": ("play fork hight=3", "fork has no parameter 'hight'"),
    "env to check": ("check-env fork --envs nowhere", "there is no folder"),
    "figure": ("plot rivals", "the figure 'rivals' is of 1 run"),
    "option": ("plot run vector-field seed=x", "'vector-field' takes seed=<int>"),
}


@pytest.mark.parametrize("kind", ["folder", "file"])
@pytest.mark.parametrize(("line", "said"), NAMED.values(), ids=NAMED)
def test_a_name_is_found_beside_a_folder_or_file_called_so(
    place: Path, capsys, line: str, said: str, kind: str
) -> None:
    for name in ("smoke", "fork", "rivals", "vector-field", "seed=x"):
        path = place / name
        path.mkdir() if kind == "folder" else path.write_text("not yours")
    code, lines, _ = outcome(line.split(), capsys)
    assert (code, len(lines)) == (2, 1)
    assert said in lines[0]


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
    assert "the same command continues" in lines[-1]
