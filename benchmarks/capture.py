"""Activations captured a second: contexts x edits x checkpoints, beside PyTorch with hooks.

    python benchmarks/capture.py [--repeats 5] [--threads 2] [--contexts 4096] [--json FILE]

One network (`networks` lists three) with the same weights everywhere, those of a shardsim agent,
copied layer for layer; logits and every layer's activations are compared before the clock starts.
All of a battery's contexts, every edit of each (`edits_of`), at `CHECKPOINTS` checkpoints; a pass
is one network on one observation with all its activations in the host's memory.

- shardsim: `capture`, all checkpoints of a chunk of observations in one compiled call.
- PyTorch, batched: forward hooks, one batch of `--contexts` observations a checkpoint and edit.
- PyTorch, a maze at a time: forward hooks, one pass for each maze, cell and edit, as the tools of
  published maze studies do; timed on `LOOPED` passes, spread over checkpoints.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

CHECKPOINTS = 8
LOOPED = 512  # passes of the loop over mazes that one measurement takes
TOLERANCE = 1e-4  # of logits and activations, absolute


class Network(NamedTuple):
    """One network to capture, and the size of its maze."""

    kind: str
    size: int
    widths: tuple[int, ...]
    share: int  # of the contexts, one in so many: large activations are timed on fewer


NETWORKS = (
    Network("egocentric", 7, (64, 64), 1),  # as shipped
    Network("allocentric", 13, (256, 256), 1),
    Network("convolutional", 13, (64, 64), 8),
)


class Work(NamedTuple):
    """What is captured: E edits of C contexts by K checkpoints."""

    name: str
    network: Any
    parameters: Any  # pytree [K]
    observations: np.ndarray  # float32[E, C, H, W, planes]


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of shardsim and of PyTorch")
    parser.add_argument("--contexts", type=int, default=4096)
    parser.add_argument("--json", metavar="FILE", help="write every measurement")
    return parser.parse_args()


def on_threads(count: int) -> int:
    """Keep this process, XLA's pool with it, on so many processors; before jax is imported."""
    if hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))[:count]
        os.sched_setaffinity(0, mine)
        return len(mine)
    return count


def works(contexts: int) -> list[Work]:
    """Draw batteries, edit them, and set up the networks and their checkpoints."""
    import jax

    import shardsim as ss
    from shardsim.agent.config import NetworkConfig
    from shardsim.agent.network import build_network

    found = []
    for one in NETWORKS:
        env = ss.make("cheese-corner", height=one.size, width=one.size)
        seen = edits_of(ss.battery(env, contexts // one.share, seed=0))
        network = build_network(NetworkConfig(kind=one.kind, widths=one.widths), env)
        keys = jax.random.split(jax.random.key(0), CHECKPOINTS)
        parameters = jax.vmap(
            lambda key, net=network, obs=seen: net.init(key, jax.numpy.asarray(obs[0, :1]))
        )(keys)
        found.append(Work(f"{one.kind} {one.size}x{one.size}", network, parameters, seen))
    return found


def edits_of(battery: Any) -> np.ndarray:
    """Return float32[E, C, ...]: as it is, every object removed, mirrored."""
    import numpy as np

    from shardsim.shards.contexts.battery import observations_of
    from shardsim.shards.influence.influence import edit

    edited = edit(battery)
    made = [np.asarray(observations_of(battery.env, each)) for each in edited.removed]
    return np.stack([battery.observations, *made, edited.mirrored])


def ours(work: Work, _: int) -> None:
    """Capture everything with shardsim."""
    from shardsim.agent.policy import capture

    for seen in work.observations:
        capture(work.network, work.parameters, seen)


def torch_networks(work: Work) -> list[Any]:
    """Return a PyTorch network for each checkpoint, weights copied."""
    import jax
    from torch_network import copy_of

    each = [
        jax.tree.map(lambda leaf, at=number: leaf[at], work.parameters)
        for number in range(CHECKPOINTS)
    ]
    return [copy_of(work.network, one, work.observations.shape[2:]) for one in each]


def batched(hooked: list[Any], seen: Any, _: int) -> None:
    """Capture everything with PyTorch, a checkpoint and an edit at a time."""
    for observations in seen:
        for one in hooked:
            one.capture(observations)


def looped(hooked: list[Any], seen: Any, repeat: int) -> None:
    """Capture `LOOPED` passes with PyTorch, one observation at a time."""
    rows = seen.flatten(0, 1)
    for number in range(LOOPED):
        row = (repeat * LOOPED + number) * 7919 % len(rows)
        hooked[number % len(hooked)].capture(rows[row : row + 1])


def compare(work: Work, hooked: list[Any], seen: Any) -> float:
    """Return the largest difference of any logit or activation.

    Raises:
      SystemExit: it is more than rounding.
    """
    import numpy as np

    from shardsim.agent.policy import capture

    worst = 0.0
    for edit in range(len(seen)):
        mine = capture(work.network, work.parameters, work.observations[edit, :64])
        for number, one in enumerate(hooked):
            theirs = one.capture(seen[edit, :64])
            for name, values in {**mine.activations, "logits": mine.logits}.items():
                gap = np.abs(values[number] - theirs[name].reshape(64, -1).numpy()).max()
                worst = max(worst, float(gap))
    if worst > TOLERANCE:
        raise SystemExit(f"{work.name}: the networks differ by {worst}; nothing was timed")
    return worst


def main() -> None:
    """Set up, compare, time in turn, print."""
    chosen = options()
    threads = on_threads(chosen.threads)
    import torch
    from timing import Case, close, machine, measure, measured, print_table, rate, ratio

    torch.set_num_threads(threads)
    about, begun = machine(), time.perf_counter()
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "not measured"
    about |= {"torch": torch.__version__, "threads": threads, "GPU": cuda}
    rows, cases = [], []
    for work in works(chosen.contexts):
        hooked = torch_networks(work)
        seen = torch.from_numpy(work.observations).permute(0, 1, 4, 2, 3).contiguous()
        worst = compare(work, hooked, seen)
        edits, contexts = seen.shape[:2]
        count = edits * contexts * CHECKPOINTS
        label = {"network": work.name}
        mine = [
            Case("shardsim", count, partial(ours, work), label),
            Case("PyTorch, batched", count, partial(batched, hooked, seen), label),
            Case("PyTorch, a maze at a time", LOOPED, partial(looped, hooked, seen), label),
        ]
        for case in mine:
            case.run(0)  # compiles, and warms PyTorch's caches
        measure(mine, chosen.repeats)
        cases += mine
        numbers = sum(v[0].numel() for v in hooked[0].capture(seen[0, :1]).values())
        rows.append(
            [work.name, f"{contexts:,} x {edits} x {CHECKPOINTS}", str(numbers), f"{worst:.0e}"]
            + [rate(case) for case in mine]
            + [ratio(mine[0], mine[2]), ratio(mine[0], mine[1])]
        )
    heads = ["network", "contexts x edits x checkpoints", "numbers per pass", "difference"]
    heads += ["shardsim", "PyTorch, batched", "PyTorch, a maze at a time", "÷ a maze", "÷ batched"]
    print_table("Passes per second, median (least–greatest)", heads, rows)
    close(about, begun, chosen.json, cases=measured(cases))


if __name__ == "__main__":
    main()
