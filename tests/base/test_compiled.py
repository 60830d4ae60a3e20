"""Compiled programs on disk: whole or not there, bounded, said once, and used by JAX."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from shardsim.base.compiled import ENABLED, PLACE, SUFFIX, Programs
from shardsim.cli import commands

COMPILE = """
from shardsim.base import compiled
from shardsim.base.platform import check_platform
compiled.keep_compiled_programs()
check_platform()
import jax
jax.jit(lambda x: x * 3.0)(1.0)
"""


def test_a_program_comes_back_and_the_first_says_where_it_lies(tmp_path: Path, capsys) -> None:
    kept = Programs(tmp_path / "made" / "here")
    assert kept.get("one") is None
    kept.put("one", b"program")
    kept.put("two", b"")
    assert (kept.get("one"), kept.get("two")) == (b"program", b"")
    assert sorted(os.listdir(kept.folder)) == [f"one{SUFFIX}", f"two{SUFFIX}"]
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(kept.folder) in said and "--no-compile-cache" in said


def test_a_damaged_program_is_taken_away_and_written_anew(tmp_path: Path) -> None:
    kept = Programs(tmp_path)
    for damage in (lambda data: data[:-1], lambda data: b"", lambda data: data[:-1] + b"?"):
        kept.put("one", b"program")
        file = tmp_path / f"one{SUFFIX}"
        file.write_bytes(damage(file.read_bytes()))
        assert kept.get("one") is None and not file.exists()
    kept.put("one", b"program")
    assert kept.get("one") == b"program"


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    kept = Programs(tmp_path, most_bytes=3 * 132)
    for age, key in enumerate("abc"):
        kept.put(key, bytes(100))
        os.utime(tmp_path / f"{key}{SUFFIX}", (age, age))
    assert kept.get("a") is not None  # used just now
    kept.put("d", bytes(100))
    assert [key for key in "abcd" if kept.get(key) is not None] == ["a", "c", "d"]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Programs(tmp_path / "file" / "folder")
    kept.put("one", b"program")
    assert kept.get("one") is None


def compile_with(home: Path, **more: str) -> str:
    """Compile something in a new process; return what it says."""
    env = {name: value for name, value in os.environ.items() if name != PLACE}
    env |= {"XDG_CACHE_HOME": str(home), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", **more}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", COMPILE], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_jax_keeps_its_programs_there_and_survives_damage(tmp_path: Path) -> None:
    assert compile_with(tmp_path, **{ENABLED: "false"}) == ""
    assert not list(tmp_path.rglob("*"))
    assert str(tmp_path) in compile_with(tmp_path)
    files = list(tmp_path.rglob(f"*{SUFFIX}"))
    whole = [file.read_bytes() for file in files]
    assert whole and all(len(data) > 100 for data in whole)
    for file in files:
        file.write_bytes(b"garbage")
    assert compile_with(tmp_path) == ""
    assert {file.stat().st_size > 100 for file in files} == {True}


def test_the_option_turns_it_off(shardsim, monkeypatch) -> None:
    called = []
    monkeypatch.setattr(commands, "keep_nothing", lambda: called.append(True))
    assert shardsim("--no-compile-cache", "envs")[0] == 0
    assert shardsim("envs")[0] == 0
    assert called == [True]
    assert "--no-compile-cache" in shardsim("--help")[1]
