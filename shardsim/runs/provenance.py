"""Where a run comes from: versions and the git commit; no paths, no times."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import shardsim

_LIBRARIES = ("flax", "gymnasium", "jax", "jaxlib", "numpy", "optax", "scikit-learn", "scipy")


def provenance() -> dict[str, Any]:
    """Versions of what computes the results, and the commit of the checkout if it is one."""
    versions = {name: _version(name) for name in _LIBRARIES}
    versions |= {"python": platform.python_version(), "shardsim": shardsim.__version__}
    return {"versions": versions, "git_commit": git_commit()}


def git_commit() -> str | None:
    """The commit of the checkout that shardsim runs from, `+changes` if edited; else None."""
    folder = Path(shardsim.__file__).parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        dirty = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if dirty else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
