"""How long reflection of one agent takes, and how that grows with onsets and steps.

    python benchmarks/reflection_growth.py RUN [--cases 10x20x4,50x20x4]

Each case is onsets × steps × steps after which shards are found again (0: before and after alone),
of the run's first agent by turns and its sham; onsets are contested contexts, each by itself, and
values are followed step by step. Every case has a process of its own, so that each compiles what
it needs; processor seconds count all threads. The run stays as it is, and must be identified.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time

from timing import print_table

CASES = "10x20x4,25x20x4,50x20x4,50x10x0,50x20x0"
COLUMNS = ("onsets", "steps", "found again", "wall (s)", "processor (s)", "memory (GiB)")


def measured(path: str, onsets: int, steps: int, again: int) -> tuple[str, ...]:
    """Reflect once; return a row of the table."""
    import shardsim as ss
    from shardsim.reflection.results import reflect_run
    from shardsim.runs.figure_data.basins import alone

    run = ss.load(path)
    subjects = alone(run, 0)
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
    wall, processor = time.perf_counter(), time.process_time()
    found = reflect_run(subjects, config, onset="contested", seed=run.config.identify.seed).dataset
    taken = time.perf_counter() - wall, time.process_time() - processor
    assert found.sizes["onset"] == onsets
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # of KiB on Linux
    times = tuple(f"{one:.0f}" for one in taken)
    return (str(onsets), str(steps), str(again or "-"), *times, f"{memory:.1f}")


def main() -> None:
    """Measure all cases and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", help="a run that is identified")
    parser.add_argument("--cases", default=CASES, help="onsets x steps x found again, with commas")
    given = parser.parse_args()
    cases = [tuple(map(int, case.split("x"))) for case in given.cases.split(",")]
    apart = multiprocessing.get_context("spawn")
    rows = []
    for case in cases:
        with apart.Pool(1) as pool:
            rows.append(pool.apply(measured, (given.run, *case)))
    print_table("Reflection of one agent by turns and its sham", COLUMNS, rows)


if __name__ == "__main__":
    main()
