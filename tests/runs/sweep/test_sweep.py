"""A sweep from the command to its runs: killed, continued, and the same bytes as single runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shardsim.base.errors import UserError
from shardsim.runs.files import FAILURE
from shardsim.runs.pipeline import go_on, run
from shardsim.runs.run import load
from shardsim.runs.sweep import pool
from shardsim.runs.sweep.grid import points
from shardsim.runs.sweep.index import Sweep, extend, open_sweep
from shardsim.runs.sweep.state import states
from shardsim.runs.sweep.worker import work
from shardsim.runs.toml import read_config, write_toml
from tests.runs.killed import at_work, lives, results, wait
from tests.tiny import TINY

pytestmark = pytest.mark.slow

RATES = (1e-3, 2e-3)
WORDS = [f"train.learning_rate={','.join(map(str, RATES))}"]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """What single runs of the two points write."""
    place = tmp_path_factory.mktemp("single")
    return [
        results(run(TINY, place / str(rate), [f"train.learning_rate={rate}"], until="train"))
        for rate in RATES
    ]


def written(sweep: Sweep) -> list[dict[str, bytes]]:
    return [results(load(folder)) for folder in sweep.folders]


def test_a_sweep_killed_in_a_point_ends_like_single_runs(
    tmp_path: Path, single: list[dict[str, bytes]]
) -> None:
    """The whole command is killed once, and one of its workers once more."""
    config = tmp_path / "tiny.toml"
    config.write_text(write_toml(read_config(TINY)))
    out = tmp_path / "sweep"
    words = ["sweep", str(config), *WORDS, "--until", "train", "--out", str(out), "--workers", "1"]
    command = [sys.executable, "-m", "shardsim", *words, "--json"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    worker = at_work(out, first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    wait(lambda: not lives(worker), "the worker goes with who started it")
    again = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.kill(at_work(out, again), signal.SIGKILL)
    told, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert [point["state"] for point in json.loads(told)["points"]] == ["done", "done"]
    assert written(open_sweep(out)) == single


def test_workers_side_by_side_do_each_point_once(
    tmp_path: Path, single: list[dict[str, bytes]]
) -> None:
    sweep = extend(tmp_path, points(TINY, WORDS), "train")
    with load(sweep.folders[0]).store.writing():  # somebody else is at it
        assert work(sweep) == []
        assert [state.word for state in states(sweep).values()] == ["running", "done"]
    assert work(sweep) == []
    assert written(sweep) == single
    made = [(folder / "MANIFEST.json").stat().st_mtime_ns for folder in sweep.folders]
    work(sweep)
    assert made == [(folder / "MANIFEST.json").stat().st_mtime_ns for folder in sweep.folders]


def test_a_point_that_fails_is_named_and_tried_again(tmp_path: Path) -> None:
    sweep = extend(tmp_path, points(TINY, WORDS), "train")
    config = sweep.folders[0] / "config.toml"
    whole = config.read_bytes()
    config.write_bytes(whole[:-1])
    found = pool.run_here(sweep, workers=1, look=0.1)
    assert [state.word for state in found.values()] == ["failed", "done"]
    assert "is damaged" in found[sweep.entries[0].name].why
    config.write_bytes(whole)
    found = pool.run_here(sweep, workers=1, look=0.1)
    assert [state.word for state in found.values()] == ["done", "done"]
    assert not list(sweep.path.glob(f"*/{FAILURE}"))


def test_a_point_whose_workers_keep_dying_is_given_up(tmp_path: Path, monkeypatch) -> None:
    sweep = extend(tmp_path, points(TINY), "train")
    dies = (
        "import os, sys\n"
        "from shardsim.runs.store import Store\n"
        "with Store.open(os.path.join(sys.argv[1], 'run')).writing():\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    popen = subprocess.Popen
    monkeypatch.setattr(
        pool.subprocess,
        "Popen",
        lambda words, **kept: popen([sys.executable, "-c", dies, words[3]], **kept),
    )
    found = pool.run_here(sweep, workers=1, retries=1, look=0.1)
    assert found["run"].word == "failed"
    assert "ended 2 times, killed (signal 9)" in found["run"].why


def test_run_of_a_directory_goes_on_with_it(tmp_path: Path, single: list[dict[str, bytes]]) -> None:
    folder = extend(tmp_path, points(TINY, WORDS), "train").folders[0]
    assert results(go_on(folder, until="train")) == single[0]
    with pytest.raises(UserError, match="there is no stage 'trian'"):
        go_on(folder, until="trian")


def test_a_dask_cluster_does_the_same(tmp_path: Path, single: list[dict[str, bytes]]) -> None:
    distributed = pytest.importorskip("distributed", reason="needs shardsim[dask]")
    from shardsim.runs.sweep.cluster import run_on

    sweep = extend(tmp_path, points(TINY, WORDS), "train")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False, protocol="tcp"
    ) as cluster:
        found = run_on(cluster.scheduler_address, sweep, look=0.1)
    assert [state.word for state in found.values()] == ["done", "done"]
    assert written(sweep) == single
    with pytest.raises(UserError, match="no Dask scheduler answers"):
        run_on("tcp://127.0.0.1:9", sweep)
    shutil.rmtree(sweep.path)
