"""A new env from a template: a file that works and its test, for an author to edit."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from shardsim.base import content
from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of

_WORD = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def write_env(name: str, folder: str | Path = ".") -> tuple[Path, Path]:
    """Write `name.py` and `test_name.py` into a folder, made if need be; return their paths.

    Args:
        name: the new env's id, such as `ice-maze`; underscores do for hyphens.
        folder: where to write.

    Raises:
        UserError: a name that no env can have or that one has already, a file that is there
            already, or a folder that cannot be written. Nothing is written then.
    """
    folder = path_of(folder)
    module = _module(name, [folder] if folder.is_dir() else [])
    paths = folder / f"{module}.py", folder / f"test_{module}.py"
    for path in paths:
        if path.exists():
            raise UserError(f"{path} is there already; choose another name or another --out")
    texts = [_filled(template, module) for template in ("my_world.py", "test_my_world.py")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write into {folder}, {one_line(error)}; choose another --out"
        ) from error
    return paths


def _module(name: str, folders: Sequence[Path]) -> str:
    """Return the module's name; raises UserError for one that cannot be or is taken."""
    if not _WORD.fullmatch(name):
        raise UserError(
            f"{name!r} is not a name for an env; "
            "use lower-case letters, digits and hyphens: ice-maze"
        )
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or keyword.issoftkeyword(module) or module.startswith("test_"):
        raise UserError(f"{name!r} is a word of Python or pytest; choose another, like {name}-maze")
    known = content.catalogue("envs", folders)
    taken = known.get(module.replace("_", "-"))
    if taken is not None:
        raise UserError(f"an env is called {name!r} already ({taken.where}); choose another name")
    # Beside its test, a file called like a library would be imported in its place.
    if importlib.util.find_spec(module) is not None:
        raise UserError(
            f"{name!r} is the name of a Python module; choose another, like {name}-maze"
        )
    return module


def _filled(template: str, module: str) -> str:
    text = (resources.files("shardsim.env") / "templates" / template).read_text(encoding="utf-8")
    titled = "".join(part.capitalize() for part in module.split("_"))
    return (
        text.replace("my_world", module)
        .replace("my-world", module.replace("_", "-"))
        .replace("MyWorld", titled)
    )
