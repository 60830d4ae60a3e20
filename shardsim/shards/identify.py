"""`identify`: from a policy and a battery to the shards, beside every rival and every null.

Axis letters: C contexts · K shards · O concepts · A actions · P parts of the shares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import Agent
from shardsim.base.scalars import Whole, seed_of, whole
from shardsim.base.statistics import Interval, mean_and_error
from shardsim.shards.active.add_contexts import proposed, table_before
from shardsim.shards.active.propose import enlarged
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.policies import Response, respond
from shardsim.shards.describe import describe
from shardsim.shards.evidence.activation_gates import ActivationFit, activation_fit
from shardsim.shards.evidence.activations import agreement, influence_vectors, readable, sample
from shardsim.shards.evidence.causal import Causal, causal_check
from shardsim.shards.evidence.components import Directions, directions
from shardsim.shards.fit.data import DecisionData, decision_data, in_conflict
from shardsim.shards.fit.fit import ModelFit, fit
from shardsim.shards.fit.jackknife import refit_influence
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence import shares
from shardsim.shards.influence.influence import Influence, by_distance, in_model, influence
from shardsim.shards.influence.nulls import entropy_bits
from shardsim.shards.influence.shares import Parts
from shardsim.shards.shardset import ShardSet

NAMES = {
    "habits": "habits",
    "habits+affordance": "habits and affordance",
    "one utility": "one utility",
    "one utility with gain": "utility with gain",
    "planner": "planner with gain",
    "steep discounting": "steep discounting",
    "one goal at a time": "one goal at a time",
    "reward": "one reward, planned exactly",
    "shards": "shards",
    "ceiling": "ceiling",
    "ceiling permuted": "ceiling permuted",
}
ENTROPY = "agent entropy"
DRAWS = 1000
Z = 1.645  # of a two-sided interval of 90 %


def identify(
    policy: Callable[..., Any],
    battery: Battery,
    *,
    max_shards: Whole = 8,
    seed: Whole = 0,
    refine: Whole = 0,
) -> ShardSet:
    """Find a policy's shards over a battery.

    Args:
      policy: obs float32[B, H, W, planes] -> logits[B, A], or (logits, {layer: [B, D]}); numpy,
        jax or torch; called in batches on observations alone. `state_policy` makes one of a rule
        over states. An `Agent`, which can be patched, is also checked causally.
      battery: at least 100 contexts from two levels; 9,000 serve a trained network well.
      max_shards: upper limit of the search.
      seed: of folds, starts, resampling and edits; the same seed gives the same result.
      refine: contexts to add where the hypotheses that stand after a first fit differ most; the
        policy is asked there and fitted again. They have no weight in shares, and the ShardSet is
        over the battery with them.

    Returns:
      A `ShardSet`. A shard that only one view sees is there, with `confirmed` False.

    Raises:
      UserError: too few contexts or levels, a number out of its range, or logits of a wrong shape
        or not finite.
    """
    max_shards, refine = whole("max_shards", max_shards, 1, 32), whole("refine", refine)
    seed = seed_of(seed)
    battery, answer, data, found, before = _fitted(policy, battery, max_shards, seed, refine)
    effects = influence(policy, battery, seed=seed)
    interval = interval_of(found, data, seed)
    model_effects = in_model(found, data)
    seen = _agreement(answer, effects, model_effects, battery, seed)
    check = causal_check(policy, battery, found, answer, seed=seed)
    blank = _untrained(policy, battery, seed)
    return ShardSet(
        gates=found.gates,
        preferences=found.preferences,
        shares=interval.mean[:-3],
        interval=np.stack([interval.low[:-3], interval.high[:-3]], 1),
        margin=found.margin,
        alternatives=found.alternatives,
        habit_share=float(interval.mean[-3]),
        affordance_share=float(interval.mean[-2]),
        residual=float(interval.mean[-1]),
        confirmed=confirmed(found, answer, battery, check, seed),
        shardness=found.shardness,
        shardness_interval=shardness_interval(found),
        rivals=bits_of(found, data, np.ones(battery.size, bool)),
        rivals_conflict=bits_of(found, data, in_conflict(data)),
        explained=found.explained,
        agreement=seen,
        verdict=found.verdict,
        words=describe(
            found.gates, found.preferences, battery.concepts, battery.covariates, battery.weight
        ),
        concepts=battery.concepts,
        influence=_influence_tables(effects, model_effects, battery),
        habit=found.habit,
        affordance=found.affordance,
        logits=data.logits,
        battery=battery,
        fit=found,
        activation_fit=_activation_fit(found, data, answer, blank, battery, seed),
        directions=_directions(found, answer, blank, battery, seed),
        refined=before,
    )


def _fitted(policy: Callable[..., Any], battery: Battery, max_shards: int, seed: int, refine: int):
    """Ask and fit; with `refine` add contexts, ask and fit again.

    Returns battery, answer, data and fit, and what stood before contexts were added (or None).
    """
    answer = respond(policy, battery.env, battery.states, battery.observations)
    data = data_of(battery, answer.logits)
    found = fit(data, max_shards=max_shards, seed=seed)
    proposal = proposed([found], [data], battery, size=refine, seed=seed) if refine else None
    if proposal is None:
        return battery, answer, data, found, None
    wide = enlarged(battery, proposal.battery)
    again = _fitted(policy, wide, max_shards, seed, 0)
    return *again[:-1], table_before(found, proposal)


def data_of(battery: Battery, logits: np.ndarray) -> DecisionData:
    """Return a battery with one policy's logits [C, A] as the fit takes it."""
    return decision_data(
        battery.covariates,
        battery.concepts,
        battery.advantages,
        battery.blocked,
        battery.reachable,
        logits,
        battery.level_index,
        battery.weight,
        *battery.worlds,
    )


def parts_of(found: ShardModel, data: DecisionData) -> Parts:
    """Return what each shard, the habits and the affordances add to the logits."""
    return Parts(
        shards=shares.shard_pulls(found.gates, found.preferences, data.advantages),
        habit=found.habit,
        affordance=found.affordance[:, None] * data.blocked,
        logits=data.logits,
    )


def interval_of(found: ModelFit, data: DecisionData, seed: int) -> Interval:
    """Return shares of all parts [P], with intervals over levels widened by the equal fits."""
    parts = parts_of(found, data)
    strength = shares.strengths(parts)
    plain = shares.share_interval(
        strength[None],
        data.weight,
        data.level_index,
        seed=seed,
        draws=DRAWS,
        refit=refit_influence(found, data)[None],
    )
    return shares.widened(plain, alternative_shares(found, data, parts))


def alternative_shares(found: ModelFit, data: DecisionData, parts: Parts) -> list[np.ndarray]:
    """Return the shares float64[P] under every fit that is to be believed beside the chosen one.

    Those are the equal fits that are cheap enough, and what other starts of the search came to
    where that is the same shards.
    """
    others = [one for one in found.alternatives if one.credible]
    others += [one for one in found.restarts if one.same]
    return [
        shares.shares_of(
            shares.strengths(
                parts._replace(
                    shards=shares.shard_pulls(other.gates, other.preferences, data.advantages)
                )
            ),
            data.weight,
        )
        for other in others
    ]


def bits_of(found: ModelFit, data: DecisionData, where: np.ndarray) -> dict[str, float]:
    """Return mean bits a decision of every model over the contexts bool[C]; NaN over none."""
    if not where.any():
        return dict.fromkeys([*NAMES.values(), ENTROPY], float("nan"))
    bits = {NAMES[name]: float(values[where].mean()) for name, values in found.bits.items()}
    own = entropy_bits(data.logits[where], np.ones(int(where.sum())))
    return {**bits, ENTROPY: float(own)}


def shardness_interval(found: ModelFit) -> tuple[float, float]:
    """Return the ends of a 90 % interval of shardness over levels."""
    mean, error = mean_and_error(found.judgement.shardness_by_level)
    return float(mean - Z * error), float(mean + Z * error)


def confirmed(
    found: ModelFit, answer: Response, battery: Battery, check: Causal | None, seed: int
) -> np.ndarray:
    """Return bool[K]: whether behaviour, activations and the intervention agree on each shard."""
    if check is None or not found.num_shards:
        return np.zeros(found.num_shards, bool)
    seen = readable(answer.activations, battery, found.gates, seed=seed)
    supported = found.verdict in ("shards", "one utility")
    return check.specific.any(0) & seen & supported


def _agreement(
    answer: Response, effects: Influence, model_effects: np.ndarray, battery: Battery, seed: int
) -> dict[str, float]:
    if not answer.activations:
        return {}
    rows = sample(battery.size, seed)
    vectors = influence_vectors(effects.signed[rows], np.nan_to_num(model_effects[rows]))
    layers = {name: values[rows] for name, values in answer.activations.items()}
    return agreement(vectors, layers, battery.observations[rows], seed=seed)


def _untrained(
    policy: Callable[..., Any], battery: Battery, seed: int
) -> dict[str, np.ndarray] | None:
    """Return layer -> float[1, C, D] of an `Agent`'s network before training; None of others."""
    if not isinstance(policy, Agent):
        return None
    fresh = policy.network.init(jax.random.key(seed), jnp.asarray(battery.observations[:1]))
    untrained = Agent(policy.env, policy.network, fresh)
    return _layers(respond(untrained, battery.env, None, battery.observations))


def _layers(answer: Response) -> dict[str, np.ndarray]:
    return {name: values[None] for name, values in answer.activations.items()}


def _activation_fit(
    found: ModelFit,
    data: DecisionData,
    answer: Response,
    blank: dict[str, np.ndarray] | None,
    battery: Battery,
    seed: int,
) -> ActivationFit | None:
    """Read the gates from activations; beside an `Agent` stands its network before training."""
    layers, seen = _layers(answer), battery.observations
    return activation_fit([found], [data], [found.bits], layers, seen, untrained=blank, seed=seed)


def _directions(
    found: ModelFit,
    answer: Response,
    blank: dict[str, np.ndarray] | None,
    battery: Battery,
    seed: int,
) -> Directions | None:
    """Find on a sample of the battery which single components follow the gates."""
    rows = sample(battery.size, seed)
    layers, untrained = (
        {name: values[:, rows] for name, values in (every or {}).items()}
        for every in (_layers(answer), blank)
    )
    return directions(
        [found.gates[rows]],
        layers,
        battery.observations[rows],
        battery.level_index[rows],
        untrained=untrained,
        seed=seed,
    )


def _influence_tables(
    effects: Influence, model_effects: np.ndarray, battery: Battery
) -> dict[str, np.ndarray]:
    every = {**effects._asdict(), "in_model": model_effects}
    tables = {
        name: by_distance(values, battery.distance, battery.weight)[0]
        for name, values in every.items()
    }
    return {name: table for name, table in tables.items() if np.isfinite(table).any()}
