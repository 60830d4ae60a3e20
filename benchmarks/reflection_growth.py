"""How long reflection of one agent takes, and how that grows with onsets and steps.

    python benchmarks/reflection_growth.py RUN [--cases 10x20x4,50x20x4]

Each case is onsets × steps × steps after which shards are found again (0: before and after alone),
of the run's first agent by turns and its sham; onsets are contested contexts, each by itself, and
values are followed step by step. Every case has a process of its own, so that each compiles what
it needs; its processor seconds are those of all threads and helpers, the start of Python among
them. The run stays as it is, and must be identified.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace

from timing import print_table

CASES = "10x20x4,25x20x4,50x20x4,50x10x2,50x20x0"
COLUMNS = ("onsets", "steps", "found again", "wall (s)", "processor (s)", "memory (GiB)")


def measured(path: str, onsets: int, steps: int, again: int) -> dict[str, float]:
    """Reflect once; return the wall seconds and the peak of memory in GiB."""
    import shardsim as ss
    from shardsim.reflection.results import reflect_run
    from shardsim.runs.figure_data.basins import alone

    run = ss.load(path)
    subjects = alone(run, 0)  # of whom tables of the run keep the axis of seeds
    shards = replace(run.shards, dataset=run.shards.dataset.isel(seed=[0]))
    subjects = subjects._replace(shards=shards)
    config = run.config.reflect.model_copy(
        update={
            "models": ("turns", "sham"),
            "onsets": onsets,
            "contexts": 1,
            "steps": steps,
            "repeats": 1,
            "refit_every": again,
            "follow_values": True,
        }
    )
    begun = time.perf_counter()
    found = reflect_run(subjects, config, onset="contested", seed=run.config.identify.seed).dataset
    taken = time.perf_counter() - begun
    assert found.sizes["onset"] == onsets
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # of KiB on Linux
    return {"wall": taken, "memory": peak}


def apart(path: str, case: str) -> tuple[str, ...]:
    """Measure a case in a process of its own; return a row of the table."""
    before = _processor()
    done = subprocess.run(
        [sys.executable, __file__, path, "--cases", case, "--one"],
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(done.returncode)
    found = json.loads(done.stdout.splitlines()[-1])
    onsets, steps, again = case.split("x")
    times = f"{found['wall']:.0f}", f"{_processor() - before:.0f}"
    return (onsets, steps, "-" if again == "0" else again, *times, f"{found['memory']:.1f}")


def _processor() -> float:
    """Return the processor seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure all cases and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", help="a run that is identified")
    parser.add_argument("--cases", default=CASES, help="onsets x steps x found again, with commas")
    parser.add_argument("--one", action="store_true", help="measure the one case here, as JSON")
    given = parser.parse_args()
    if given.one:
        onsets, steps, again = map(int, given.cases.split("x"))
        print(json.dumps(measured(given.run, onsets, steps, again)))
        return
    rows = []
    for case in given.cases.split(","):
        rows.append(apart(given.run, case))
        print(" | ".join(rows[-1]), flush=True)
    print_table("Reflection of one agent by turns and its sham", COLUMNS, rows)


if __name__ == "__main__":
    main()
