"""Independent fits side by side: numpy's linear algebra leaves the interpreter free."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from shardsim.base.progress import SILENT, Progress

In = TypeVar("In")
Out = TypeVar("Out")


def each(
    function: Callable[[In], Out], items: Iterable[In], progress: Progress = SILENT
) -> list[Out]:
    """Return function(item) for every item, in order, as many at once as there are cores.

    Every item is computed on one thread, so that results do not depend on the number of cores.
    """
    items, workers, results = list(items), max(1, os.cpu_count() or 1), []
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers) as pool:
        for result in pool.map(function, items):
            results.append(result)
            progress.update(len(results), len(items), f"{len(results)} of {len(items)}")
    return results
