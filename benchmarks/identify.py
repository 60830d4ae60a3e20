"""Seconds that identification of one checkpoint takes, by part, and how they grow.

    python benchmarks/identify.py [--contexts 4096] [--growth] [--json FILE]

The agent is a network taught by a planted rule, one shard a good, in a world of many goods
(`many_goods`): 8 goods and 8 shards in the main row. Every measurement is one whole warm call
(everything was compiled and run before): battery, forward passes with activations, every edit of
every context, search, every rival, equal fits, shares, nulls, and all evidence from activations and
interventions. The fits of nulls are counted with those of the agent. Wall and processor seconds
stand beside each other, since only the second is much the same on a busy machine.
"""

from __future__ import annotations

import argparse
import importlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from many_goods import many_goods
from timing import close, machine, print_table

import shardsim as ss
from shardsim.agent.policy import Agent
from shardsim.bench.planted.policy import logits_on
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.bench.planted.teaching import Lessons, taught

MOST = 8  # shards that the search may find
MAIN = 8, 8  # concepts, planted shards
LESSONS, STEPS = 8_000, 800
CLOSE = 1e-6  # bits from its rule: never reached, so that all steps are taken
GROWTH = ("contexts", (1024, 2048, 8192)), ("concepts", (3, 4, 5)), ("shards", (2, 4))
HERE = "shardsim.shards"
FIT, EVIDENCE = f"{HERE}.fit", f"{HERE}.evidence"
PARTS = {  # label -> functions, by where they are looked up; what they call is theirs
    "asking the policy": (f"{HERE}.asking:respond",),
    "search": (f"{FIT}.fit:find_structure",),
    "rivals with a gain": (f"{FIT}.rivals.gained:fit",),
    "held-out levels": (f"{FIT}.fit:_held_out",),
    "ceilings": (f"{FIT}.linear_models:ceiling",),
    "equal fits": (f"{FIT}.fit:equal_fits",),
    "search from other starts": (f"{FIT}.fit:restarts",),
    "fit: the rest": (f"{HERE}.asking:fit", f"{HERE}.null_agents:fit_null"),
    "shares and their intervals": (f"{HERE}.identify:share_table",),
    "edits and influence": (f"{HERE}.identify:edit", f"{HERE}.identify:_influence"),
    "nulls, beside their fits": (f"{HERE}.identify:_nulls",),
    "read-outs": (f"{EVIDENCE}.activations:read_outs",),
    "components": (f"{EVIDENCE}.components:find",),
    "effects of objects": (f"{EVIDENCE}.effects:measure",),
    "clusters": (f"{EVIDENCE}.gather:_agreement", f"{EVIDENCE}.gather:_activity"),
    "unit groups": (f"{EVIDENCE}.gather:_groups",),
    "gates from activations": (f"{EVIDENCE}.gather:_gates",),
    "erasing": (f"{EVIDENCE}.gather:erase",),
    "doses": (f"{EVIDENCE}.dose_response:dose_curves",),
    "basis": (f"{HERE}.identify:_basis",),
}


class Spent(NamedTuple):
    """Seconds of one call of a part, less those of the parts inside it."""

    wall: float
    processor: float


class Clock:
    """Counts the seconds of every part, each without the parts that it calls.

    Rivals and restarts run side by side: processor seconds are those of the part's own thread (what
    numerical libraries do in theirs is not in it), and parts may add up to more wall time than all.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.parts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._own = threading.local()

    @property
    def _inside(self) -> list[list[float]]:
        """The parts that this thread is in."""
        if not hasattr(self._own, "inside"):
            self._own.inside = []
        return self._own.inside

    def timed(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its seconds counted under a label."""

        def run(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter(), time.thread_time()
            self._inside.append([0.0, 0.0])
            try:
                return function(*given, **named)
            finally:
                whole = time.perf_counter() - begun[0], time.thread_time() - begun[1]
                inner = self._inside.pop()
                for at in (0, 1):
                    self.parts[label][at] += whole[at] - inner[at]
                    if self._inside:
                        self._inside[-1][at] += whole[at]

        return run

    def attach(self) -> None:
        """Count every function of `PARTS`; AttributeError where one is not there any more."""
        for label, places in PARTS.items():
            for place in places:
                module, name = place.split(":")
                home = importlib.import_module(module)
                setattr(home, name, self.timed(label, getattr(home, name)))


def spec_of(concepts: tuple[str, ...], shards: int) -> PlantedSpec:
    """Return an agent with a shard for each of the first goods, active near it."""
    count = len(concepts)
    rows = [[0.0] * count for _ in range(shards)]
    for number, row in enumerate(rows):
        row[number] = 1.0
    gates = [PlantedGate("near", at, threshold=2.0 + at % 3, width=0.5) for at in range(shards)]
    return PlantedSpec(
        kind="shards",
        concepts=concepts,
        gates=tuple(gates),
        preferences=tuple(map(tuple, rows)),
        strengths=tuple(1.5 + 0.1 * at for at in range(shards)),
        habit=(0.0, 0.0, 0.0, 0.0),
    )


def agent_of(concepts: int, shards: int) -> Agent:
    """Teach a network; how well it learns is no matter here."""
    env = many_goods(concepts)
    seen = ss.battery(env, LESSONS, kind="off-distribution", split="train", seed=2)
    lessons = Lessons(seen.observations, logits_on(spec_of(env.concept_names, shards), seen))
    return taught(env, lessons, lessons, [CLOSE], most_steps=STEPS)[0].agent


def measure(clock: Clock, agent: Agent, contexts: int) -> tuple[dict[str, Spent], Spent, Any]:
    """Identify twice, the first time to compile; return the second's seconds, by part and all."""

    def once() -> Any:
        on = clock.timed("battery", ss.battery)(agent.env, contexts, seed=0)
        return clock.timed("the rest", ss.identify)(agent, on, max_shards=MOST)

    once()
    clock.parts.clear()
    begun = time.perf_counter(), time.process_time()
    found = once()
    whole = Spent(time.perf_counter() - begun[0], time.process_time() - begun[1])
    return {name: Spent(*seconds) for name, seconds in clock.parts.items()}, whole, found


def settings(contexts: int, growth: bool) -> list[tuple[str, int, int, int]]:
    """Return (what grows, contexts, concepts, planted shards) of every row, the main one first."""
    rows = [("main", contexts, *MAIN)]
    for what, sizes in GROWTH if growth else ():
        for size in sizes:
            row = {"contexts": contexts, "concepts": MAIN[0], "shards": MAIN[1]} | {what: size}
            row["shards"] = min(row["shards"], row["concepts"])
            rows.append((what, row["contexts"], row["concepts"], row["shards"]))
    return rows


def main() -> None:
    """Read the command line, measure row after row, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--contexts", type=int, default=4096)
    options.add_argument("--growth", action="store_true", help="rows of growth too: many minutes")
    options.add_argument("--json", metavar="FILE", help="write every figure")
    chosen = options.parse_args()
    about, begun, clock = machine(), time.perf_counter(), Clock()
    clock.attach()
    agents: dict[tuple[int, int], Agent] = {}
    rows, kept = [], []
    for what, contexts, concepts, shards in settings(chosen.contexts, chosen.growth):
        if (concepts, shards) not in agents:
            agents[concepts, shards] = agent_of(concepts, shards)
        parts, whole, found = measure(clock, agents[concepts, shards], contexts)
        if what == "main":
            lines = [[n, f"{p.wall:.2f}", f"{p.processor:.2f}"] for n, p in parts.items()]
            lines.append(["all", f"{whole.wall:.2f}", f"{whole.processor:.2f}"])
            print_table("Seconds by part, warm", ["part", "wall", "processor"], lines)
        dear = sorted(parts, key=lambda name, p=parts: -p[name].processor)[:3]
        spent = [f"{whole.wall:.1f}", f"{whole.processor:.1f}"]
        most = ", ".join(f"{name} {parts[name].processor:.1f}" for name in dear)
        sizes = [f"{contexts:,}", str(concepts), str(shards), str(found.num_shards)]
        rows.append([what, *sizes, *spent, most])
        kept.append({"what": what, "contexts": contexts, "concepts": concepts, "shards": shards})
        kept[-1] |= {"parts": {name: p._asdict() for name, p in parts.items()}}
    heads = ["grows", "contexts", "concepts", "planted", "found", "wall", "processor", "dearest"]
    print_table("Seconds of one identification, warm", heads, rows)
    close(about | {"GPU": "not measured"}, begun, chosen.json, rows=kept)


if __name__ == "__main__":
    main()
