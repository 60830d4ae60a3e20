"""Independent pieces of work side by side, as many at once as there are cores.

Threads serve numerical libraries, which leave the interpreter free; work of many small steps needs
processes, since threads would wait for one another. What passes between those is pickled in memory;
nothing that lies in a file is ever unpickled.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

from shardsim.base.progress import SILENT, Progress

In = TypeVar("In")
Out = TypeVar("Out")

IDLE = 120  # seconds after which processes that have nothing to do end

_here = threading.local()


def each(
    function: Callable[[In], Out],
    items: Iterable[In],
    progress: Progress = SILENT,
    *,
    processes: bool = False,
) -> list[Out]:
    """Return function(item) for every item, in order, as many at once as there are cores.

    Every item is computed on one thread, so that results do not depend on the number of cores;
    what an item does for each of its own parts, it does on that thread.

    Args:
      function: of one item.
      items: any number.
      progress: told how many are done.
      processes: work in processes, which start in seconds; function, items and results must pickle.
    """
    given = list(items)
    workers = min(cpu_count(), len(given))
    if getattr(_here, "busy", False):
        return [function(item) for item in given]
    made = _in_processes if processes and workers > 1 else _in_threads
    results: list[Out] = []
    for result in made(function, given, max(1, workers)):
        results.append(result)
        progress.update(len(results), len(given), f"{len(results)} of {len(given)}")
    return results


def _alone(function: Callable[[In], Out], item: In) -> Out:
    """Compute one item on this thread alone."""
    _here.busy = True
    return function(item)


def _in_threads(function: Callable[[In], Out], items: list[In], workers: int) -> Iterator[Out]:
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda item: _alone(function, item), items)


def _in_processes(function: Callable[[In], Out], items: list[In], workers: int) -> Iterator[Out]:
    """Work in processes that stay for the next call."""
    pool = Parallel(
        workers,
        backend="loky",
        return_as="generator",
        inner_max_num_threads=1,
        idle_worker_timeout=IDLE,
        initializer=_use_cpu,
        max_nbytes=None,
    )
    results: Any = pool(delayed(_alone)(function, item) for item in items)
    yield from results


def _use_cpu() -> None:
    """Leave accelerators to the process that this one works for."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_platforms", "cpu")
