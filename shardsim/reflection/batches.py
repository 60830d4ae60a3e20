"""Many onsets a few at a time, so that memory does not grow with them; and the same once more.

A network's gradients in a hundred branches at once take gigabytes. Batches have one shape, so that
they share one compiled program. Axis letters: D agents · U onsets · R rules · T steps · N repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np

from shardsim.reflection.lessons import Onset, Task
from shardsim.reflection.weights import Settings, Trace, reflect_weights


class Repeats(NamedTuple):
    """What other draws of plans lead to, numpy."""

    hits: np.ndarray  # float32[N, D, U, R, G + 1], at the end, from the onset
    target_hits: np.ndarray  # float32[N, D, U, R, G + 1], at the end, from target starts


def onsets_a_class(classes: Sequence[str]) -> int:
    """Return how many onsets there are of each class, by the class of each onset."""
    return len(classes) // len(set(classes))


def batches(onsets: int, each: int) -> list[np.ndarray]:
    """Return the numbers of the onsets in each batch: the n-th of each of the equal classes.

    Args:
        onsets: of all classes, those of a class side by side.
        each: onsets of each class.
    """
    return list(np.arange(onsets).reshape(-1, each).T)


def compile_ahead(
    settings: Settings, task: Task, onsets: Onset, parameters: Any, key: jax.Array, each: int
) -> Future[None]:
    """Compile the loop for a batch of these onsets, while the caller does something else.

    Arguments as those of `reflect_in_batches`. JAX compiles a program once, whether it is lowered
    ahead or called, but a call does not wait for the other: wait for the result first.
    """
    count = len(batches(onsets.judges.shape[1], each)[0])

    def cut(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((leaf.shape[0], count, *leaf.shape[2:]), leaf.dtype)

    here = jax.tree.map(cut, onsets)
    pool = ThreadPoolExecutor(1)
    compiling = pool.submit(
        lambda: reflect_weights.lower(settings, task, here, parameters, key).compile() and None
    )
    pool.shutdown(wait=False)
    return compiling


def reflect_in_batches(
    settings: Settings, task: Task, onsets: Onset, parameters: Any, key: jax.Array, each: int
) -> Trace:
    """Reflect as `reflect_weights` does, one onset of each class at a time.

    Args:
        settings: as there; so are the others but for the last.
        task: what all branches share.
        onsets: [D, U].
        parameters: [D].
        key: of the plans; the first batch has it as it is.
        each: onsets of each class, a divisor of U.

    Returns:
        Trace [D, U, R], numpy.
    """
    parts = batches(onsets.judges.shape[1], each)
    found = []
    for number, part in enumerate(parts):
        # As numpy: every cut on a device is compiled.
        here = jax.tree.map(lambda leaf, part=part: np.asarray(leaf)[:, part], onsets)
        own = key if number == 0 else jax.random.fold_in(key, number)
        trace = reflect_weights(settings, task, here, parameters, own)
        found.append(jax.tree.map(np.asarray, trace))
    order = np.argsort(np.concatenate(parts), kind="stable")
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, 1)[:, order], *found)


def repeated(
    settings: Settings,
    task: Task,
    onsets: Onset,
    parameters: Any,
    seed: int,
    each: int,
    first: Trace,
    repeats: int,
) -> Repeats:
    """Reflect `repeats` times in all, each time with other plans; arguments as above.

    `first` is what came of `jax.random.key(seed)`, which counts as the first time.
    """
    traces = [first]
    for number in range(1, repeats):
        key = jax.random.fold_in(jax.random.key(seed), 1_000_000 + number)
        traces.append(reflect_in_batches(settings, task, onsets, parameters, key, each))
    ends = [[t.measured.hits[..., -1, :], t.measured.target_hits[..., -1, :]] for t in traces]
    return Repeats(*(np.stack(part) for part in zip(*ends, strict=True)))
