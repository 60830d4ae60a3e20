"""Seconds of the demo by stage, from a cold compile cache and then from the warm one.

    python benchmarks/demo.py [KEY=VALUE ...] [--config demo] [--record] [--busy] [--json FILE]

Each is a process of its own in a fresh directory; the compile cache is a fresh one too, so that
nothing of this machine's is used or changed. Beside them stand the figures that were recorded last
(`demo.json`, which `--record` writes anew). A busy machine is refused: see `--busy`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from timing import close, machine, print_table

from shardsim.runs.run import load
from shardsim.runs.store import ORDER

RECORDED = Path(__file__).with_name("demo.json")
IDLE = 0.5  # load of the last minute above which something else is running
LONG = 2.0  # seconds from which a part of a stage is listed
REST, ALL, PROCESSOR, OTHERS = "start and end", "all", "processor", "other work, cores"


class Done(NamedTuple):
    """What one whole run took."""

    seconds: dict[str, float]  # stage, then REST, ALL, PROCESSOR, OTHERS
    parts: dict[str, float]  # `stage: outer/inner` -> seconds


def once(config: str, overrides: Sequence[str], folder: Path, cache: Path) -> Done:
    """Run a config whole in a process of its own."""
    command = [sys.executable, "-m", "shardsim", "run", config, *overrides, "--out", str(folder)]
    given = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    before, busy, begun = _spent(), _busy(), time.perf_counter()
    subprocess.run(command, env=given, check=True, stdout=subprocess.DEVNULL)
    wall, spent = time.perf_counter() - begun, _spent() - before
    run = load(folder)
    stages = dict(run.timings)
    seconds = {**stages, REST: wall - sum(stages.values()), ALL: wall, PROCESSOR: spent}
    if busy is not None and (now := _busy()) is not None:
        seconds[OTHERS] = max(0.0, now - busy - spent) / wall
    parts = {
        f"{row['stage']}: {row['part']}": row["seconds"]
        for row in run.store.read_log()
        if "part" in row
    }
    return Done(seconds, parts)


def _spent() -> float:
    """Processor seconds of all processes that were begun here and are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy() -> float | None:
    """Processor seconds of everything on the machine since it started; None where not told."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, *interrupts = map(int, first[:7])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def recorded() -> dict[str, Any]:
    """Return the figures that were recorded last; empty without any."""
    return json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}


def rows_of(
    cold: Mapping[str, float], warm: Mapping[str, float], old: Mapping[str, Any]
) -> list[list[str]]:
    """Return a row for each stage and sum: now and as recorded last, cold and warm."""
    columns = [cold, warm, old.get("cold", {}), old.get("warm", {})]
    known = set().union(*columns)
    names = [name for name in (*ORDER, REST, ALL, PROCESSOR, OTHERS) if name in known]
    return [[name, *(_number(column.get(name)) for column in columns)] for name in names]


def long_parts(cold: Mapping[str, float], warm: Mapping[str, float]) -> list[list[str]]:
    """Return a row for each part of a stage that takes long, as the log has it."""
    names = [name for name in cold if max(cold[name], warm.get(name, 0.0)) >= LONG]
    return [[name, _number(cold[name]), _number(warm.get(name))] for name in names]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def main() -> None:
    """Read the command line, run twice, print, record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="of the config")
    options.add_argument("--config", default="demo", help="an experiment [demo]")
    options.add_argument("--record", action="store_true", help=f"rewrite {RECORDED.name}")
    options.add_argument("--busy", action="store_true", help="time it beside other work")
    options.add_argument("--json", metavar="FILE", help="write every figure")
    asked = options.parse_args()
    about = machine()
    if about["load"] > IDLE and not asked.busy:
        options.error(
            f"other work is running (load {about['load']}, idle is up to {IDLE}), so nothing "
            "could be compared; stop it and wait a minute, or give --busy"
        )
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (
            once(asked.config, asked.overrides, Path(folder, name), Path(folder, "cache"))
            for name in ("cold", "warm")
        )
    old = recorded()
    heads = ["stage", "cold", "warm", "recorded cold", "recorded warm"]
    rows = rows_of(cold.seconds, warm.seconds, old)
    print_table(f"Seconds of {asked.config} by stage", heads, rows)
    print_table("Long parts", ["part", "cold", "warm"], long_parts(cold.parts, warm.parts))
    if old:
        print("\nrecorded: " + ", ".join(f"{name} {value}" for name, value in old["about"].items()))
    close(about, begun, asked.json, cold=cold._asdict(), warm=warm._asdict())
    if asked.record:
        kept = {"about": about, "cold": rounded(cold.seconds), "warm": rounded(warm.seconds)}
        RECORDED.write_text(json.dumps(kept, indent=1) + "\n")


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return seconds to a tenth."""
    return {name: round(value, 1) for name, value in seconds.items()}


if __name__ == "__main__":
    main()
