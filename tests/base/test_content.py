"""Content folders: ids, duplicates, broken files, entry points, and that listing runs nothing."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from shardsim.base import content
from shardsim.base.content import blaming_files, catalogue, find, load, load_file, shipped_folder
from shardsim.base.errors import UserError


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("kind", ["envs", "analysis", "experiments"])
def test_the_checkout_holds_what_ships(kind) -> None:
    assert shipped_folder(kind).name == kind
    assert catalogue(kind).keys() == {
        content.id_of(path)
        for path in shipped_folder(kind).glob("*.*")
        if path.suffix in (".py", ".toml") and not path.name.startswith("_")
    }


def test_the_wheels_copy_comes_first(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "shardsim" / "_shipped" / "envs").mkdir(parents=True)
    monkeypatch.setattr("shardsim.__file__", str(tmp_path / "shardsim" / "__init__.py"))
    assert shipped_folder("envs") == tmp_path / "shardsim" / "_shipped" / "envs"
    assert shipped_folder("analysis") == tmp_path / "analysis"


def test_listing_executes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "my_world.py", "raise RuntimeError('executed')")
    write(tmp_path, "_private.py", "raise RuntimeError('executed')")
    found = catalogue("envs", [tmp_path])
    assert found["my-world"].source == tmp_path / "my_world.py"
    assert "-private" not in found


def test_underscores_do_for_hyphens(tmp_path: Path) -> None:
    write(tmp_path, "my_world.py", "")
    assert find("envs", "my_world", [tmp_path]) == find("envs", "my-world", [tmp_path])


def test_an_unknown_id_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "my_world.py", "")
    with pytest.raises(UserError, match=r"no env is called 'my-wrold'; did you mean 'my-world'\?"):
        find("envs", "my-wrold", [tmp_path])


def test_two_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "my_world.py", "")
    with pytest.raises(UserError, match=r"two envs are called 'my-world'.*rename one"):
        catalogue("envs", [tmp_path / "one", tmp_path / "two"])


def test_the_same_folder_twice_is_one(tmp_path: Path) -> None:
    write(tmp_path, "my_world.py", "")
    assert "my-world" in catalogue("envs", [tmp_path, str(tmp_path)])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        catalogue("envs", [tmp_path / "nowhere"])


def test_a_module_is_loaded_once_with_relative_siblings(tmp_path: Path) -> None:
    write(tmp_path, "__init__.py", "raise RuntimeError('never executed')")
    write(tmp_path, "shared_part.py", "VALUE = object()")
    path = write(tmp_path, "my_world.py", "from .shared_part import VALUE\n")
    module = load(find("envs", "my-world", [tmp_path]))
    assert load_file("envs", path) is module
    assert load_file("envs", tmp_path / "shared_part.py").VALUE is module.VALUE
    assert "my_world" not in sys.modules
    assert module.__name__.startswith("_shardsim_envs_")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = (\n", r"my_world\.py, line 2: SyntaxError"),
        ("import nowhere_at_all\n", r"my_world\.py, line 1: ModuleNotFoundError"),
        ("def f():\n    return 1 / 0\n\nf()\n", r"my_world\.py, line 2: ZeroDivisionError"),
        ("import sys\nsys.exit(0)\n", r"my_world\.py, line 2: SystemExit: 0"),
        ("class Halt(BaseException):\n    pass\nraise Halt\n", r"my_world\.py, line 3: Halt"),
        ("from .helper_part import x\n", r"\(helper_part\.py\), line 2: NameError"),
    ],
)
def test_a_broken_file_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "helper_part.py", "\nx = undefined\n")
    path = write(tmp_path, "my_world.py", text)
    with pytest.raises(UserError, match=said) as caught:
        load_file("envs", path)
    assert "\n" not in str(caught.value)


def test_ctrl_c_while_a_file_loads_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_file("envs", write(tmp_path, "my_world.py", "raise KeyboardInterrupt\n"))


def test_what_a_files_function_raises_is_blamed_on_the_file_and_nothing_else_is(tmp_path: Path):
    text = "def go(error):\n    raise error\n"
    go = load_file("envs", write(tmp_path, "my_world.py", text)).go
    for error in (SystemExit(0), GeneratorExit(), KeyboardInterrupt(), KeyError("x")):
        user = isinstance(error, SystemExit | KeyError)
        with pytest.raises(UserError if user else type(error)) as caught, blaming_files():
            go(error)
        assert not user or "my_world.py, line 2: " in str(caught.value)
    with pytest.raises(SystemExit), blaming_files():
        raise SystemExit


def test_a_mended_file_loads_after_all(tmp_path: Path) -> None:
    path = write(tmp_path, "my_world.py", "x = ")
    with pytest.raises(UserError, match="SyntaxError"):
        load_file("envs", path)
    path.write_text("x = 11\n")
    assert load_file("envs", path).x == 11


@pytest.mark.parametrize("name", ["not-a-module.py", "world.txt"])
def test_only_python_modules_are_loaded(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="is not a module"):
        load_file("envs", write(tmp_path, name, ""))


def point(monkeypatch, name: str, value: str) -> None:
    group = "shardsim.envs"
    points = [EntryPoint(name, value, group)]
    monkeypatch.setattr(content, "entry_points", lambda group: points)


def test_an_installed_entry_is_listed_unimported_and_loads(monkeypatch) -> None:
    sys.modules.pop("this", None)
    point(monkeypatch, "zen_world", "this")
    assert find("envs", "zen-world").where == "entry point 'this'"
    assert "this" not in sys.modules
    point(monkeypatch, "zen_world", "textwrap")
    assert load(find("envs", "zen-world")) is sys.modules["textwrap"]


@pytest.mark.parametrize(
    ("value", "said"), [("nowhere_at_all", "cannot be imported"), ("textwrap:fill", "not a module")]
)
def test_a_broken_entry_point_is_one_line(monkeypatch, value: str, said: str) -> None:
    point(monkeypatch, "bad", value)
    with pytest.raises(UserError, match=said):
        load(find("envs", "bad"))
