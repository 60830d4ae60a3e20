"""Benchmark of identification: planted agents of every kind, freshly drawn, found again or not.

Axes: C contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shardsim.base import parallel
from shardsim.base.errors import UserError
from shardsim.base.seeds import BENCH_SEEDS, checked_seed
from shardsim.bench import baselines, scores
from shardsim.bench.one_reward import one_reward
from shardsim.bench.planted.rules import KINDS, SHARD_KINDS
from shardsim.bench.planted_cases import Case, Ground, ask, draw_case, ground, truth_of
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


def lines_of(case: Case, on: Ground, seed: int) -> list[Line]:
    """Let every method answer one case."""
    answers = ask(case, on)
    data = decisions_on(on.battery, answers.logits)
    truth = truth_of(case.spec, on)
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
    return [_line(case, method, truth, answers.gap, run) for method, run in tried.items()]


def _clustered(labels: np.ndarray, data: DecisionData) -> tuple[Shards, str]:
    return _gated(baselines.one_hot(labels), data)


def _gated(gates: np.ndarray, data: DecisionData) -> tuple[Shards, str]:
    return baselines.shards_of(gates, data), SEVERAL if gates.shape[1] > 1 else "one utility"


def _line(case: Case, method: str, truth: Shards, gap: float, run) -> Line:
    begin = time.perf_counter()
    found, verdict = run()
    seconds = time.perf_counter() - begin
    scored = case.kind in SHARD_KINDS and case.kind != "beyond-rank"
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
        gap=gap,
        seconds=seconds,
    )


def benchmark(
    cases: int = 8,
    *,
    envs: Sequence[str] = ENVS,
    tier: str = "rule",
    contexts: int = 1400,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
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
      folders: of your own env files, beside the envs that are installed.
      say: where progress goes.

    Raises:
      UserError: an unknown tier, env or kind, or a wrong seed.
    """
    seed = checked_seed(seed, below=BENCH_SEEDS)
    if tier not in ("rule", "network"):
        raise UserError(
            f"there is no tier '{tier}' of planted agents; choose rule or network, "
            "or at the command line reward or history"
        )
    if odd := sorted(set(kinds) - set(KINDS)):
        raise UserError(f"no planted kind '{odd[0]}'; choose from {', '.join(KINDS)}")
    grounds = {}
    for number, env in enumerate([make(name, folders=folders) for name in envs]):
        say(f"levels of {env.name}")
        own_seed = 1000 * seed + 10 * number
        grounds[env.name] = ground(env, contexts, own_seed, tier == "network")
    drawn = [
        draw_case(kind, number, list(grounds.values()), seed)
        for number in range(cases)
        for kind in kinds
    ]
    done = []

    def one(case: Case) -> list[Line]:
        found = lines_of(case, grounds[case.env], seed)
        done.append(case)
        say(f"{len(done)} of {len(drawn)}: {said(found[0])}")
        return found

    return [line for found in parallel.each(one, drawn) for line in found]


def said(line: Line) -> str:
    """Return one line of progress."""
    return (
        f"{line.kind} in {line.env}: {line.planted} planted, {line.found} found, {line.verdict} "
        f"({line.seconds:.1f} s)"
    )
