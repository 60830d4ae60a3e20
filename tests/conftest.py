"""Test settings: strict dtypes, checked shapes, deterministic properties, a compilation cache."""

from __future__ import annotations

import ctypes
import gc
import io
import math
import mmap
import os
import sys
import tempfile
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("MPLBACKEND", "Agg")
# Compilation dominates the suite, whose arrays are small: compile with little optimisation, each
# program in one piece, and keep all of them between runs, workers and subprocesses.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"
    " --xla_cpu_parallel_codegen_split_count=1 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "shardsim-test-cache")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import jax
import pytest
from hypothesis import HealthCheck, settings

from tests.typecheck import check_calls

check_calls("shardsim")

jax.config.update("jax_numpy_dtype_promotion", "strict")

MANY_MAPS = 30_000
MUCH_MEMORY = 1_700  # MiB of a worker

settings.register_profile(
    "shardsim",
    derandomize=True,
    deadline=None,
    max_examples=20,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("shardsim")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold slow tests, so that no worker ends alone with one of them."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="module")
def _few_programs_at_once():
    """Free compiled programs between modules, where they hold much memory or many memory maps.

    Linux allows a process 65,530 maps by default, and the compiler aborts where there are no more.
    """
    yield
    if _memory() > MUCH_MEMORY or _maps() > MANY_MAPS:
        jax.clear_caches()
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)  # else the allocator keeps what was freed


def _memory() -> float:
    """MiB that this process holds now; without limit where there is no /proc."""
    said = Path("/proc/self/statm")
    pages = int(said.read_text().split()[1]) if said.exists() else math.inf
    return pages * mmap.PAGESIZE / 2**20


def _maps() -> int:
    said = Path("/proc/self/maps")
    return said.read_bytes().count(b"\n") if said.exists() else 0


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
