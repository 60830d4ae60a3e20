"""`diagnose`: from a run, or what is left of one, to its world and the evidence for it.

Everything is recomputed with the pipeline's sections as they are meant to be and the declared
config; neither source code nor the components that were really used are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.config import TrainConfig
from shardsim.agent.evaluation import evaluation
from shardsim.agent.learner import Learner, Record
from shardsim.agent.train import evaluation_levels
from shardsim.diagnosis import from_weights, in_learning, in_rollout
from shardsim.diagnosis.artefacts import MISSING, Artefacts, of_run
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.evidence import Diagnosis, Evidence, Measurement, Pair, collect, row
from shardsim.diagnosis.kinds import kind_of
from shardsim.diagnosis.rule import Outcome, Returns, decide, together
from shardsim.env.levels import sample_levels, take
from shardsim.env.types import Level

MEASUREMENTS = (*in_rollout.MEASUREMENTS, *in_learning.MEASUREMENTS)
LOGGED = Measurement("logged return of the last checkpoint", "evaluation", "reward", 1e-4)
Phases = Mapping[int, Mapping[str, Pair]]  # update -> name -> pairs [K]


def diagnose(
    run: Any,
    config: DiagnoseConfig | None = None,
    *,
    shares: Mapping[str, float] | None = None,
) -> Diagnosis:
    """Say which world a run is in.

    Args:
        run: a run (`shardsim.load`), or `Artefacts` given directly.
        config: where the lines between the worlds lie.
        shares: concept -> share of decision influence on target levels, where shards are known.

    Returns:
        The world of most seeds, with the evidence of the seed that is furthest from agreement.

    Raises:
        UserError: there is no trained checkpoint, or the run directory is damaged.
    """
    config = config or DiagnoseConfig()
    artefacts = run if isinstance(run, Artefacts) else of_run(run, shares)
    artefacts.check()
    env = artefacts.env
    training, target = (
        sample_levels(env, jax.random.key(number), config.levels, split)
        for number, split in enumerate(("train", "target"))
    )
    read = from_weights.read(artefacts, training, target)
    phases = measure(artefacts)
    logged = measure_logged(artefacts)
    judged = [
        judge(artefacts, config, read, phases, logged, seed) for seed in range(artefacts.seeds)
    ]
    outcomes = [outcome for outcome, _ in judged]
    outcome, chances = together(outcomes)
    shown = _clearest([rows for own, rows in judged if own == outcome])
    notes = tuple(note for note in (MISSING[artefacts.tier],) if note)
    return Diagnosis(
        world=outcome.world,
        section=outcome.section,
        representation=outcome.representation,
        probabilities=chances,
        evidence=tuple(shown),
        tier=artefacts.tier,
        seeds=tuple(own.label for own in outcomes),
        notes=notes,
    )


def measure(artefacts: Artefacts) -> dict[int, dict[str, Pair]]:
    """Return all pairs [K] of every kept update."""
    learner = from_weights.learner_of(artefacts)
    return {
        update: _measure(learner, artefacts.config, record, jnp.float32(update))
        for update, record in artefacts.records.items()
    }


@partial(jax.jit, static_argnums=(0, 1))
def _measure(learner: Learner, config: TrainConfig, record: Record, update: jax.Array):
    def one(record: Record) -> dict[str, Pair]:
        return {
            **in_rollout.in_rollout(learner, record),
            **in_learning.in_learning(learner, config, record, update),
        }

    return jax.vmap(one)(record)


def measure_logged(artefacts: Artefacts) -> Pair | None:
    """Compare the logged exact return of the last checkpoint with the return itself, [K]."""
    last = max(artefacts.checkpoints)
    if "held-out" not in artefacts.returns.get(last, {}):
        return None
    learner = from_weights.learner_of(artefacts)
    levels = evaluation_levels(artefacts.env, artefacts.config)["held-out"]
    parameters = artefacts.checkpoints[last].parameters
    exact = _evaluate(learner, artefacts.config.discount, parameters, levels)
    measured = np.asarray(artefacts.returns[last]["held-out"][0])
    return Pair(measured, exact, np.abs(measured - np.asarray(exact)))


@partial(jax.jit, static_argnums=(0, 1))
def _evaluate(learner: Learner, discount: float, parameters: Any, levels: Level) -> jax.Array:
    def one(parameters: Any) -> jax.Array:
        def policy(seen: jax.Array) -> jax.Array:
            return learner.network.run(parameters, seen).logits

        return evaluation(learner.env, policy, levels, discount).achieved

    return jax.vmap(one)(parameters)


def judge(
    artefacts: Artefacts,
    config: DiagnoseConfig,
    read: from_weights.Read,
    phases: Phases,
    logged: Pair | None,
    seed: int,
) -> tuple[Outcome, list[Evidence]]:
    """Return one seed's world and evidence."""
    last = max(artefacts.checkpoints)
    kept = [_explained(artefacts, line) for line in collect(MEASUREMENTS, phases, seed)]
    moved = from_weights.movement(read, seed)
    # Where nothing was learnt there is nothing to infer from; where more was kept, no need to.
    blind = bool(kept) or moved.disagrees
    inferred = [] if blind else from_weights.inferred_rows(artefacts, read, seed)
    checked = [*kept, *from_weights.weight_rows(read, seed), *inferred]
    if logged is not None:
        checked.append(row(LOGGED, logged, last, seed))
    parts = [
        jax.tree.map(lambda leaf: np.asarray(leaf)[seed], pairs[in_learning.REWARD_PART.name])
        for pairs in phases.values()
    ]
    returns = _returns(read, seed)
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
        *collect([in_learning.REWARD_PART], phases, seed),
        *checked,
        *_behaviour_rows(artefacts, config, returns, last, seed),
    ]
    return outcome, shown


def _explained(artefacts: Artefacts, line: Evidence) -> Evidence:
    """Add which kind of mistake a disagreement looks like."""
    if not line.disagrees:
        return line
    record = take(artefacts.records[line.phase], line.seed)
    learner = from_weights.learner_of(artefacts)
    return line._replace(note=kind_of(learner, artefacts.config, line.section, record))


def _returns(read: from_weights.Read, seed: int) -> Returns:
    excess = np.asarray(read.target.first[seed]) - np.asarray(read.target.optimal_first[seed])
    return Returns(
        untrained=float(read.untrained.ratio[seed]),
        trained=float(read.trained.ratio[seed]),
        target=float(read.target.ratio[seed]),
        excess=excess,
    )


def _behaviour_rows(
    artefacts: Artefacts, config: DiagnoseConfig, returns: Returns, phase: int, seed: int
) -> list[Evidence]:
    """Return exact behaviour as evidence: returns beside the optimum, concepts entered first."""

    def line(name: str, measured: float, exact: float, unit: str, said: str) -> Evidence:
        gap = abs(measured - exact)
        return Evidence(name, "", phase, seed, measured, exact, unit, gap, np.inf, said)

    optimal = "near-optimal" if returns.trained >= config.optimal else "not optimal"
    fell = returns.target < returns.trained - config.target_gap
    rows = [
        line("return before training", returns.untrained, 1.0, "of the optimum", "start"),
        line("return on training levels", returns.trained, 1.0, "of the optimum", optimal),
        line(
            "return on target levels",
            returns.target,
            1.0,
            "of the optimum",
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
    for name, share in artefacts.shares.items():
        rows.append(line(f"share of the shards for {name}", share, np.nan, "share", "–"))
    return rows


def _clearest(candidates: Sequence[list[Evidence]]) -> list[Evidence]:
    """Return the evidence with the most rows that disagree."""
    return max(candidates, key=lambda rows: sum(row.disagrees for row in rows))
