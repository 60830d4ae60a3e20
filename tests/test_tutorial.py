"""`docs/extend.md` is run as it stands: its files written, its code and commands executed in order.

A block whose first line is a comment with a path is written to that file. Other Python blocks are
executed. In a console block a line that begins with `$` is a command, run through the command line
in this process; the lines after it must appear in what it prints, in order; `exit code N` says so.
"""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from shardsim import cli

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w/]+\.(?:py|toml))\n")


def run_command(line: str, capsys, monkeypatch) -> tuple[int, str]:
    """Run `shardsim ...`, or `printf KEYS | shardsim ...`; return its code and what it printed."""
    keys, _, command = line.rpartition(" | ")
    typed = shlex.split(keys)[1].encode().decode("unicode_escape") if keys else ""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    name, *arguments = shlex.split(command)
    assert name == "shardsim"
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out + err


def follow_console(block: str, capsys, monkeypatch) -> int:
    """Run the commands of a block and compare; return how many there were."""
    commands = [part for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    for part in commands:
        command, *expected = part.splitlines()
        code, printed = run_command(command, capsys, monkeypatch)
        wanted = 0
        for line in expected:
            if line.startswith("exit code "):
                wanted = int(line.split()[-1])
                continue
            at = printed.find(line)
            assert at >= 0, f"{command}\n{line!r} is not in\n{printed}"
            printed = printed[at + len(line) :]
        assert code == wanted, f"{command}\n{printed}"
    return len(commands)


def test_the_tutorial_works_from_an_empty_folder(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    done = {"files": 0, "executed": 0, "commands": 0}
    for kind, block in BLOCK.findall(text):
        named = FILE.match(block)
        if named:
            path = tmp_path / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block[named.end() :], encoding="utf-8")
            done["files"] += 1
        elif kind == "python":
            exec(compile(block, "docs/extend.md", "exec"), names)
            done["executed"] += 1
        else:
            assert kind == "console", f"a block of kind {kind} is not run"
            done["commands"] += follow_console(block, capsys, monkeypatch)
    assert done == {"files": 8, "executed": 2, "commands": 10}
    assert (tmp_path / "runs" / "gem" / "shards.nc").exists()
