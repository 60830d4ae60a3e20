"""What counts as current: results by stage, the env's code, versions; all stages are quick here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from shardsim.base import content
from shardsim.base.errors import Caution, UserError
from shardsim.base.progress import Progress
from shardsim.runs import figures, pipeline, provenance
from shardsim.runs import run as run_module
from shardsim.runs.io import dataset_to_bytes, json_to_bytes
from shardsim.runs.pipeline import run, run_stage
from shardsim.runs.report import build, tables
from shardsim.runs.report.terminal import in_words
from shardsim.runs.run import Run, load
from shardsim.runs.stages import STAGES
from shardsim.runs.store import MADE_BY, Store

pytestmark = pytest.mark.slow

SMALL = {"env": {"params": {"height": 5, "width": 5, "max_steps": 16}}, "train": {"seeds": 1}}
ENV = Path(__file__).parents[2] / "envs" / "cheese_corner.py"


def table() -> bytes:
    """Learning curves of one seed at one checkpoint."""
    dims, one = ("split", "seed", "checkpoint"), np.ones((2, 1, 1))
    data = {"achieved": (dims, 0.5 * one), "optimum": (dims, one)}
    return dataset_to_bytes(xr.Dataset(data, {"split": ["held-out", "target"]}))


def quick(name: str, done: list[str]) -> Callable[[Run, Progress], None]:
    """A stage that writes its files with next to nothing in them."""
    summary = {
        "shards.json": {"num_shards": 1},
        "reflection.json": {"constancy": {"contested": "constant"}},
        "diagnosis.json": {"world": "healthy", "section": None, "representation": None},
    }

    def stage(opened: Run, progress: Progress) -> None:
        done.append(name)
        names = [file for file, maker in MADE_BY.items() if maker == name]
        for file in names:
            data = json_to_bytes(summary[file]) if file in summary else table()
            opened.store.write(file, data)

    return stage


def page_of(opened: Run) -> str:
    """The report's page without figures and tables, which the quick results cannot fill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "all_tables", lambda *_: {})
        patch.setattr(build, "PARTS", ())
        return build.render(opened, {})


@pytest.fixture
def done(monkeypatch) -> list[str]:
    """The stages in the order in which they were done; all are quick."""
    names: list[str] = []
    for name in STAGES:
        monkeypatch.setitem(pipeline.STAGES, name, quick(name, names))
    return names


@pytest.fixture
def whole(done: list[str], tmp_path: Path) -> Run:
    return run(SMALL, tmp_path / "run")


def test_what_rests_on_a_stage_that_is_done_again_is_out_of_date(whole: Run) -> None:
    assert (whole.notes, whole.store.stale()) == ([], [])
    assert {"constancy", "diagnosis"} <= whole.summary.keys()
    run_stage(whole.path, "identify", again=True)
    opened = load(whole.path)
    for read in (lambda: opened.track, lambda: opened.reflection, lambda: opened.diagnosis):
        with pytest.raises(
            UserError, match=r"is out of date: .* continue|bring it up to date with: s"
        ):
            read()
    with pytest.raises(UserError, match=r"track\.nc is out of date"):
        figures.draw("shard-distribution", [opened])
    assert opened.summary["num_shards"] == 1
    assert not {"constancy", "diagnosis"} & opened.summary.keys()
    assert list(opened.timings) == ["train", "identify"]
    note = "out of date and left out: track, reflect, diagnose, report"
    command = f"continue with: shardsim run {whole.path}/config.toml --out {whole.path}"
    said = in_words(opened.summary, opened.timings, "here", opened.notes)
    assert note in said and command in said
    page = page_of(opened)
    assert note in page and str(whole.path) not in page
    assert run(SMALL, whole.path).notes == []


def test_a_stage_that_was_stopped_leaves_nothing_current(whole: Run, monkeypatch) -> None:
    def stopped(opened: Run, progress: Progress) -> None:
        opened.store.write("shards.nc", table())
        raise KeyboardInterrupt

    monkeypatch.setitem(pipeline.STAGES, "identify", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_stage(whole.path, "identify", again=True)
    opened = load(whole.path)
    assert opened.store.stale() == ["identify", "track", "reflect", "diagnose", "report"]
    with pytest.raises(UserError, match=r"shards\.nc is out of date.*'identify' was stopped"):
        _ = opened.shards
    assert set(opened.summary) == {"env", "seeds", "return_ratio", "normalised_regret"}


def test_a_stage_that_is_done_again_sees_what_is_left(whole: Run, monkeypatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setitem(pipeline.STAGES, "report", lambda opened, _: seen.append(opened.summary))
    run_stage(whole.path, "report", again=True)
    assert seen == [load(whole.path).summary]
    assert seen[0]["return_ratio"]


def test_only_what_rests_on_a_stage_goes_with_it(whole: Run, done: list[str]) -> None:
    run_stage(whole.path, "track", again=True)
    assert load(whole.path).store.stale() == ["report"]
    done.clear()
    run(SMALL, whole.path)
    assert done == ["report"]


def test_what_was_reported_before_is_done_again_after_what_it_rests_on(
    done: list[str], tmp_path: Path
) -> None:
    run(SMALL, tmp_path / "run", until="train")
    for early in ("diagnose", "report"):
        run_stage(tmp_path / "run", early)
    done.clear()
    run(SMALL, tmp_path / "run")
    assert done == ["identify", "track", "reflect", "diagnose", "report"]


def test_a_result_is_read_once_until_it_is_written_anew(whole: Run, monkeypatch) -> None:
    read: list[str] = []
    usual = run_module.dataset_from_bytes
    monkeypatch.setattr(
        run_module, "dataset_from_bytes", lambda data, name: read.append(name) or usual(data, name)
    )
    own = whole.track
    own["own"] = 3  # of the caller's copy alone
    assert "own" not in whole.track and len(read) == 1
    with whole.store.writing():
        whole.store.write("track.nc", dataset_to_bytes(xr.Dataset({"new": 1})))
    assert "new" in whole.track and len(read) == 2


def test_versions_that_differ_between_stages_are_told(whole: Run, monkeypatch) -> None:
    usual = provenance._version
    monkeypatch.setattr(
        provenance, "_version", lambda name: "99.1" if name == "jax" else usual(name)
    )
    with pytest.warns(Caution, match=r"jax .* \(.*train.*\), 99\.1 \(identify, now\)"):
        run_stage(whole.path, "identify", again=True)
    opened = load(whole.path)
    assert opened.store.manifest["stages"]["identify"]["versions"]["jax"] == "99.1"
    assert opened.store.manifest["stages"]["train"]["versions"]["jax"] == usual("jax")
    (note,) = [note for note in opened.notes if "same versions" in note]
    assert "99.1 (identify)" in note
    assert "99.1 (identify)" in page_of(opened)


def test_a_finished_run_needs_no_right_to_write(whole: Run, done: list[str], monkeypatch) -> None:
    def refuse(store: Store) -> None:
        raise UserError("cannot write")

    monkeypatch.setattr(Store, "writing", refuse)
    done.clear()
    assert run_stage(whole.path, "diagnose").diagnosis["world"] == "healthy"
    assert run(SMALL, whole.path).summary == whole.summary
    assert done == []


@pytest.fixture
def project(done: list[str], tmp_path: Path) -> dict[str, Any]:
    """A project with a world of its own, in two files, and a run in it."""
    worlds = tmp_path / "old" / "worlds"
    worlds.mkdir(parents=True)
    text = ENV.read_text().replace('"cheese-corner"', '"my-world"')
    (worlds / "my_world.py").write_text(f"{text}\nfrom .shared_part import VALUE as VALUE\n")
    (worlds / "shared_part.py").write_text("VALUE = 1\n")
    (worlds / "another.py").write_text("VALUE = 1\n")
    config = SMALL | {"env": SMALL["env"] | {"id": "my-world", "folders": [str(worlds)]}}
    run(config, tmp_path / "old" / "run")
    content._loaded.clear()  # as in a new process
    return config


@pytest.mark.parametrize("file", ["my_world.py", "shared_part.py"])
def test_an_env_that_was_edited_since_is_named(
    project: dict[str, Any], tmp_path: Path, file: str
) -> None:
    place, worlds = tmp_path / "old" / "run", tmp_path / "old" / "worlds"
    (worlds / "another.py").write_text("VALUE = 2\n")  # which the env does not import
    run(project, place)
    (worlds / file).write_text((worlds / file).read_text() + "\nEDITED = True\n")
    said = f"^{file} .*'my-world'.* changed since .*; take the change back, or train again"
    for attempt in (
        lambda: run(project, place),
        lambda: run_stage(place, "diagnose", again=True, folders=[worlds]),
        lambda: load(place, folders=[worlds]).agent(0),
    ):
        content._loaded.clear()
        with pytest.raises(UserError, match=said):
            attempt()
    assert load(place).notes == []


def test_what_a_process_executes_is_what_its_run_says(
    project: dict[str, Any], tmp_path: Path
) -> None:
    """A module is loaded once, so an edit during the process is not what a new run is made with."""
    place, worlds = tmp_path / "old" / "run", tmp_path / "old" / "worlds"
    first = run(project, place).store.manifest["env_code"]
    path = worlds / "my_world.py"
    content._loaded[path] = dict(first)
    path.write_text(path.read_text() + "\nEDITED = True\n")
    assert run(project, tmp_path / "new").store.manifest["env_code"] == first


def test_a_project_that_was_copied_elsewhere_goes_on(
    project: dict[str, Any], tmp_path: Path, done: list[str]
) -> None:
    shutil.move(tmp_path / "old", tmp_path / "new")
    place, worlds = tmp_path / "new" / "run", tmp_path / "new" / "worlds"
    with pytest.raises(UserError, match=r"old/worlds.*say where it is now with --envs DIR"):
        _ = load(place).env
    with pytest.raises(UserError, match=r"no env is called 'my-world' in .*give the folder that"):
        _ = load(place, folders=[tmp_path]).env
    assert load(place, folders=[worlds]).env.name == "my-world"
    done.clear()
    run_stage(place, "report", again=True, folders=[worlds])
    assert run(project, place, folders=[worlds]).notes == []
    moved = project | {"env": project["env"] | {"folders": [str(worlds)]}}
    assert run(moved, place).notes == []
    assert done == ["report"]
