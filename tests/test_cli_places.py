"""The command line in places that are not as usual: no home, another encoding, no such platform."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import jax
import pytest

from shardsim import cli
from shardsim.base.given import number_of, path_of
from shardsim.base.platform import check_platform
from shardsim.cli import entry
from shardsim.runs.toml import read_config

WORLD = Path(__file__).parents[1] / "envs" / "fork.py"


@pytest.fixture
def worlds(tmp_path: Path) -> Path:
    """A folder with a world that prints, and whose first line no ASCII can show."""
    folder = tmp_path / "worlds"
    folder.mkdir()
    text = WORLD.read_text().replace('"fork"', '"my-fork"').partition('"""')[2].partition('"""')
    (folder / "my_fork.py").write_text(
        f'"""my-fork: größer → Ж."""{text[2]}\nprint("hello")\n', encoding="utf-8-sig"
    )
    return folder


def test_what_an_env_prints_goes_to_stderr(shardsim, worlds: Path) -> None:
    code, out, err = shardsim("envs", "my-fork", "--envs", str(worlds), "--json")
    assert (code, err) == (0, "hello\n")
    assert json.loads(out)["id"] == "my-fork"


def ascii_stream() -> io.TextIOWrapper:
    """A terminal that knows no other letters."""
    return io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_terminal_without_a_character_gets_the_rest(
    worlds: Path, monkeypatch, options: list[str]
) -> None:
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
        for name in ("stdout", "stderr")
    }
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit) as ended:
        cli.main(["envs", "--envs", str(worlds), *options])
    assert ended.value.code == 0
    text = streams["stdout"].buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    said = json.loads(text)["my-fork"] if options else text
    assert ("größer → Ж" if options else "gr??er -> ?") in said


def test_an_error_that_a_terminal_cannot_show_is_one_line(monkeypatch) -> None:
    stream = ascii_stream()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(SystemExit) as ended:
        cli.main(["envs", "größer"])
    assert ended.value.code == 2
    assert b"no env is called 'gr??er'" in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_a_minus_sign_stays_one(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", ascii_stream())
    entry._show_every_character()
    print("\N{MINUS SIGN}0.5\N{NO-BREAK SPACE}\N{PLUS-MINUS SIGN} \N{GREEK SMALL LETTER PI}")
    assert sys.stdout.buffer.getvalue() == b"-0.5 +- ?\n"  # type: ignore[attr-defined]


def test_without_a_home_there_is_no_cache(shardsim, monkeypatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    for name in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = shardsim("--version")
    assert (code, err, out.count(".")) == (0, "", 2)


@pytest.mark.parametrize("error", [RuntimeError("Unable to initialize backend"), AssertionError()])
def test_a_platform_that_is_not_there_is_named(shardsim, monkeypatch, error: Exception) -> None:
    def missing() -> None:
        raise error

    check_platform.cache_clear()
    monkeypatch.setattr(jax, "devices", missing)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    for command in (["envs", "fork"], ["run", "smoke"], ["check-env", str(WORLD)]):
        assert shardsim(*command) == (
            2,
            "",
            "shardsim: JAX_PLATFORMS=cuda names no platform that JAX can begin on here; "
            "set JAX_PLATFORMS=cpu, or unset it\n",
        )


def test_the_home_folder_is_meant_by_a_tilde(shardsim, worlds: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(worlds.parent))
    monkeypatch.chdir(worlds)
    assert "my-fork" in shardsim("envs", "--envs=~/worlds")[1]
    code, out, _ = shardsim("new-env", "ice-maze", "--out=~/made", "--json")
    assert (code, json.loads(out)["env"]) == (0, str(worlds.parent / "made" / "ice_maze.py"))
    (worlds / "mine.toml").write_text('[env]\nfolders = ["~/worlds"]\n', encoding="utf-8-sig")
    assert read_config("~/worlds/mine.toml").env.folders == (str(worlds),)
    assert not (worlds / "~").exists()


def test_numbers_are_read_as_people_write_them() -> None:
    assert read_config({}, ["train.learning_rate=.5e-3"]).train.learning_rate == 0.5e-3
    assert [number_of(text) for text in (".5", "5.", "-3", "1E3", "x", "1e", "")] == [
        *(0.5, 5.0, -3, 1000.0),
        *(None, None, None),
    ]


def test_a_path_need_not_exist(tmp_path: Path) -> None:
    assert path_of(tmp_path / "a" / "b") == tmp_path / "a" / "b"
