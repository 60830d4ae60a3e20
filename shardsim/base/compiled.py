"""Compiled programs, kept in the user's cache folder from one process to the next.

JAX's own cache writes a file in place: a killed process leaves half of one, which is never
replaced, two processes may write into each other's, and the folder grows for ever. `Programs`
stands in for it where JAX lets it (else JAX's own is used).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

PLACE, ENABLED, LEAST = (
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_ENABLE_COMPILATION_CACHE",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
)
WORTH_KEEPING = 0.1  # seconds of compilation
MOST_BYTES = 2 * 1024**3  # of a folder; the programs not used for longest go first
SUFFIX = ".program"
_DIGEST = hashlib.sha256


def keep_compiled_programs() -> None:
    """Let JAX keep what it compiles, unless the user has said where, or that it shall not.

    To be called before JAX compiles anything; what it has compiled by then is not kept.
    """
    folder = default_folder()
    if PLACE in os.environ or folder is None or not _writable(folder):
        return
    os.environ[PLACE] = str(folder)
    os.environ.setdefault(LEAST, str(WORTH_KEEPING))
    if "jax" in sys.modules:
        _tell_jax(jax_compilation_cache_dir=str(folder))
        _tell_jax(jax_persistent_cache_min_compile_time_secs=float(os.environ[LEAST]))


def keep_nothing() -> None:
    """Let JAX neither keep what it compiles nor use what was kept."""
    os.environ[ENABLED] = "false"
    if "jax" in sys.modules:
        _tell_jax(jax_enable_compilation_cache=False)


def default_folder() -> Path | None:
    """Where compiled programs lie; None where no home folder is known."""
    with contextlib.suppress(RuntimeError):
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "shardsim" / "jax"
    return None


def share_between_processes() -> None:
    """Have JAX read and write the default folder by `Programs`, where this JAX has the hook."""
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src import compilation_cache as private

        compilation_cache: Any = private
        interface, usual = compilation_cache.CacheInterface, compilation_cache.get_file_cache

        def get_file_cache(path: str) -> tuple[Any, str] | None:
            ours = default_folder()
            if ours is None or path != str(ours):
                return usual(path)
            return _as_cache(interface, ours), path

        compilation_cache.get_file_cache = get_file_cache


class Programs:
    """A folder of compiled programs: whole files only, checked when read, bounded in size."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        """Keep programs in a folder, which the first of them makes."""
        self.folder = folder
        self.most_bytes = most_bytes

    def get(self, key: str) -> bytes | None:
        """Return a program; None where there is none. A damaged one is deleted."""
        path = self.folder / f"{key}{SUFFIX}"
        try:
            data = path.read_bytes()
        except OSError:
            return None
        digest, value = data[:32], data[32:]
        whole = digest == _DIGEST(value).digest()
        with contextlib.suppress(OSError):
            if whole:
                os.utime(path)  # used now
            else:
                path.unlink()
        return value if whole else None

    def put(self, key: str, value: bytes) -> None:
        """Write a program whole, or not at all where the folder takes none."""
        with contextlib.suppress(OSError):
            self._make_folder()
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(_DIGEST(value).digest() + value)
            os.replace(file.name, self.folder / f"{key}{SUFFIX}")
            self._prune()

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            print(
                f"shardsim: compiled programs are kept in {self.folder}, so that the next command "
                f"begins sooner; --no-compile-cache, or {ENABLED}=false, turns that off",
                file=sys.stderr,
            )

    def _prune(self) -> None:
        """Delete what was not used for longest until the folder is within its size."""
        files = [(entry.stat(), entry.path) for entry in os.scandir(self.folder)]
        total = sum(stat.st_size for stat, _ in files)
        for stat, path in sorted(files, key=lambda each: each[0].st_mtime):
            if total <= self.most_bytes:
                return
            total -= stat.st_size
            with contextlib.suppress(OSError):  # another process was first
                os.unlink(path)


def _as_cache(interface: type, folder: Path) -> Any:
    """`Programs` of a folder as the kind of thing that JAX asks for."""

    class Cache(Programs, interface):
        _path = folder

    return Cache(folder)


def _writable(folder: Path) -> bool:
    """Whether a folder, or the nearest that there is above it, can be written to."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK)


def _tell_jax(**settings: Any) -> None:
    import jax  # not above: `--help` needs no JAX

    for name, value in settings.items():
        jax.config.update(name, value)
