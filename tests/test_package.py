"""The package from outside: what importing it costs, what it offers, and what its wheel brings."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import shardsim
from shardsim.cli import main

ROOT = Path(__file__).parents[1]


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("code", ["import shardsim", "import shardsim.cli"])
def test_importing_starts_no_numerical_library(code: str) -> None:
    heavy = {"jax", "matplotlib", "scipy", "sklearn", "xarray", "pandas"}
    assert not heavy & loaded_by(code)


def test_running_and_loading_need_no_plots() -> None:
    assert "matplotlib.pyplot" not in loaded_by("import shardsim; shardsim.load")


@pytest.mark.parametrize("name", shardsim.__all__)
def test_every_public_name_works_and_is_documented(name: str) -> None:
    value = getattr(shardsim, name)
    assert name in dir(shardsim)
    assert name == "__version__" or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = shardsim.nothing


@pytest.mark.slow
def test_the_wheel_brings_one_top_level_name_with_the_content_inside(tmp_path: Path) -> None:
    build = "from hatchling.builders.wheel import WheelBuilder; import sys; "
    build += "print(*WheelBuilder('.').build(directory=sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"shardsim", f"shardsim-{shardsim.__version__}.dist-info"}
    for template in ("my_world.py", "test_my_world.py"):
        assert f"shardsim/env/templates/{template}" in names
    for kind in ("envs", "analysis", "experiments"):
        shipped = {path.name for path in (ROOT / kind).glob("*.*")}
        prefix = f"shardsim/_shipped/{kind}/"
        assert shipped <= {Path(name).name for name in names if name.startswith(prefix)}


def test_the_version_is_printed(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{shardsim.__version__}\n"
