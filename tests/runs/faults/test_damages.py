"""Damaged run directories: `verify` names each, and so does every command that reads the file."""

from __future__ import annotations

import random
import re
import shlex
import shutil
from pathlib import Path

import pytest

from shardsim.runs.run import Run, load
from shardsim.runs.sweep.verify import verify
from tests.runs.faults import damage

pytestmark = pytest.mark.slow

SEED = 23
COMMANDS = ("run", "events", "diagnose")  # that only read a finished run


def fault_in(outcome: tuple[int, str, str], file: str) -> str:
    """What is wrong with how a command ended on a damaged file; empty where nothing is."""
    code, _, err = outcome
    lines = err.splitlines()
    if code != 2 or len(lines) != 1 or not lines[0].startswith("shardsim: "):
        return f"exit {code}, {len(lines)} lines: {err[-300:]}"
    if Path(file).name not in lines[0]:
        return f"does not name {file}: {lines[0]}"
    return "" if ";" in lines[0] else f"says no mend: {lines[0]}"


def test_every_damage_is_named(whole_run: Run, tmp_path: Path, shardsim, how_many, tell) -> None:
    rng, failed = random.Random(SEED), []
    usual = {command: shardsim(command, str(whole_run.path)) for command in COMMANDS}
    assert shardsim("verify", str(whole_run.path))[0] == 0
    cases = damage.drawn(damage.files_of(whole_run.path), how_many("DAMAGES"), SEED)
    for name, how in cases:
        copy = damage.copied(whole_run.path, tmp_path / "copy")
        done = damage.apply(copy, name, how, rng)
        fault = fault_in(shardsim("verify", str(copy)), name)
        failed += [f"verify after {done}: {fault}"] if fault else []
        for command in COMMANDS:
            outcome = shardsim(command, str(copy))
            alike = outcome[0] == usual[command][0] == 0
            fault = "" if alike else fault_in(outcome, name)
            failed += [f"{command} after {done}: {fault}"] if fault else []
        shutil.rmtree(copy)
    assert tell("damaged run directories, named", len(cases), failed) == ""


READERS = {
    "training.nc": ["track", "--again"],
    "shards.nc": ["plot", "shares", "--out", "x.png"],
    "track.nc": ["plot", "shard-distribution", "--out", "x.png"],
    "reflection.nc": ["report", "--again"],
    "diagnosis.json": ["report", "--again"],
    "config.toml": ["diagnose", "--again"],
    "checkpoints/00000000.safetensors": ["diagnose", "--again"],
}


@pytest.mark.parametrize(("file", "words"), READERS.items(), ids=READERS)
def test_a_command_that_reads_a_damaged_file_names_it(
    whole_run: Run, tmp_path: Path, shardsim, monkeypatch, file: str, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    copy = damage.copied(whole_run.path, tmp_path / "copy")
    damage.apply(copy, file, "flip", random.Random(SEED))
    command, *rest = words
    code, _, err = shardsim(command, str(copy), *rest)
    said = [line for line in err.splitlines() if line.startswith("shardsim: ")]
    assert (code, len(said)) == (2, 1)
    assert Path(file).name in said[0] and "; restore that file" in said[0]
    assert "Traceback" not in err


def test_what_verify_advises_mends(whole_run: Run, tmp_path: Path, shardsim) -> None:
    copy = shutil.copytree(whole_run.path, tmp_path / "copy")
    for file in ("diagnosis.json", "figures/learning-curves.png", "log.jsonl"):
        damage.apply(copy, file, "delete", random.Random(SEED))
    (found,) = verify(copy)
    assert len(found.problems) == 3
    advised = [re.findall(r"with: shardsim (.*)$", one.mend)[0] for one in found.problems]
    for words in dict.fromkeys(advised):
        assert shardsim(*shlex.split(words))[0] == 0
    assert shardsim("run", str(copy))[0] == 0
    (found,) = verify(copy)
    assert (found.problems, found.notes) == ((), ())
    assert load(copy).summary == whole_run.summary


def test_a_whole_run_is_sound_and_every_file_is_counted(whole_run: Run) -> None:
    (found,) = verify(whole_run.path)
    assert (found.problems, found.notes) == ((), ())
    assert found.files == len(damage.files_of(whole_run.path))
