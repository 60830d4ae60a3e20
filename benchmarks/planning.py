"""Levels per second of exact planning, for every family, thousands of levels in one call.

    python benchmarks/planning.py [--repeats 3] [--only cheese] [--json FILE]

Everything is timed in turn on tables made before, `at_once` levels in memory at a time; a policy
is any stochastic one, the horizon `max_steps`, the discount 0.99. `all goals`: how far everything
is from everywhere, each of the H * W cells a goal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
from timing import Case, close, machine, measure, measured, print_table, rate

import shardsim as ss
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.covariates import goal_moves, goal_states
from shardsim.env.levels import sample_levels, take

STATES = 200_000  # in all levels of one call: larger families are timed on fewer levels
LEVELS = 2048, 4  # of one call, at most and at least
ENTRIES = 2_000_000  # of a table over states, actions, outcomes and goals, in memory at a time
DISCOUNT = 0.99
MAIN = 13


def worlds(only: str) -> Iterator[tuple[str, Env]]:
    """Yield name and env of every row: families as they ship, and mazes of 13x13."""
    for name in ss.list_envs():
        env = ss.make(name)
        if only in name:
            yield f"{name} {env.height}x{env.width}", env
        if name == "cheese-corner" and only in name:
            yield f"{name} {MAIN}x{MAIN}", ss.make(name, height=MAIN, width=MAIN)


def questions(env: Env) -> dict[str, tuple[Callable[..., Any], int]]:
    """Return what is asked of a level and its table, and how many goals it has."""
    cells = planning.every_cell(env)
    horizon, concepts = env.max_steps, len(env.concepts)

    def policy(tabular):
        noise = jax.random.normal(jax.random.key(3), tabular.probability.shape[:2])
        return jax.nn.softmax(noise, axis=1)

    def to_concepts(level, tabular):
        entered = goal_moves(env, level, tabular)
        return planning.distances(tabular, goal_states(env, level), entered)

    def values(level, tabular):
        return planning.optimal_values(tabular, level.reward_weights, DISCOUNT, horizon)[0]

    def evaluation(level, tabular):
        weights = level.reward_weights
        return planning.evaluate_policy(tabular, weights, policy(tabular), DISCOUNT, horizon)

    def hitting(level, tabular):
        goals, entered = goal_states(env, level), goal_moves(env, level, tabular)
        return planning.hitting_probabilities(tabular, policy(tabular), goals, horizon, entered)

    def visits(level, tabular):
        return planning.visitation(tabular, policy(tabular), tabular.start, horizon)

    return {
        "tables": (lambda level, _: env.tabular(level), 1),
        "to concepts": (to_concepts, concepts),
        "all goals": (lambda _, tabular: planning.distances(tabular, cells), cells.shape[1]),
        "optimal values": (values, 1),
        "policy's values": (evaluation, 1),
        "hitting": (hitting, concepts),
        "visits": (visits, 1),
    }


def levels_for(env: Env, goals: int) -> int:
    """Return how many levels one call solves: few where chance makes each take long."""
    work = 1 if env.num_outcomes == 1 else env.num_outcomes**2 * goals
    most, least = LEVELS
    return max(least, min(most, STATES // (env.num_states * work)))


def at_once(env: Env, goals: int) -> int:
    """Return how many levels to hold in memory at a time."""
    entries = env.num_states * env.num_actions * env.num_outcomes * goals
    return max(1, min(planning.AT_ONCE, ENTRIES // entries))


def build(name: str, env: Env) -> list[Case]:
    """Draw levels, make their tables, compile every question."""
    levels = sample_levels(env, jax.random.key(0), levels_for(env, 1), "train")
    tables = jax.jit(
        lambda levels: planning.for_levels(env.tabular, levels, at_once=at_once(env, 1))
    )(levels)
    found = []
    for what, (solve, goals) in questions(env).items():
        size, count = at_once(env, goals), levels_for(env, goals)
        some = take((levels, tables), slice(count))
        asked = jax.jit(partial(planning.for_levels, solve, at_once=size))
        labels = {"what": what, "states": env.num_states, "outcomes": env.num_outcomes}
        found.append(
            Case(
                name,
                count,
                lambda _, asked=asked, some=some: jax.block_until_ready(asked(*some)),
                {**labels, "levels": count},
            )
        )
    return found


def main() -> None:
    """Read the command line, build and time one family after the other, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--only", default="", help="only families whose name contains this")
    options.add_argument("--json", metavar="FILE", help="write every measurement")
    chosen = options.parse_args()
    about, begun = machine(), time.perf_counter()
    rows, cases = [], []
    for name, env in worlds(chosen.only):
        mine = build(name, env)
        for case in mine:
            case.run(0)  # compiles
        measure(mine, chosen.repeats)
        head = [name, f"{env.num_states:,}", str(env.num_outcomes), str(mine[0].work)]
        rows.append(head + [rate(case) for case in mine])
        cases += mine
        print(f"{name} done after {time.perf_counter() - begun:.0f} s", flush=True)
    heads = ["world", "states", "outcomes", "levels", *questions(ss.make("cheese-corner"))]
    print_table("Levels per second, median (least–greatest)", heads, rows)
    close(about, begun, chosen.json, cases=measured(cases))


if __name__ == "__main__":
    main()
