"""Sweeps killed at random, and clusters that lose a worker or their scheduler: the same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardsim.runs.files import FAILURE
from shardsim.runs.pipeline import run
from shardsim.runs.run import load
from shardsim.runs.sweep.index import open_sweep
from shardsim.runs.sweep.verify import verify
from shardsim.runs.toml import read_config, write_toml
from tests.runs.killed import at_work, lives, results, wait
from tests.tiny import TINY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SEED = 6
RATES = (1e-3, 2e-3)
PATIENCE = 300.0  # seconds


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """What single runs of the two points write."""
    place = tmp_path_factory.mktemp("single")
    return [
        results(run(TINY, place / str(rate), [f"train.learning_rate={rate}"], until="train"))
        for rate in RATES
    ]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The sweep's command."""
    config = tmp_path / "tiny.toml"
    config.write_text(write_toml(read_config(TINY)))
    rates = f"train.learning_rate={','.join(map(str, RATES))}"
    words = [sys.executable, "-m", "shardsim", "sweep", str(config), rates, "--until", "train"]
    return [*words, "--out", str(tmp_path / "sweep"), "--workers", "1"]


def begun(words: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def problems(sweep: Path) -> list[str]:
    return [str(problem) for found in verify(sweep) for problem in found.problems]


@pytest.mark.skipif("FAULTS_SWEEP_KILLS" not in os.environ, reason="part of make test-faults")
def test_sweeps_killed_at_random_end_like_single_runs(
    words: list[str], tmp_path: Path, single: list[dict[str, bytes]], how_many, tell
) -> None:
    """The command is killed, or one of its workers, as soon as one works or some time later."""
    rng, wanted, done, failed = random.Random(SEED), how_many("SWEEP_KILLS"), 0, []
    out = tmp_path / "sweep"
    while done < wanted:
        shutil.rmtree(out, ignore_errors=True)
        for _ in range(min(rng.randint(1, 3), wanted - done)):
            command = begun(words)
            try:
                worker = at_work(out, command, PATIENCE)
            except AssertionError as error:
                if command.poll() != 0:  # else all was done before
                    command.kill()
                    failed.append(f"{error}: {command.communicate()[1][-300:]}")
                break
            time.sleep(rng.choice([0.0, rng.uniform(0.0, 6.0)]))
            whole = rng.random() < 0.5
            victim = command.pid if whole else worker
            if command.poll() is None and lives(victim):
                os.kill(victim, signal.SIGKILL)
                done += 1
            if whole:
                command.communicate()
                wait(lambda pid=worker: not lives(pid), "the worker goes with its command")
                failed += problems(out)
            else:
                _, said = command.communicate(timeout=2 * PATIENCE)
                failed += [said[-300:]] if command.returncode else []
                break  # another worker has done the rest
        last = begun(words)
        _, said = last.communicate(timeout=2 * PATIENCE)
        written = [results(load(folder)) for folder in open_sweep(out).folders]
        if last.returncode or written != single or problems(out):
            failed.append(f"after {done} kills: exit {last.returncode}, {said[-300:]}")
    assert tell("kills of sweeps and their workers", done, failed) == ""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen, list[subprocess.Popen]]]:
    """A Dask scheduler and two workers, each a process of its own."""
    if "FAULTS_SWEEP_KILLS" not in os.environ:
        pytest.skip("three more processes: part of make test-faults")
    pytest.importorskip("distributed", reason="needs shardsim[dask]")
    known = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--port", "0"]
    scheduler = subprocess.Popen(
        [*dask, "--scheduler-file", str(known)], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    wait(known.is_file, "the scheduler begins", PATIENCE)
    dask = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1"]
    dask += ["--no-dashboard", "--scheduler-file", str(known)]
    workers = [subprocess.Popen(dask, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(2)]
    yield json.loads(known.read_text())["address"], scheduler, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


def test_a_cluster_that_loses_a_worker_and_then_its_scheduler(
    cluster, words: list[str], tmp_path: Path, single: list[dict[str, bytes]], tell
) -> None:
    address, scheduler, workers = cluster
    out, failed = tmp_path / "sweep", []
    command = begun([*words, "--scheduler", address])
    os.kill(at_work(out, command, PATIENCE), signal.SIGKILL)
    wait(lambda: any(one.poll() is not None for one in workers), "a worker is lost")
    at_work(out, command, PATIENCE)  # the other one goes on
    scheduler.kill()
    _, said = command.communicate(timeout=2 * PATIENCE)
    line = [one for one in said.splitlines() if one.startswith("shardsim: ")]
    if command.returncode not in (0, 1) or (command.returncode and "is gone" not in line[-1]):
        failed.append(f"exit {command.returncode}: {said[-300:]}")
    failed += [one.read_text() for one in out.rglob(FAILURE)]  # of points that could not be done
    for worker in workers:
        worker.kill()
        worker.wait()
    last = begun(words)
    _, said = last.communicate(timeout=2 * PATIENCE)
    written = [results(load(folder)) for folder in open_sweep(out).folders]
    if last.returncode or written != single or problems(out):
        failed.append(f"afterwards exit {last.returncode}: {said[-300:]}")
    assert tell("lost workers and schedulers of a cluster", 2, failed) == ""
