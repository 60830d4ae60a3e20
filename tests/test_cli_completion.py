"""Shell completion: names of experiments, figures and stages, and nothing else on stdout."""

from __future__ import annotations

import pytest

from shardsim import cli


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (
            "shardsim run study",
            ["study-anywhere", "study-corner", "study-proxy", "study-reflection"],
        ),
        ("shardsim run demo --until i", ["identify"]),
        ("shardsim plot runs/a shares", ["shares", "shares-by-seed"]),
        ("shardsim plot runs/a ./no", []),  # left to the shell, which knows the files
        ("shardsim ev", ["events"]),
    ],
)
def test_what_a_word_may_become(line, offered, monkeypatch, capsys):
    monkeypatch.setenv("_SHARDSIM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert not ended.value.code
    assert capsys.readouterr().out.split() == offered
