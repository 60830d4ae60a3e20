"""Runs killed at random, over all stages: they end as the uninterrupted run does, to the byte."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shardsim.runs.config import resolve
from shardsim.runs.disk import LOCK
from shardsim.runs.files import LOG, MADE_BY, MANIFEST, ORDER, SUMMARY, TIMED
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.lease import LEASE
from shardsim.runs.run import Run, load
from shardsim.runs.store import Store
from shardsim.runs.toml import read_config, write_toml
from shardsim.runs.verify import verify_run
from tests.analysis.results import CONTEXTS, shards, track
from tests.runs.conftest import CONFIG
from tests.runs.faults.victim import victims

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SEED = 4
MOST_IN_A_ROW = 4  # kills before what is left is done without another
TIMES = ("seconds", "steps_per_second")  # of the log's rows; they differ between runs by nature

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with victims(ROOT) as ask:
        yield ask


def contents(run: Path) -> dict[str, Any]:
    """All that must be the same after any kills: every byte, but for what tells of times."""
    # A lease names who wrote last: one killed when all was done leaves it.
    files = [one for one in run.rglob("*") if one.is_file() and one.name not in (LOCK, LEASE)]
    found: dict[str, Any] = {
        one.relative_to(run).as_posix(): one.read_bytes() for one in files if one.name not in TIMED
    }
    manifest = json.loads(found[MANIFEST])
    found[MANIFEST] = {key: manifest[key] for key in manifest.keys() - {"times", "check"}}
    rows = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    found[LOG] = [{key: row[key] for key in row.keys() - {*TIMES}} for row in rows]
    return found


@pytest.fixture(scope="module")
def starts(trained_run: Run, whole_run: Run, tmp_path_factory) -> dict[str, Path]:
    """A run before each stage. Before `reflect` stand shards written by hand: it has work then."""
    place = tmp_path_factory.mktemp("starts")
    made = {stage: place / stage for stage in ORDER}
    config = resolve(read_config(CONFIG))
    Store.create(made["train"], write_toml(config), [0, 1], whole_run.store.manifest["env_code"])
    for stage in ("identify", "track", "diagnose", "report"):
        shutil.copytree(whole_run.path, made[stage])
        _take_back(made[stage], ORDER[ORDER.index(stage) :])
    shutil.copytree(trained_run.path, made["reflect"])
    _with_shards(made["reflect"])
    return made


def _take_back(run: Path, stages: tuple[str, ...]) -> None:
    """Leave a run as it was before some stages."""
    store = Store.open(run)
    with store.writing():
        store.forget(*stages)
        made = [name for name in store.manifest["files"] if MADE_BY.get(name) in stages]
        store.drop(*made, *store.names("figures/"), SUMMARY)
        store.trim_log(lambda row: row["stage"] not in stages)


def _with_shards(run: Path) -> None:
    """Put two shards into a trained run, and settings of reflection that have something to do."""
    identify = CONFIG["identify"] | {"target_contexts": CONTEXTS}
    reflect = CONFIG["reflect"] | {"open": 0.02, "candidates": 24}
    config = resolve(read_config(CONFIG | {"identify": identify, "reflect": reflect}))
    trained = load(run)
    steps = np.asarray(trained.training["steps"], float)
    store = Store.open(run)
    with store.writing():
        store.write("config.toml", write_toml(config).encode())
        store.write("shards.nc", dataset_to_bytes(shards(2)))
        store.write("shards.json", b'{"num_shards": 2}\n')
        store.write("track.nc", dataset_to_bytes(track(steps, trained.updates, 2)))
        for stage in ("identify", "track"):
            store.finish(stage)


def finish(ask: Ask, run: Path, stage: str) -> dict[str, Any]:
    ended = ask(run, stage)
    assert ended["code"] == 0, f"{stage} of {run}: {ended}"
    return ended


def killed_chain(
    ask: Ask, run: Path, stage: str, kills: int, whole: dict[str, Any], rng: random.Random
) -> tuple[int, list[str]]:
    """Kill a run so often, then finish it: how often it was killed, and what was wrong after."""
    done, failed = 0, []
    for _ in range(kills):
        at_disk = rng.random() < 0.75
        how: dict[str, Any] = (
            {"step": rng.randint(1, whole["steps"])}
            if at_disk
            else {"seconds": rng.uniform(0.05, whole["seconds"])}
        )
        ended = ask(run, stage, **how)
        if not ended["killed"]:
            if ended["code"] != 0:
                failed.append(f"{stage}, {how}: {ended}")
            break
        done += 1
        found = verify_run(run)
        failed += [f"{stage} after {how}: {problem}" for problem in found.problems]
    return done, failed


def test_runs_killed_at_random_end_as_the_uninterrupted_one(
    ask: Ask, starts: dict[str, Path], whole_run: Run, tmp_path: Path, how_many, tell
) -> None:
    rng, wanted = random.Random(SEED), how_many("KILLS")
    stages = ORDER if wanted >= len(ORDER) else ("train",)
    for place, stage in enumerate(stages):
        share = wanted * (place + 1) // len(stages) - wanted * place // len(stages)
        uninterrupted = shutil.copytree(starts[stage], tmp_path / f"{stage}-whole")
        since = time.monotonic()
        told = finish(ask, uninterrupted, stage)
        whole = {"steps": told["steps"], "seconds": time.monotonic() - since}
        expected, tried, failed = contents(uninterrupted), 0, []
        while tried < share:
            run = shutil.copytree(starts[stage], tmp_path / "killed")
            kills = min(rng.randint(1, MOST_IN_A_ROW), share - tried)
            done, odd = killed_chain(ask, run, stage, kills, whole, rng)
            finish(ask, run, stage)
            tried, failed = tried + done, failed + odd
            found = contents(run)
            odd = [name for name in expected | found if expected.get(name) != found.get(name)]
            failed += [f"{stage} after {done} kills differs in {sorted(odd)}"] if odd else []
            shutil.rmtree(run)
        assert tell(f"kills of {stage}", tried, failed) == ""
