"""Steps per second under random actions, beside the JAX and Gymnasium gridworlds of others.

    python benchmarks/envs.py [--repeats 5] [--batches 1 64 1024 8192] [--only cheese] [--json FILE]

One compiled scan with auto-reset; every observation and reward is summed into the result. All
cases are timed in turn, `--repeats` times over; a ratio is taken within a turn, and printed as
median (least–greatest). Peers come from `pip install -e ".[bench]"`; those absent say so.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from peers import GYMNASIUM_PEERS, PEERS, Built, Peer
from timing import Case, close, machine, measure, measured, number, print_table, rate, ratio

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.episodes import Bank, Episodes, begin, draw_starts, make_bank, states_of

LEVELS, STARTS = 256, 16  # of a bank
LENGTH = {1: 1024, 64: 256, 1024: 64, 8192: 16}  # steps of a scan by batch
MAIN, SMALL, BATCH = 13, 7, 1024  # sides of cheese-corner, and the batch of the headlines
SIDES = (7, 13, 21, 31)
GYMNASIUM_STEPS = 2048  # in one measurement, over all worlds


def length_of(batch: int) -> int:
    """Return the steps of a scan at a batch size."""
    return LENGTH.get(batch, max(16, 65_536 // batch))


def ours(env: Env, banks: dict[Env, Any], batch: int, length: int, see: bool = True) -> Built:
    """Compile a rollout of ours; `see` says whether observations are drawn and summed."""
    if env not in banks:
        draw = jax.jit(make_bank, static_argnums=(0, 2, 3))
        banks[env] = draw(env, jax.random.key(0), LEVELS, STARTS)

    @jax.jit
    def run(bank, episodes, key):
        return roll_out(env, bank, episodes, key, length, see)

    bank = banks[env]
    episodes = begin(bank, draw_starts(bank, jax.random.key(1), (batch,)))
    return (lambda key: run(bank, episodes, key)), math.prod(env.observation_shape)


def roll_out(env: Env, bank: Bank, episodes: Episodes, key: jax.Array, length: int, see: bool):
    """Take `length` random steps in every episode, begun anew from the bank where one ends.

    Returns where they are, and the sum of observations, rewards and ends.
    """
    start_key, uniform_key, act_key = jax.random.split(key, 3)
    shape = (length, *episodes.steps.shape)
    uniforms = jax.random.uniform(uniform_key, shape, dtype=jnp.float32)

    def one(carry, draws):
        (now, total), (key, start, uniform) = carry, draws
        states = states_of(bank, now)
        drawn = jax.random.randint(key, uniform.shape, 0, env.num_actions, jnp.uint8)
        step = jax.vmap(env.step_with_uniform)(uniform, states, drawn.astype(jnp.int32))
        onward = Episodes(now.level, step.state.fields, step.state.steps)
        ended = step.terminated | step.truncated
        fresh = begin(bank, start)
        after = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, onward)
        if see:
            total = total + jnp.sum(jax.vmap(env.observe)(states))
        return (after, total + jnp.sum(step.reward) + jnp.sum(ended, dtype=jnp.float32)), None

    draws = (jax.random.split(act_key, length), draw_starts(bank, start_key, shape), uniforms)
    return jax.lax.scan(one, (episodes, jnp.float32(0)), draws)[0]


def case(name: str, built: Built, batch: int, length: int, **labels: Any) -> Case:
    """Wrap what was built as something to time."""
    run, values = built
    keys = jax.random.split(jax.random.key(2), 64)
    return Case(
        name,
        batch * length,
        lambda repeat: jax.block_until_ready(run(keys[repeat])),
        {"batch": batch, "values": values, **labels},
    )


def worlds(only: str) -> Iterator[tuple[str, Env, Sequence[int] | None]]:
    """Yield name, env and batch sizes (None: all) of every row of ours."""
    sides = {f"cheese-corner {side}x{side}": side for side in SIDES}
    for name, side in sides.items():
        batches = None if side in (SMALL, MAIN) else (BATCH,)
        if only in name:
            yield name, ss.make("cheese-corner", height=side, width=side), batches
    for name in ss.list_envs():
        if name == "cheese-corner" or only not in name:
            continue
        env = ss.make(name)
        yield f"{name} {env.height}x{env.width}", env, None
        try:
            env = ss.make(name, height=MAIN, width=MAIN)
        except UserError:
            continue  # it has a shape of its own
        if env.num_states <= env.max_states:
            yield f"{name} {MAIN}x{MAIN}", env, (BATCH,)


def build_ours(batches: Sequence[int], only: str) -> list[Case]:
    """Compile every case of ours."""
    found, banks = [], {}
    for name, env, some in worlds(only):
        for batch in batches:
            if some is None or batch in some:
                length = length_of(batch)
                built = ours(env, banks, batch, length)
                labels = {"group": "ours", "grid": f"{env.height}x{env.width}", "sees": "map"}
                found.append(case(name, built, batch, length, **labels))
        if name == f"cheese-corner {MAIN}x{MAIN}" and BATCH in batches:
            unseen, _ = ours(env, banks, BATCH, length_of(BATCH), see=False)
            labels = {"group": "ours", "grid": f"{MAIN}x{MAIN}", "sees": "nothing"}
            name = f"{name}, not observed"
            found.append(case(name, (unseen, 0), BATCH, length_of(BATCH), **labels))
    return found


def build_peers(batches: Sequence[int], only: str) -> tuple[list[Case], list[str]]:
    """Compile every case of the peers; also return the names of those that are not installed."""
    found, absent = [], []
    for peer in (*PEERS, *GYMNASIUM_PEERS):
        group = "jax" if peer in PEERS else "gymnasium"
        if only not in peer.name:
            continue
        for batch in batches:
            length = length_of(batch)
            if group == "gymnasium":
                length = max(2, GYMNASIUM_STEPS // batch)
                if batch > BATCH:
                    continue  # minutes for one repeat
            built = attempt(peer, batch, length)
            if built is None:
                absent.append(peer.name)
                break
            labels = {"group": group, "grid": peer.grid, "sees": peer.sees, "like": peer.like}
            found.append(case(peer.name, built, batch, length, **labels))
    return found, absent


def attempt(peer: Peer, batch: int, length: int) -> Built | None:
    """Build a peer's task, or return None where its library is not installed."""
    try:
        return peer.build(batch, length)
    except ImportError:
        return None


def at(cases: Sequence[Case], batch: int) -> dict[str, Case]:
    """Return the cases of one batch size by name."""
    return {case.name: case for case in cases if case.labels["batch"] == batch}


def rows(cases: Sequence[Case], batches: Sequence[int], yardstick: str) -> list[list[str]]:
    """Return a line for each name: its grid, what it sees, and ratio and rate by batch."""
    table = []
    for name in dict.fromkeys(case.name for case in cases):
        mine = [case for case in cases if case.name == name]
        labels = mine[0].labels
        line = [name, labels["grid"], f"{labels['sees']}, {labels['values']}"]
        for batch in batches:
            here = at(cases, batch)
            line.append(rate(here[name]) if name in here else "")
        line.append(
            ratio(at(cases, BATCH)[name], at(cases, BATCH)[yardstick])
            if name in at(cases, BATCH) and yardstick in at(cases, BATCH)
            else ""
        )
        table.append(line)
    return table


def headlines(cases: Sequence[Case]) -> list[list[str]]:
    """Return the comparisons that the targets are about, at batch 1,024."""
    here, lines = at(cases, BATCH), []
    jax_peers = [case for case in here.values() if case.labels["group"] == "jax"]
    for side, like in ((MAIN, MAIN), (SMALL, SMALL), (MAIN, None)):
        name = f"cheese-corner {side}x{side}"
        rivals = [case for case in jax_peers if like is None or case.labels["like"] == like]
        if name in here and rivals:
            best = max(rivals, key=lambda case: case.median)
            kind = "of any size, whatever it sees" if like is None else "of like size"
            lines.append([f"{name} ÷ fastest JAX peer {kind}", best.name, ratio(here[name], best)])
    yardstick = here.get(f"cheese-corner {MAIN}x{MAIN}")
    families = [case for case in here.values() if case.labels["group"] == "ours"]
    if yardstick is not None and len(families) > 1:
        slowest = min(families, key=lambda case: case.median)
        lines.append(
            [f"{yardstick.name} ÷ slowest family or size", slowest.name, ratio(yardstick, slowest)]
        )
    return lines


def report(cases: Sequence[Case], absent: Sequence[str], batches: Sequence[int]) -> None:
    """Print all tables."""
    yardstick = f"cheese-corner {MAIN}x{MAIN}"
    heads = ["world", "grid", "sees, numbers", *(f"batch {batch:,}" for batch in batches)]
    table = rows(cases, batches, yardstick)
    table += [[name, "", "not installed", *("" for _ in batches), ""] for name in absent]
    print_table(
        f"Steps per second, median (least–greatest); last column: ÷ {yardstick} in the same turn",
        [*heads, f"÷ at {BATCH:,}"],
        table,
    )
    here = at(cases, BATCH)
    growth = []
    for side in SIDES:
        mine = here.get(f"cheese-corner {side}x{side}")
        if mine is not None:
            values = number(mine.median * mine.labels["values"])
            growth.append([f"{side}x{side}", str(side * side), rate(mine), values])
    if growth:
        heads = ["cheese-corner", "cells", "steps per second", "numbers observed per second"]
        print_table(f"Growth with area, batch {BATCH:,}", heads, growth)
    if headlines(cases):
        heads = ["ratio", "other", "median (least–greatest)"]
        print_table(f"Headlines, batch {BATCH:,}", heads, headlines(cases))


def main() -> None:
    """Read the command line, build, time, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--batches", type=int, nargs="+", default=list(LENGTH))
    options.add_argument("--only", default="", help="only rows whose name contains this")
    options.add_argument("--json", metavar="FILE", help="write every measurement")
    chosen = options.parse_args()
    about, begun = machine(), time.perf_counter()
    mine = build_ours(chosen.batches, chosen.only)
    theirs, absent = build_peers(chosen.batches, chosen.only)
    about["build_seconds"] = round(time.perf_counter() - begun, 1)
    measure([*mine, *theirs], chosen.repeats)
    report([*mine, *theirs], absent, chosen.batches)
    close(about, begun, chosen.json, cases=measured([*mine, *theirs]))


if __name__ == "__main__":
    main()
