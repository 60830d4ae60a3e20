"""A sweep beside single runs: wall time, and the same bytes though it is killed on the way.

    python benchmarks/sweep.py [--config smoke] [--seeds 4] [--until report] [--points 3 3] [--busy]

Three sweeps of the same points, beside every point as a run of its own, all with a warm compile
cache: one left alone, one whose command is killed twice at random and given again, and one on a
local Dask cluster whose scheduler is killed, finished without it. A busy machine is refused, since
its times would mean nothing: see `--busy`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timing import print_table

from shardsim.runs.run import load
from shardsim.runs.sweep.index import open_sweep

KEYS = ("train.learning_rate", "train.entropy")
VALUES = (("2e-3", "1e-3", "5e-4"), ("0.01", "0.02", "0.005"))
IDLE = 0.5  # load of the last minute above which something else is running
SEED = 0
GOES_ON = "with another --scheduler or with none"  # the end of what is said of a lost scheduler


def shardsim(words: Sequence[str], log: Path) -> subprocess.Popen:
    """Begin a command; what it says goes to a file."""
    with open(log, "a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "shardsim", *words], stdout=said, stderr=said
        )


def done(process: subprocess.Popen, log: Path) -> None:
    """Wait for a command that must end well."""
    if process.wait():
        sys.exit(f"exit {process.returncode}; the end of {log}:\n{log.read_text()[-2000:]}")


def results(run: Path) -> dict[str, bytes]:
    """Every listed file of a run: all but the manifest and what holds wall times."""
    store = load(run).store
    return {name: store.read(name) for name in store.names()}


def singles(points: list[list[str]], common: list[str], place: Path, log: Path) -> list[float]:
    """Do every point as a run of its own, one after the other; the wall seconds of each."""
    took = []
    for number, settings in enumerate(points):
        begun = time.perf_counter()
        out = ["--out", str(place / f"single-{number}")]
        done(shardsim(["run", *common[:1], *settings, *common[1:], *out], log), log)
        took.append(time.perf_counter() - begun)
    return took


def killed(words: list[str], log: Path, alone: float, times: int, rng: random.Random) -> int:
    """Begin a sweep and kill its command so often, each time in the first third of what is left."""
    for number in range(times):
        process = shardsim(words, log)
        time.sleep(rng.uniform(0.05, 0.33) * alone * (1 - number / (times + 1)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    return times


def on_cluster(words: list[str], log: Path, alone: float, rng: random.Random) -> str:
    """Begin a sweep on a Dask cluster of this machine and kill the scheduler; what was said."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "scheduler.json"
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
        dask += ["--port", "0", "--scheduler-file", str(known)]
        scheduler = subprocess.Popen(dask, stderr=subprocess.DEVNULL)
        while not known.is_file():
            time.sleep(0.1)
        address = json.loads(known.read_text())["address"]
        dask = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--no-dashboard"]
        dask += ["--nthreads", "1", "--scheduler-file", str(known)]
        worker = subprocess.Popen(dask, stderr=subprocess.DEVNULL)
        process = shardsim([*words, "--scheduler", address], log)
        time.sleep(rng.uniform(0.2, 0.5) * alone)
        scheduler.kill()
        process.wait()
        for one in (worker, scheduler):
            one.kill()
            one.wait()
        said = [line for line in log.read_text().splitlines() if line.startswith("shardsim: ")]
        if process.returncode and not said[-1].endswith(GOES_ON):
            sys.exit(f"the cluster did not work: {said[-1]}")
        return "it was done before" if not process.returncode else "lost, and said so"


def compared(sweep: Path, wanted: list[dict[str, bytes]]) -> str:
    """Say how many points of a sweep hold the same bytes as single runs."""
    found = [results(folder) for folder in open_sweep(sweep).folders]
    same = sum(one == other for one, other in zip(found, wanted, strict=True))
    return f"{same} of {len(wanted)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="smoke")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--until", default="report")
    parser.add_argument("--points", type=int, nargs=2, default=[3, 3], help="values of each key")
    parser.add_argument("--busy", action="store_true", help="measure beside other work")
    asked = parser.parse_args()
    if os.getloadavg()[0] > IDLE and not asked.busy:
        sys.exit(f"the load is {os.getloadavg()[0]:.1f}; end what else is running, or say --busy")
    values = [VALUES[key][:count] for key, count in enumerate(asked.points)]
    points = [[f"{KEYS[0]}={a}", f"{KEYS[1]}={b}"] for a in values[0] for b in values[1]]
    common = [asked.config, f"train.seeds={asked.seeds}", "--until", asked.until]
    axes = [f"{key}={','.join(one)}" for key, one in zip(KEYS, values, strict=True)]
    rng, rows = random.Random(SEED), []
    with tempfile.TemporaryDirectory() as folder:
        place, log = Path(folder), Path(folder) / "log"
        done(shardsim(["run", *common, "--out", str(place / "warm")], log), log)
        took = singles(points, common, place, log)
        wanted = [results(place / f"single-{number}") for number in range(len(points))]
        sweep = ["sweep", asked.config, *axes, "--seeds", str(asked.seeds), "--until", asked.until]

        def whole(name: str, before: Any = None) -> None:
            words = [*sweep, "--out", str(place / name)]
            begun = time.perf_counter()
            said = before(words) if before else ""
            done(shardsim(words, log), log)
            seconds = time.perf_counter() - begun
            rows.append([name, f"{seconds:.0f}", compared(place / name, wanted), str(said)])

        rows.append(["single runs, summed", f"{sum(took):.0f}", "", f"{min(took):.1f} at least"])
        whole("sweep")
        alone = float(rows[-1][1])
        whole("killed twice", lambda words: f"{killed(words, log, alone, 2, rng)} kills")
        whole("scheduler killed", lambda words: on_cluster(words, log, alone, rng))
    title = f"{len(points)} points of {asked.config}, {asked.seeds} seeds each, to {asked.until}"
    print_table(title, ["", "wall seconds", "same bytes as single runs", ""], rows)
    if any(row[2] and row[2] != f"{len(points)} of {len(points)}" for row in rows):
        sys.exit("some points do not hold the same bytes")


if __name__ == "__main__":
    main()
