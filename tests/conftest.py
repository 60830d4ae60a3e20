"""Test settings: strict dtypes, checked shapes, deterministic properties, a compilation cache."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("MPLBACKEND", "Agg")
# Compilation dominates the suite: keep programs between runs, workers and subprocesses.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "shardsim-test-cache")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import jax
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

import tests.typecheck  # noqa: F401  (the hook below finds it loaded)

# Every annotated shape and dtype in the package is checked at each call while testing.
install_import_hook("shardsim", "tests.typecheck.check")

jax.config.update("jax_numpy_dtype_promotion", "strict")

MANY_MAPS = 30_000

settings.register_profile(
    "shardsim",
    derandomize=True,
    deadline=None,
    max_examples=20,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("shardsim")


@pytest.fixture(autouse=True, scope="module")
def _few_programs_at_once():
    """Free compiled programs between modules: each holds memory maps, which run out in a process.

    Linux allows 65,530 of them by default, and the compiler aborts where there are no more.
    """
    yield
    maps = Path("/proc/self/maps")
    if not maps.exists() or maps.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()


@pytest.fixture
def shardsim(capsys, monkeypatch):
    """Call the command line; returns the exit code, stdout and stderr."""
    from shardsim import cli

    def call(*arguments: str, keys: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(keys))
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def corner_env():
    """A 5x5 cheese-corner maze."""
    from shardsim.env.registry import make

    return make("cheese-corner", height=5, width=5)


@pytest.fixture(scope="session")
def corner_battery(corner_env):
    """240 contexts of target levels."""
    from shardsim.shards.contexts.battery import battery

    return battery(corner_env, 240, seed=4)
