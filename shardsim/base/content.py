"""One loader for the content folders: worlds (`envs`), figures (`analysis`) and `experiments`.

A file's stem is its id (`envs/cheese_corner.py` is `cheese-corner`), so a catalogue is a list of
file names and listing executes nothing. The shipped folders are those of the checkout, or the copy
that the wheel carries; a user's folder and installed entry points go through the same functions.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import shardsim
from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.given import path_of

Kind = Literal["envs", "analysis", "experiments"]

_SUFFIX: dict[Kind, str] = {"envs": ".py", "analysis": ".py", "experiments": ".toml"}
_NO_CONTENT = ("_", ".", "test_", "conftest.")  # what else may stand in a user's folder
_SINGULAR: dict[Kind, str] = {"envs": "env", "analysis": "figure", "experiments": "experiment"}
_loaded: dict[Path, dict[str, str]] = {}  # code of the files that this process has executed


class Entry(NamedTuple):
    """One thing that a catalogue lists: its id and where it is, not yet loaded."""

    id: str
    kind: Kind
    source: Path | EntryPoint

    @property
    def where(self) -> str:
        """The place, for messages."""
        source = self.source
        return str(source) if isinstance(source, Path) else f"entry point {source.value!r}"


def shipped_folder(kind: Kind) -> Path:
    """The folder of `kind` that ships: the wheel's copy if there is one, else the checkout's."""
    package = Path(shardsim.__file__).parent
    copy = package / "_shipped" / kind
    return copy if copy.is_dir() else package.parent / kind


def id_of(path: Path) -> str:
    """The id that a file's name gives: `cheese_corner.py` is `cheese-corner`."""
    return path.stem.replace("_", "-")


def catalogue(kind: Kind, folders: Sequence[str | Path] = ()) -> dict[str, Entry]:
    """All entries of `kind` by id: shipped, installed by entry point, and in the user's folders.

    Nothing is imported or executed. Raises UserError where a folder does not exist or two
    entries have the same id.
    """
    found: dict[str, Entry] = {}
    for folder in _distinct(shipped_folder(kind), *folders):
        for path in _files(folder, _SUFFIX[kind]):
            _add(found, Entry(id_of(path), kind, path))
    for point in entry_points(group=f"shardsim.{kind}"):
        _add(found, Entry(point.name.replace("_", "-"), kind, point))
    return dict(sorted(found.items()))


def find(kind: Kind, name: str, folders: Sequence[str | Path] = ()) -> Entry:
    """The entry with id `name` (underscores do for hyphens). Raises UserError, with the nearest."""
    known = catalogue(kind, folders)
    wanted = name.replace("_", "-")
    if wanted not in known:
        raise UserError(f"no {_SINGULAR[kind]} is called {name!r}; {did_you_mean(wanted, known)}")
    return known[wanted]


def is_known(kind: Kind, name: str, folders: Sequence[str | Path] = ()) -> bool:
    """Whether `find` finds an entry with id `name`."""
    return name.replace("_", "-") in catalogue(kind, folders)


def headline(entry: Entry) -> str:
    """The first line of an entry's docstring or comment, read without executing the file."""
    if not isinstance(entry.source, Path):
        return entry.where
    text = entry.source.read_text(encoding="utf-8-sig", errors="replace")
    if entry.source.suffix == ".toml":
        return text.partition("\n")[0].lstrip("# ") if text.startswith("#") else ""
    try:
        doc = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError:
        return "cannot be parsed"
    return doc.partition("\n")[0].removeprefix(f"{entry.id}: ")


def load(entry: Entry) -> ModuleType:
    """Import an entry's module, once a process, under a private package name.

    The package name is private because other distributions own `envs` and `analysis`; siblings
    import one another relatively. Raises UserError naming file and line where the file is broken.
    """
    if isinstance(entry.source, Path):
        return load_file(entry.kind, entry.source)
    return _load_point(entry, entry.source)


def load_file(kind: Kind, path: str | Path) -> ModuleType:
    """Import one Python file as content of `kind`; see `load`."""
    path = path_of(path).resolve()
    if not path.is_file():
        raise UserError(f"there is no file {path}; give the path of a Python file")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise UserError(f"{path} is not a module; name it like my_world.py")
    name = f"{_package(kind, path.parent)}.{path.stem}"
    if name not in sys.modules:
        _loaded[path] = source_hashes(path)
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a file may also raise SystemExit, by sys.exit() or exit()
        raise broken(kind, path, error) from error


@contextlib.contextmanager
def blaming_files() -> Iterator[None]:
    """Around what calls methods of users' files: what those raise becomes a UserError naming them.

    Also SystemExit, after which nobody would know that something had gone wrong. What a user stops
    by Ctrl-C, and what comes from no user's file, stays as it is. Serves as a decorator.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        for frame in reversed(frames):
            name = str(frame.f_globals.get("__name__", ""))
            kinds: list[Kind] = [kind for kind in _SINGULAR if name.startswith(_prefix(kind))]
            path = Path(frame.f_code.co_filename)
            if kinds and path.parent != shipped_folder(kinds[0]):
                raise broken(kinds[0], path, error) from error
        raise


def id_of_module(name: str) -> str | None:
    """The id of the env or figure that a loaded module is; None for modules that are neither."""
    if name.startswith(tuple(map(_prefix, _SINGULAR))):
        return name.rpartition(".")[2].replace("_", "-")
    points = [point for kind in _SINGULAR for point in entry_points(group=f"shardsim.{kind}")]
    return next((p.name.replace("_", "-") for p in points if p.value == name), None)


def code_of(entry: Entry) -> dict[str, str]:
    """File name -> SHA-256 of what executing an entry means: its file, and the siblings it imports.

    Of a file that this process has loaded, it is what was loaded, whatever was edited since. Of an
    installed module the version of its package is told too, and the module is imported.
    """
    if isinstance(entry.source, Path):
        return _loaded.get(entry.source) or source_hashes(entry.source)
    module = load(entry)
    version = {entry.source.dist.name: entry.source.dist.version} if entry.source.dist else {}
    return version | (source_hashes(Path(module.__file__)) if module.__file__ else {})


def source_hashes(path: Path) -> dict[str, str]:
    """File name -> SHA-256 of a Python file and of all that it imports relatively, as it does."""
    found: dict[str, str] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        name = Path(os.path.relpath(file, path.parent)).as_posix()
        if name in found or not file.is_file():
            continue
        data = file.read_bytes()
        found[name] = hashlib.sha256(data).hexdigest()
        waiting += _siblings(file, data)
    return dict(sorted(found.items()))


def _siblings(file: Path, data: bytes) -> list[Path]:
    """The files beside one that it may import; none where it cannot be parsed."""
    try:
        nodes = list(ast.walk(ast.parse(data)))
    except (SyntaxError, ValueError):
        return []
    found: list[Path] = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = node.module.split(".") if node.module else []
            for end in (parts, *([*parts, one.name] for one in node.names)):
                if end:
                    module = file.parents[node.level - 1].joinpath(*end)
                    found += [module.with_name(f"{module.name}.py"), module / "__init__.py"]
    return found


def broken(kind: Kind, path: Path, error: BaseException) -> UserError:
    """An error that a user's file raised, as one line that names the file and its line."""
    if isinstance(error, UserError):
        return error
    place = f"{path}{_line_in(path, error)}"
    said = error.msg if isinstance(error, SyntaxError) else one_line(error)
    name = type(error).__name__
    text = said if said.startswith(name) else f"{name}: {said}"
    return UserError(f"the {_SINGULAR[kind]} file is broken, {place}: {text}; fix that line")


def _line_in(path: Path, error: BaseException) -> str:
    """`, line N` for the deepest frame inside `path`'s folder; the syntax error's own line."""
    if isinstance(error, SyntaxError) and error.filename:
        other = "" if Path(error.filename) == path else f" ({Path(error.filename).name})"
        return f"{other}, line {error.lineno}"
    inside = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == path.parent
    ]
    if not inside:
        return ""
    other = "" if Path(inside[-1].filename) == path else f" ({Path(inside[-1].filename).name})"
    return f"{other}, line {inside[-1].lineno}"


def _load_point(entry: Entry, point: Any) -> ModuleType:
    try:
        module = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserError(
            f"the installed {_SINGULAR[entry.kind]} {entry.id!r} ({point.value}) cannot be "
            f"imported, {type(error).__name__}: {one_line(error)}; fix or uninstall that package"
        ) from error
    if not isinstance(module, ModuleType):
        raise UserError(
            f"the entry point {point.name} = {point.value} is not a module; "
            "name a module, without ':' and an attribute"
        )
    return module


def _prefix(kind: str) -> str:
    """What the private packages of one kind begin with."""
    return f"_shardsim_{kind}_"


def _package(kind: Kind, folder: Path) -> str:
    """A private package over `folder`, made once; its `__init__` is not executed."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    name = f"{_prefix(kind)}{digest}"
    if name not in sys.modules:
        package = ModuleType(name, f"Content of kind {kind} in one folder.")
        package.__path__ = [str(folder)]
        package.__spec__ = importlib.util.spec_from_loader(name, loader=None, is_package=True)
        sys.modules[name] = package
    # A file written since the folder was last listed would not be seen otherwise.
    importlib.invalidate_caches()
    return name


def _files(folder: Path, suffix: str) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; give one that holds *{suffix} files")
    files = [path for path in folder.glob(f"*{suffix}") if path.is_file()]
    return sorted(path for path in files if not path.name.startswith(_NO_CONTENT))


def _add(found: dict[str, Entry], entry: Entry) -> None:
    if entry.id in found:
        raise UserError(
            f"two {entry.kind} are called {entry.id!r}: {found[entry.id].where} and "
            f"{entry.where}; rename one of them"
        )
    found[entry.id] = entry


def _distinct(*folders: str | Path) -> list[Path]:
    return list(dict.fromkeys(path_of(folder).resolve() for folder in folders))
