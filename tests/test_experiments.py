"""Every experiment that ships is a config that resolves, found by name and by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardsim.base.content import catalogue
from shardsim.runs.config import resolve
from shardsim.runs.toml import locate, read_config

SHIPPED = catalogue("experiments")


def test_the_demo_and_the_smoke_run_ship() -> None:
    assert {"demo", "smoke"} <= SHIPPED.keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_experiment_resolves(name: str) -> None:
    config = resolve(read_config(name))
    assert resolve(config) == config


@pytest.mark.parametrize("source", ["smoke", "smoke.toml", "experiments/smoke.toml"])
def test_a_shipped_experiment_is_found_from_an_empty_folder(
    source: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(source) == SHIPPED["smoke"].source


def test_a_file_of_ones_own_comes_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smoke.toml").write_text("[train]\nseeds = 7\n")
    assert read_config("smoke.toml").train.seeds == 7
