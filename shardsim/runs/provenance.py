"""Where a run and each of its stages come from: versions and the git commit; no paths, no times."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
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


def differing(made: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """What was not the same at every step: library -> version -> the steps that ran with it.

    Args:
        made: step -> what `provenance` said then; a step of which nothing is known is left out.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for step, known in made.items():
        for name, one in known.get("versions", {}).items():
            found.setdefault(name, {}).setdefault(str(one), []).append(step)
    return {name: steps for name, steps in sorted(found.items()) if len(steps) > 1}


def in_words(differing: Mapping[str, Mapping[str, list[str]]]) -> str:
    """What `differing` found as `jax 0.8.0 (train), 0.8.1 (identify)`; empty where all is alike."""
    return " and ".join(
        f"{name} " + ", ".join(f"{one} ({', '.join(steps)})" for one, steps in found.items())
        for name, found in differing.items()
    )


@cache
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
