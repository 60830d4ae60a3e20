"""Random configs: each is refused in one line with exit code 2, or is valid; nothing is written."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from shardsim import cli
from shardsim.runs import pipeline
from tests.runs.faults.odd_configs import drawn

pytestmark = pytest.mark.slow

SEED = 11


class Accepted(BaseException):
    """The config is valid, and the run directory would be made now."""


def accept(*_: object) -> None:
    raise Accepted


def outcome(words: list[str], capsys) -> str:
    """How the command ends: `accepted`, `refused`, or what is wrong with its end."""
    try:
        cli.main(words)
    except Accepted:
        return "accepted"
    except SystemExit as ended:
        out, err = capsys.readouterr()
        lines = err.splitlines()
        if ended.code == 2 and len(lines) == 1 and lines[0].startswith("shardsim: ") and not out:
            return "refused" if len(lines[0]) < 2_000 else f"a line of {len(lines[0])} characters"
        return f"exit {ended.code}, {len(lines)} lines: {err[-300:]}"
    return "did not end"


def test_any_config_is_refused_in_one_line_or_valid(
    tmp_path: Path, monkeypatch, capsys, how_many, tell
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "_open_or_create", accept)
    count, failed, ends = how_many("FUZZ"), [], {"accepted": 0, "refused": 0}
    for number in range(count):
        data, words = drawn(random.Random(SEED * 1_000_000 + number))
        Path("odd.toml").write_bytes(data)
        said = outcome(["run", "odd.toml", *words, "--out", "new"], capsys)
        if said in ends:
            ends[said] += 1
        else:
            failed.append(f"config {number} ({data[:120]!r} {words}): {said}")
        if sorted(os.listdir()) != ["odd.toml"] or Path("odd.toml").read_bytes() != data:
            failed.append(f"config {number}: something was written: {os.listdir()}")
            break
    assert ends["refused"] > 10 * ends["accepted"] > 0, ends
    assert tell("odd configs, refused in a line or valid", count, failed) == ""
