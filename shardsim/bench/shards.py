"""Benchmark of identification: planted agents of every kind, freshly drawn, found again or not.

Axes: C contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shardsim.base import parallel
from shardsim.base.errors import UserError
from shardsim.base.seeds import BENCH_SEEDS, checked_seed
from shardsim.bench import baselines, scores
from shardsim.bench.one_reward import one_reward
from shardsim.bench.planted.rules import KINDS, SHARD_KINDS
from shardsim.bench.planted_cases import (
    Answers,
    Case,
    Ground,
    ask,
    ask_networks,
    draw_case,
    ground,
    own_truth,
    truth_of,
)
from shardsim.bench.scores import Shards
from shardsim.env.registry import make
from shardsim.shards.fit.data import DecisionData, decisions_on, probabilities
from shardsim.shards.fit.fit import fit
from shardsim.shards.influence import shares
from shardsim.shards.influence.influence import advantage_toward, pull
from shardsim.shards.influence.share_intervals import equal_fit_offsets, share_table
from shardsim.shards.influence.shares import parts_of

ENVS = ("cheese-corner", "two-goods", "cheese-dish", "lava-land", "whisky-gold")
OWN = "shardsim"
SEVERAL = "shards"
CANNOT = "cannot tell"
INFLUENCE, DENSITY, REWARD = "k-means, influence", "HDBSCAN, influence", "one reward, IRL"
MIXTURE, ACTIVATION, PARTS = "mixture of IRL", "k-means, activations", "NMF, activations"
METHODS = (OWN, INFLUENCE, DENSITY, REWARD, MIXTURE)
NOT_TAUGHT = "not taught"  # a network that never came as near to its rule as was asked
GAP = 0.02  # bits per decision: what networks miss of their rule at most, unless asked otherwise


class Line(NamedTuple):
    """What one method said of one case. Scores are NaN where they do not apply."""

    kind: str
    env: str
    number: int
    method: str
    planted: int  # shards that behaviour can show
    found: int
    verdict: str
    rand: float
    cosine: float
    share_error: float
    covered: tuple[bool, ...]
    gap: float  # bits by which a network misses the planted agent; 0 at rule level
    seconds: float
    asked: float = 0.0  # the gap that was asked of a network; 0 at rule level
    # against what the network really does under the planted preferences
    own_rand: float = float("nan")
    own_share_error: float = float("nan")
    own_covered: tuple[bool, ...] = ()
    own_rand_clear: float = float("nan")  # where that says which shard is strongest

    @property
    def taught(self) -> bool:
        """Whether the agent is as near to the planted one as was asked, so that it counts."""
        return self.verdict != NOT_TAUGHT

    @property
    def false_shards(self) -> bool:
        """Whether several shards are claimed."""
        return self.verdict == SEVERAL


def found_by_fit(data: DecisionData, seed: int) -> tuple[Shards, str]:
    """Identify as `identify` does, without the evidence that a benchmark has no use for."""
    model = fit(data, seed=seed)
    strength = shares.strengths(parts_of(model, data))[:, : model.num_shards]
    offsets = equal_fit_offsets([model], [data], [np.arange(model.num_shards)])
    interval = share_table([model], [data], offsets, seed=seed).pooled
    ends = np.stack([interval.low, interval.high], 1)[: model.num_shards]
    found = Shards(strength, model.preferences, interval.mean[: model.num_shards], ends)
    return found, model.verdict


def removal_vectors(logits: np.ndarray, without: Sequence[np.ndarray], on: Ground) -> np.ndarray:
    """Return float64[C, objects]: raw signed influence of removing each object; 0 where absent."""
    before = probabilities(logits)
    vectors = []
    for one, after in zip(on.removed, without, strict=True):
        value = pull(before, probabilities(after), advantage_toward(on.battery, one.concept))
        there = one.able & on.battery.reachable[:, one.concept]
        vectors.append(np.where(there, value, 0.0))
    return np.stack(vectors, 1)


class Truths(NamedTuple):
    """What found shards are compared with."""

    rule: Shards
    own: Shards | None  # of a network


def reported_gap(gaps: Sequence[float]) -> float:
    """Return the gap at which every method answers and kinds are told apart."""
    return GAP if GAP in gaps else min(gaps)


def lines_of(case: Case, on: Ground, seed: int, gaps: Sequence[float] = ()) -> Iterator[Line]:
    """Let every method answer one case: the rule itself, or a network at each of several gaps.

    Beside identification, methods answer at the gap that is reported only.
    """
    if not gaps:
        yield from _compared(case, on, ask(case, on), None, seed)
        return
    for answers in ask_networks(case, on, gaps):
        if not answers.reached:
            yield _not_taught(case, answers)
            continue
        counted = _counts(case)
        own = own_truth(case.spec, on, answers) if counted else None
        lines = _compared(case, on, answers, own, seed)
        yield next(lines)
        if answers.asked == reported_gap(gaps):
            yield from lines


def _not_taught(case: Case, answers: Answers) -> Line:
    nan = float("nan")
    told = (case.kind, case.env, case.number, OWN, case.spec.num_shards, 0, NOT_TAUGHT)
    return Line(*told, nan, nan, nan, (), answers.gap, 0.0, answers.asked)


def _compared(
    case: Case, on: Ground, answers: Answers, own: Shards | None, seed: int
) -> Iterator[Line]:
    """The lines of all methods, identification first; each is run when it is asked for."""
    data = decisions_on(on.battery, answers.logits)
    truths = Truths(truth_of(case.spec, on), own)
    vectors = removal_vectors(answers.logits, answers.without, on)
    view = answers.activations
    tried: dict[str, Callable[[], tuple[Shards, str]]] = {
        OWN: lambda: found_by_fit(data, seed),
        INFLUENCE: lambda: _clustered(baselines.k_means(vectors, seed), data),
        DENSITY: lambda: _clustered(baselines.density(vectors), data),
        REWARD: lambda: (one_reward(data, seed), "one utility"),
        MIXTURE: lambda: _clustered(baselines.mixture(data, seed), data),
    }
    if view is not None:
        tried[ACTIVATION] = lambda: _clustered(baselines.k_means(view, seed), data)
        tried[PARTS] = lambda: _gated(baselines.factors(view, seed), data)
    for method, run in tried.items():
        yield _line(case, method, truths, answers, run)


def _counts(case: Case) -> bool:
    """Whether there are shards to be recovered, no more than can be told apart."""
    return case.kind in SHARD_KINDS and case.kind != "beyond-rank"


def _clustered(labels: np.ndarray, data: DecisionData) -> tuple[Shards, str]:
    return _gated(baselines.one_hot(labels), data)


def _gated(gates: np.ndarray, data: DecisionData) -> tuple[Shards, str]:
    return baselines.shards_of(gates, data), SEVERAL if gates.shape[1] > 1 else "one utility"


def _line(case: Case, method: str, truths: Truths, answers: Answers, run) -> Line:
    begin = time.perf_counter()
    found, verdict = run()
    seconds = time.perf_counter() - begin
    scored = _counts(case)
    truth, own = truths.rule, truths.own if scored else None
    planted, count = case.spec.num_shards, len(found.preferences)
    nan = float("nan")
    return Line(
        kind=case.kind,
        env=case.env,
        number=case.number,
        method=method,
        planted=planted,
        found=count,
        verdict=verdict,
        rand=scores.gate_rand(truth, found) if scored else nan,
        cosine=scores.preference_cosine(truth, found) if scored else nan,
        share_error=scores.share_error(truth, found) if scored else nan,
        covered=tuple(scores.covered(truth, found)) if scored and planted == count else (),
        gap=answers.gap,
        seconds=seconds,
        asked=answers.asked,
        own_rand=scores.gate_rand(own, found) if own else nan,
        own_rand_clear=scores.gate_rand(own, found, clear=True) if own else nan,
        own_share_error=scores.share_error(own, found) if own else nan,
        own_covered=tuple(scores.covered(own, found)) if own and planted == count else (),
    )


def benchmark(
    cases: int = 8,
    *,
    envs: Sequence[str] = ENVS,
    tier: str = "rule",
    contexts: int = 1400,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
    gaps: Sequence[float] | None = None,
    folders: Sequence[str | Path] = (),
    say: Callable[[str], None] = print,
) -> list[Line]:
    """Run every method on fresh cases of every kind, as many at once as there are cores.

    Args:
      cases: of each kind.
      envs: ids of envs with at least 3 concepts.
      tier: "rule", exact logits, or "network", a network taught by the rule.
      contexts: of the battery that each case is identified on.
      seed: of levels and agents; the same seed gives the same cases.
      kinds: of planted agents.
      gaps: bits per decision by which networks may miss their rule; each case is taught once and
        identified as it passes each. `GAP` by default.
      folders: of your own env files, beside the envs that are installed.
      say: where progress goes.

    Raises:
      UserError: an unknown tier, env or kind, a wrong seed, or gaps of a rule or that are not
        positive.
    """
    seed = checked_seed(seed, below=BENCH_SEEDS)
    if tier not in ("rule", "network"):
        raise UserError(
            f"there is no tier '{tier}' of planted agents; choose rule or network, "
            "or at the command line reward or history"
        )
    asked = _checked_gaps(tier, gaps)
    if odd := sorted(set(kinds) - set(KINDS)):
        raise UserError(f"no planted kind '{odd[0]}'; choose from {', '.join(KINDS)}")
    grounds = {}
    for number, env in enumerate([make(name, folders=folders) for name in envs]):
        say(f"levels of {env.name}")
        own_seed = 1000 * seed + 10 * number
        grounds[env.name] = ground(env, contexts, own_seed, networks=bool(asked))
    drawn = [
        draw_case(kind, number, list(grounds.values()), seed)
        for number in range(cases)
        for kind in kinds
    ]
    done = []

    def one(case: Case) -> list[Line]:
        found = list(lines_of(case, grounds[case.env], seed, asked))
        done.append(case)
        say(f"{len(done)} of {len(drawn)}: {said(found[0])}")
        return found

    return [line for found in parallel.each(one, drawn) for line in found]


def _checked_gaps(tier: str, gaps: Sequence[float] | None) -> list[float]:
    """The gaps of networks, widest first; none of rules."""
    if tier == "rule":
        if gaps:
            raise UserError("a rule has no gap to itself; give gaps with tier network, or none")
        return []
    asked = sorted(set(gaps or (GAP,)), reverse=True)
    if not all(0 < one < np.inf for one in asked):
        raise UserError(f"gaps are bits above 0, not {', '.join(map(str, asked))}")
    return asked


def said(line: Line) -> str:
    """Return one line of progress."""
    return (
        f"{line.kind} in {line.env}: {line.planted} planted, {line.found} found, {line.verdict} "
        f"({line.seconds:.1f} s)"
    )
