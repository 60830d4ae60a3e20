"""`diagnose`: from a run, or what is left of one, to its category and the evidence for it.

Everything is recomputed with the pipeline's sections as they are meant to be and the declared
config; neither source code nor the components that were really used are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.config import TrainConfig
from shardsim.agent.evaluation import evaluation
from shardsim.agent.learner import Learner, Record
from shardsim.agent.options import POLICY_GRADIENT
from shardsim.agent.train import evaluation_levels
from shardsim.base.errors import UserError
from shardsim.base.progress import SILENT, Progress
from shardsim.diagnosis import from_weights, in_learning, in_rollout, in_update
from shardsim.diagnosis.artefacts import MISSING, Artefacts, of_run
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.evidence import Diagnosis, Pair
from shardsim.diagnosis.judge import judge
from shardsim.diagnosis.rule import together
from shardsim.env.levels import sample_levels
from shardsim.env.types import Level

MEASUREMENTS = (
    *in_rollout.MEASUREMENTS,
    *in_learning.MEASUREMENTS,
    *in_update.MEASUREMENTS,
)

# What each part costs beside the others, in seconds of the demo.
COSTS = {"weights and behaviour": 10.0, "kept updates": 8.0, "logged return": 1.0, "judging": 1.0}


def undiagnosed(config: TrainConfig) -> str | None:
    """Say why runs of a config cannot be diagnosed; None where they can."""
    if config.network.kind == "recurrent":
        return (
            "a run of recurrent networks cannot be diagnosed: nothing exact is known of a policy "
            "with a memory; look at the learning curves instead, or train the same config with "
            "train.network.kind=egocentric"
        )
    if config.learner in POLICY_GRADIENT:
        return None
    return (
        f"a run of learner {config.learner!r} cannot be diagnosed: what is exact is known of "
        f"{' and '.join(POLICY_GRADIENT)} alone; look at the learning curves instead, or train the "
        "same config with train.learner=ppo"
    )


def diagnose(
    run: Any,
    config: DiagnoseConfig | None = None,
    *,
    shares: Mapping[str, float] | None = None,
    progress: Progress = SILENT,
) -> Diagnosis:
    """Diagnose a run.

    Args:
        run: a run (`shardsim.load`), or `Artefacts` given directly.
        config: thresholds.
        shares: concept -> share of decision influence on target levels, where shards are known.
        progress: where to say how far it is.

    Returns:
        The category of most seeds, with the evidence of the seed that is furthest from agreement.

    Raises:
        UserError: there is no trained checkpoint, the run directory is damaged, or its learner is
            not one that can be diagnosed.
    """
    config = config or DiagnoseConfig()
    trained = run.config if isinstance(run, Artefacts) else run.config.train
    if reason := undiagnosed(trained):
        raise UserError(reason)
    artefacts = run if isinstance(run, Artefacts) else of_run(run, shares)
    artefacts.check()
    env = artefacts.env
    training, target = (
        sample_levels(env, jax.random.key(number), config.levels, split)
        for number, split in enumerate(("train", "target"))
    )
    progress.plan(COSTS)
    with progress.part("weights and behaviour"):
        read = from_weights.read(artefacts, training, target)
    with progress.part("kept updates"):
        phases = measure(artefacts)
    with progress.part("logged return"):
        logged = measure_logged(artefacts)
    with progress.part("judging"):
        judged = [
            judge(artefacts, config, read, MEASUREMENTS, phases, logged, seed)
            for seed in range(artefacts.seeds)
        ]
    outcomes = [outcome for outcome, _ in judged]
    outcome, chances = together(outcomes)
    # Of the seeds that agree, the one with the most rows that disagree is the clearest.
    shown = max(
        (rows for own, rows in judged if own == outcome),
        key=lambda rows: sum(row.disagrees for row in rows),
    )
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
            **in_learning.in_learning(learner, config, record),
            **in_update.in_update(learner, config, record, update),
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

        return jnp.asarray(evaluation(learner.env, policy, levels, discount).achieved)

    return jax.vmap(one)(parameters)
