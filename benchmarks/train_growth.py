"""How training grows: with seeds, area, network and checkpoints; memory and FLOP/s.

    python benchmarks/train_growth.py [--seeds 1 2 4 8] [--sizes 7 13 21] [--checkpoints 2 16 64]
        [--widths 64 256] [--updates 100] [--repeats 3] [--json FILE]

Every row is a process of its own, so that its peak memory is its own, from an empty cache of
compiled programs. *To the first update* holds importing nothing and compiling everything; *steps a
second* is a whole `train`, compiled, with its exact evaluations at the checkpoints. FLOP/s count
the multiplications and additions of dense layers alone: one pass over each row when acting, one
for the values of what follows, and three (forward, and back to inputs and weights) an epoch; they
stand beside what a product of two large matrices reaches here. Nothing else may run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from timing import close, machine, number, print_table

MATRIX = 2048  # rows and columns of the product that gives the machine's own rate
DEFAULT = {"seeds": 1, "size": 7, "checkpoints": 2, "width": 64}


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 4, 8])
    parser.add_argument("--sizes", type=int, nargs="*", default=[7, 13, 21])
    parser.add_argument("--checkpoints", type=int, nargs="*", default=[2, 16, 64])
    parser.add_argument("--widths", type=int, nargs="*", default=[64, 256])
    parser.add_argument("--updates", type=int, default=100, help="of each seed, in one run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write every measurement")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one row, in this process
    return parser.parse_args()


def flops(parameters: Any, config: Any) -> float:
    """Return the dense layers' floating-point operations a step; parameters [seeds, ...]."""
    import jax

    weights = sum(leaf[0].size for leaf in jax.tree.leaves(parameters) if leaf.ndim > 2)
    return 2.0 * weights * (2 + 3 * config.epochs)


def matrix_rate(repeats: int) -> float:
    """Return the FLOP/s of a product of two float32 matrices, the best of some."""
    import jax
    import jax.numpy as jnp

    left, right = jax.random.normal(jax.random.key(0), (2, MATRIX, MATRIX), jnp.float32)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(left, right))
    best = float("inf")
    for _ in range(5 * repeats):
        begun = time.perf_counter()
        jax.block_until_ready(product(left, right))
        best = min(best, time.perf_counter() - begun)
    return 2.0 * MATRIX**3 / best


def memory() -> dict[str, float]:
    """Return the peak of this process, and of the accelerator where there is one, in GB."""
    import jax

    scale = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    found = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e9}
    stats = jax.local_devices()[0].memory_stats()
    return found | ({"device": stats["peak_bytes_in_use"] / 1e9} if stats else {})


def one(asked: dict[str, int]) -> dict[str, Any]:
    """Measure one row."""
    import jax

    import shardsim as ss
    from shardsim.agent.config import NetworkConfig, TrainConfig
    from shardsim.agent.train import train
    from shardsim.base.compiled import keep_nothing

    keep_nothing()
    env = ss.make("cheese-corner", height=asked["size"], width=asked["size"])
    base = TrainConfig(seeds=asked["seeds"], network=NetworkConfig(widths=(asked["width"],) * 2))
    rows = base.num_envs * base.rollout_steps
    config = base.model_copy(
        update={"total_steps": asked["updates"] * rows, "checkpoints": asked["checkpoints"]}
    )
    begun = time.perf_counter()
    going = train(config, jax.random.key(0), env=env)
    parameters = next(going).carry.parameters
    next(going)
    waited = time.perf_counter() - begun
    rates = []
    for repeat in range(asked["repeats"]):
        begun = time.perf_counter()
        for _ in train(config, jax.random.key(repeat), env=env):
            pass
        rates.append(config.updates * rows * config.seeds / (time.perf_counter() - begun))
    return {
        **asked,
        "waited": waited,
        "rates": rates,
        "flops": flops(parameters, config),
        "matrix": matrix_rate(asked["repeats"]),
        **memory(),
    }


def rows(asked: argparse.Namespace) -> list[dict[str, int]]:
    """Return what to measure: each list alone, the rest as by default."""
    lists = {
        "seeds": asked.seeds,
        "size": asked.sizes,
        "checkpoints": asked.checkpoints,
        "width": asked.widths,
    }
    found = [DEFAULT | {name: value} for name, values in lists.items() for value in values]
    unique = {tuple(row.items()): row for row in found}
    return [row | {"updates": asked.updates, "repeats": asked.repeats} for row in unique.values()]


def line(row: dict[str, Any]) -> list[str]:
    """Write one row of the table."""
    rates = sorted(row["rates"])
    middle = rates[len(rates) // 2]
    done = middle * row["flops"]
    return [
        *(f"{row[name]}" for name in DEFAULT),
        f"{row['waited']:.1f}",
        f"{number(middle)} ({number(rates[0])}–{number(rates[-1])})",
        f"{done / 1e9:.3g}",
        f"{100 * done / row['matrix']:.2g} %",
        f"{row['host']:.2f}",
        f"{row['device']:.2f}" if "device" in row else "",
    ]


def main() -> None:
    """Measure every row in a process of its own, and print a table."""
    asked = options()
    if asked.one:
        print(json.dumps(one(json.loads(asked.one))))
        return
    begun, about = time.perf_counter(), machine()
    found = []
    for row in rows(asked):
        command = [sys.executable, __file__, "--one", json.dumps(row)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{row}: failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(" | ".join(line(found[-1])), flush=True)
    heads = [*DEFAULT, "to the first update, s", "steps a second", "GFLOP/s", "of a matrix product"]
    heads += ["host GB", "device GB"]
    print_table("Growth of training", heads, [line(row) for row in found])
    close(about, begun, asked.json, rows=found)


if __name__ == "__main__":
    main()
