"""Independent fits side by side: numpy's linear algebra leaves the interpreter free."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from shardsim.base.progress import SILENT, Progress

In = TypeVar("In")
Out = TypeVar("Out")

_here = threading.local()


def each(
    function: Callable[[In], Out], items: Iterable[In], progress: Progress = SILENT
) -> list[Out]:
    """Return function(item) for every item, in order, as many at once as there are cores.

    Every item is computed on one thread, so that results do not depend on the number of cores;
    what an item does for each of its own parts, it does on that thread.
    """
    given = list(items)
    if getattr(_here, "busy", False):
        return [function(item) for item in given]

    def one(item: In) -> Out:
        _here.busy = True
        return function(item)

    results: list[Out] = []
    workers = max(1, min(os.cpu_count() or 1, len(given)))
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers) as pool:
        for result in pool.map(one, given):
            results.append(result)
            progress.update(len(results), len(given), f"{len(results)} of {len(given)}")
    return results
