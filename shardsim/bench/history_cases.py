"""Benchmark of identification on agents that remember: tier `history`.

Goals change within an episode, by chance or by what happened; agents are exact rules, or recurrent
networks taught by them. What identification says without memory stands beside models of whole
episodes, and beside agents that remember nothing.
Axis letters: C contexts · L levels · S states · A actions · E episodes · T steps · K goals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits

from shardsim.base import parallel
from shardsim.base.errors import UserError
from shardsim.base.seeds import BENCH_SEEDS, checked_seed
from shardsim.bench.history_agents import Ground, ask_network, ask_rule, ground
from shardsim.bench.history_truth import truth_of
from shardsim.bench.planted.memory import (
    HISTORY_KINDS,
    SWITCHING,
    WHOLE,
    MemorySpec,
    draw_memory,
)
from shardsim.bench.planted.rules import PlantedSpec
from shardsim.env.registry import make
from shardsim.shards.fit.data import decisions_on
from shardsim.shards.fit.fit import ModelFit, fit
from shardsim.shards.history import episodes, hidden_goals
from shardsim.shards.history.memory import Memory, judged, memory_of
from shardsim.shards.history.selection import Selected, select
from shardsim.shards.history.worlds import Lived

ENVS = ("two-goods", "cheese-corner")
RULE, NETWORK = "rule", "GRU"
GLM, STATIONARY, STATE = "GLM-HMM", "hidden Markov goals", "state-dependent goals"
MIXTURE, ANEW = "mixture of intentions", "goals drawn anew"
MODELS = (STATIONARY, STATE, MIXTURE, ANEW, GLM)


class HistoryLine(NamedTuple):
    """What was said of one agent. Bits are of one decision."""

    kind: str
    env: str
    number: int
    agent: str  # rule or GRU
    planted: int  # goals
    goals: int  # held in its episodes
    gap: float  # bits by which it misses what was planted; of a rule 0
    gap_reset: float  # the same with an empty memory
    taught: bool  # the gap is small enough for what was planted to be its truth
    taught_reset: bool
    there: float  # bits that the past tells in truth
    remembers: bool  # in truth
    reset: str  # verdict without memory, of the agent with an empty memory
    found_reset: int
    reset_wrong: bool
    lived: str  # the same as it acts on average over its pasts
    found: int
    lived_wrong: bool
    saved: float  # bits that memory saves beyond the twin's
    low: float
    high: float
    twin: float
    says_memory: bool
    verdict: str  # of `lived`, once memory is asked for
    wrong: bool
    states: dict[str, int]  # model of sequences -> goals found
    bits: dict[str, float]  # the same, held out; and the shards found without memory
    cosine: dict[str, float]  # the same, of goals, matched
    seconds: float


def line_of(spec: MemorySpec, on: Ground, number: int, agent: str, seed: int) -> HistoryLine:
    """Let every method answer one agent."""
    begin = time.perf_counter()
    own = seed + 17 * number + 101 * HISTORY_KINDS.index(spec.kind)
    answers = (ask_network if agent == NETWORK else ask_rule)(spec, on, own)
    truth = truth_of(spec, answers)
    whole = _identified(answers.lived, on, seed)
    empty = _identified(answers.reset, on, seed) if spec.has_memory else whole
    given, twin = (episodes.sequences(one, on.episodes) for one in (answers.episodes, answers.twin))
    alone = tuple(
        episodes.model_bits(whole, one, on.episodes) for one in (answers.episodes, answers.twin)
    )
    found = memory_of(given, twin, {"shards": (alone[0], alone[1])}, seed=seed)
    models = _models(found, given, answers.episodes, on, seed)
    verdict = judged(whole.verdict, found.remembers)
    shown = [spec.goals[goal] for goal in truth.goals]
    return HistoryLine(
        kind=spec.kind,
        env=on.battery.env.name,
        number=number,
        agent=agent,
        planted=spec.num_goals,
        goals=len(truth.goals),
        gap=answers.gap,
        gap_reset=answers.gap_reset,
        taught=truth.taught,
        taught_reset=truth.taught_reset,
        there=truth.there,
        remembers=truth.remembers,
        reset=empty.verdict,
        found_reset=empty.num_shards,
        reset_wrong=empty.verdict not in truth.reset,
        lived=whole.verdict,
        found=whole.num_shards,
        lived_wrong=whole.verdict not in truth.lived,
        saved=float(found.saved.mean),
        low=float(found.saved.low),
        high=float(found.saved.high),
        twin=found.twin,
        says_memory=found.remembers,
        verdict=verdict,
        wrong=verdict not in truth.lived,
        states={name: one.goals for name, one in models.items()},
        bits={"shards": float(alone[0].mean())}
        | {name: float(one.bits.mean()) for name, one in models.items()},
        cosine={n: goal_cosine(shown, one.model.goals) for n, one in models.items() if n != GLM},
        seconds=time.perf_counter() - begin,
    )


def _identified(chance: np.ndarray, on: Ground, seed: int) -> ModelFit:
    logits = np.log(np.maximum(chance.astype(np.float64), 1e-9))
    return fit(decisions_on(on.battery, logits), seed=seed)


def _models(found: Memory, given, lived: Lived, on: Ground, seed: int) -> dict[str, Selected]:
    """Every model of sequences by its name in the table."""
    plain = episodes.regressors(lived, on.episodes)
    return {
        STATIONARY: found.models[hidden_goals.STATIONARY],
        STATE: found.models[hidden_goals.STATE],
        MIXTURE: select(given, hidden_goals.WHOLE, seed=seed),
        ANEW: found.models[hidden_goals.ANEW],
        GLM: select(plain, hidden_goals.STATIONARY, seed=seed),
    }


def right_model(kind: str) -> str:
    """Return the model of the family in which a kind of agent lies."""
    return {SWITCHING: STATIONARY, WHOLE: MIXTURE, "anew": ANEW}.get(kind, STATE)


def goal_cosine(planted: Sequence[PlantedSpec], found: np.ndarray) -> float:
    """Return the mean cosine of planted goals to those found [G, O], matched; 0 without a partner.

    NaN for agents that are no goals held one at a time.
    """
    wanted = [goal.preferences[0] for goal in planted if len(goal.preferences) == 1]
    if not wanted or len(wanted) < len(planted):
        return float("nan")
    norm = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    cosine = np.asarray(wanted) @ (found / norm).T
    mine, theirs = linear_sum_assignment(-cosine)
    return float(cosine[mine, theirs].sum() / len(wanted))


def benchmark(
    cases: int = 2,
    *,
    envs: Sequence[str] = ENVS,
    contexts: int = 600,
    seed: int = 0,
    kinds: Sequence[str] = HISTORY_KINDS,
    folders: Sequence[str | Path] = (),
    agents: Sequence[str] = (RULE, NETWORK),
    say: Callable[[str], None] = print,
) -> list[HistoryLine]:
    """Plant fresh agents with memory and without, and ask every method about each.

    Args:
      cases: of each kind and each form of agent; the envs take turns.
      envs: ids of envs with 3 concepts or more.
      contexts: of the battery that each agent is identified on.
      seed: of levels, agents and episodes.
      kinds: of `HISTORY_KINDS`.
      folders: of your own env files, beside the envs that are installed.
      agents: 'rule', 'GRU' or both.
      say: where progress goes.

    Raises:
      UserError: an unknown env or kind, a wrong seed, or an env that cannot hold a kind.
    """
    seed = checked_seed(seed, below=BENCH_SEEDS)
    if odd := sorted(set(kinds) - set(HISTORY_KINDS)):
        raise UserError(f"no history kind '{odd[0]}'; choose from {', '.join(HISTORY_KINDS)}")
    grounds, drawn = [], []
    for number, name in enumerate(envs):
        say(f"levels of {name}")
        env = make(name, folders=folders)
        grounds.append(ground(env, contexts, 1000 * seed + 10 * number))
    for kind in kinds:
        able = [one for one in grounds if kind != "hidden" or one.battery.env.drive_names]
        if not able:
            raise UserError("none of the envs has a drive, which 'hidden' needs; add two-goods")
        for number in range(cases):
            on = able[(number + HISTORY_KINDS.index(kind)) % len(able)]
            rng = np.random.default_rng([seed, HISTORY_KINDS.index(kind), number])
            spec = draw_memory(kind, on.battery.env, number, rng)
            drawn += [(spec, on, number, agent) for agent in agents]
    done = []

    def one(case: tuple[MemorySpec, Ground, int, str]) -> HistoryLine:
        with threadpool_limits(limits=1):  # small matrices: threads cost more than they give
            line = line_of(*case, seed)
        done.append(line)
        say(f"{len(done)} of {len(drawn)}: {said(line)}")
        return line

    return list(parallel.each(one, drawn))


def said(line: HistoryLine) -> str:
    """Return one line of progress."""
    memory = "memory" if line.says_memory else "no memory"
    return (
        f"{line.kind}, {line.agent} in {line.env}: {line.lived} without memory, {memory} "
        f"({line.saved:.3f} bits; {line.seconds:.0f} s)"
    )
