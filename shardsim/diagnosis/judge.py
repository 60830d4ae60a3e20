"""One seed's evidence put together, and its category by the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from shardsim.diagnosis import from_weights
from shardsim.diagnosis.artefacts import Artefacts
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.evidence import Evidence, Measurement, Pair, collect, row
from shardsim.diagnosis.in_update import REWARD_PART
from shardsim.diagnosis.kinds import kind_of
from shardsim.diagnosis.rule import Outcome, Returns, decide
from shardsim.env.levels import take

LOGGED = Measurement("logged return of the last checkpoint", "evaluation", "reward", 1e-4)
Phases = Mapping[int, Mapping[str, Pair]]  # update -> name -> pairs [K]


def judge(
    artefacts: Artefacts,
    config: DiagnoseConfig,
    read: from_weights.Read,
    measurements: Sequence[Measurement],
    phases: Phases,
    logged: Pair | None,
    seed: int,
) -> tuple[Outcome, list[Evidence]]:
    """Return one seed's category and evidence.

    Args:
        artefacts: what the run offers.
        config: thresholds.
        read: what weights and behaviour say.
        measurements: which pairs accuse their section.
        phases: the pairs of every kept update; empty at tier W+B.
        logged: the logged return beside the exact one, None where there is no log.
        seed: position along the seeds.
    """
    last = max(artefacts.checkpoints)
    kept = [_explained(artefacts, line) for line in collect(measurements, phases, seed)]
    moved = from_weights.movement(read, seed)
    # Where nothing was learnt there is nothing to infer from; where more was kept, no need to.
    blind = bool(kept) or moved.disagrees
    inferred = [] if blind else from_weights.inferred_rows(artefacts, read, seed)
    checked = [*kept, *from_weights.weight_rows(read, seed), *inferred]
    if logged is not None:
        checked.append(row(LOGGED, logged, last, seed))
    parts = [
        jax.tree.map(lambda leaf: np.asarray(leaf)[seed], pairs[REWARD_PART.name])
        for pairs in phases.values()
    ]
    returns = returns_of(read, seed)
    outcome = decide(
        moved,
        checked,
        parts,
        returns,
        artefacts.env.concept_names,
        config,
        finite=all(bool(weights.finite[seed]) for weights in read.weights.values()),
    )
    shown = [
        moved,
        *collect([REWARD_PART], phases, seed),
        *checked,
        *_behaviour_rows(artefacts, config, returns, read.unit, last, seed),
    ]
    return outcome, shown


def _explained(artefacts: Artefacts, line: Evidence) -> Evidence:
    """Add which kind of mistake a disagreement looks like."""
    if not line.disagrees:
        return line
    record = take(artefacts.records[line.phase], line.seed)
    learner = from_weights.learner_of(artefacts)
    return line._replace(note=kind_of(learner, artefacts.config, line.section, record))


def returns_of(read: from_weights.Read, seed: int) -> Returns:
    """Return one seed's exact returns as shares, all on one scale, and what it enters too often."""
    excess = np.asarray(read.target.first[seed]) - np.asarray(read.target.optimal_first[seed])
    untrained, trained, target = (
        float(one.share(one.achieved, ratio=read.ratio)[seed])
        for one in (read.untrained, read.trained, read.target)
    )
    return Returns(untrained, trained, target, excess)


def _behaviour_rows(
    artefacts: Artefacts,
    config: DiagnoseConfig,
    returns: Returns,
    share: str,
    phase: int,
    seed: int,
) -> list[Evidence]:
    """Return exact behaviour as evidence: returns beside the optimum, concepts entered first.

    `share` is the unit of the returns.
    """

    def line(name: str, measured: float, exact: float, unit: str, said: str) -> Evidence:
        gap = abs(measured - exact)
        return Evidence(name, "", phase, seed, measured, exact, unit, gap, np.inf, said)

    optimal = "near-optimal" if returns.trained >= config.optimal else "not optimal"
    fell = returns.target < returns.trained - config.target_gap
    rows = [
        line("return before training", returns.untrained, 1.0, share, "start"),
        line("return on training levels", returns.trained, 1.0, share, optimal),
        line(
            "return on target levels",
            returns.target,
            1.0,
            share,
            "falls" if fell else "holds",
        ),
    ]
    for name, excess in zip(artefacts.env.concept_names, returns.excess, strict=True):
        said = "too often" if excess >= config.excess else "too seldom" if excess < -0.05 else "–"
        rows.append(
            line(
                f"{name} entered first, target levels",
                float(excess),
                0.0,
                "above the optimum",
                said,
            )
        )
    for name, part in artefacts.shares.items():
        rows.append(line(f"share of the shards for {name}", part, np.nan, "share", "–"))
    return rows
