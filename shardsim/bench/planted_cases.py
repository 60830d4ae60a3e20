"""Planted agents of every kind, freshly drawn, what they answer, and their true shards.

Axes: C contexts, A actions, O concepts, K shards, D units of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.bench.planted.policy import Described, describe, logits_on, planned_values
from shardsim.bench.planted.rules import (
    KINDS,
    NULL_KINDS,
    PlantedSpec,
    planted_gates,
    planted_logits,
)
from shardsim.bench.planted.sampling import sample_spec
from shardsim.bench.planted.teaching import Lessons, Rung, taught
from shardsim.bench.scores import Shards
from shardsim.env.core import Env
from shardsim.env.types import State
from shardsim.shards.contexts.battery import Battery, battery, observations_of
from shardsim.shards.fit.data import LOWEST_ADVANTAGE, decisions_on
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.influence import shares
from shardsim.shards.influence.influence import edit
from shardsim.shards.influence.share_intervals import share_table

REFERENCE = 4  # as many times the contexts, for the shares that are true
LEAST_PULL = 0.03  # of the planted shards' pull: what carries less is not drawn
LEAST_THERE = 0.05  # of contexts in which a concept must be reachable to be wanted there
DRAWS = 200


class Removed(NamedTuple):
    """A battery's contexts with one object gone."""

    concept: int
    states: State  # [C]
    seen: Described  # [C]
    able: np.ndarray  # bool[C]: it was there


class Ground(NamedTuple):
    """What all cases of one env share."""

    env: Env
    battery: Battery  # C contexts of target levels
    reference: Battery  # many more of other levels, for the planted shares
    removed: tuple[Removed, ...]  # the battery's, one for each object
    beside: tuple[Removed, ...] = ()  # the reference's, which only networks are taught in


class Case(NamedTuple):
    """One planted agent in one env."""

    kind: str
    env: str
    number: int
    spec: PlantedSpec


def ground(env: Env, contexts: int, seed: int, *, networks: bool = False) -> Ground:
    """Draw an env's levels and analyse them.

    Args:
      env: with at least 3 concepts.
      contexts: of the battery; the reference has `REFERENCE` times as many.
      seed: of the levels.
      networks: whether any will be taught, in which case the reference is edited too.

    Raises:
      UserError: fewer than 3 concepts, or one that target levels do not hold.
    """
    if len(env.concepts) < 3:
        raise UserError(f"{env.name} has {len(env.concepts)} concepts; take an env with 3 or more")
    mine = battery(env, contexts, seed=seed)
    for concept, there in zip(env.concept_names, mine.reachable.mean(0), strict=True):
        if there < LEAST_THERE:
            raise UserError(
                f"{env.name} hardly ever holds {concept} in target levels; take another"
            )
    reference = battery(env, REFERENCE * contexts, seed=seed + 1)
    beside = _without_objects(reference) if networks else ()
    return Ground(env, mine, reference, _without_objects(mine), beside)


def _without_objects(over: Battery) -> tuple[Removed, ...]:
    """A battery without each object in turn."""
    edited = edit(over)
    return tuple(
        Removed(number, states, describe(over.env, states), able)
        for number, states, able in zip(edited.objects, edited.removed, edited.present, strict=True)
    )


def draw_case(kind: str, number: int, grounds: Sequence[Ground], seed: int) -> Case:
    """Draw one case; the envs that can hold the kind take turns.

    Every planted shard carries at least `LEAST_PULL` of the shards' pull on the reference battery.
    """
    able = [one for one in grounds if _holds(one.env, kind)]
    if not able:
        raise UserError(f"none of the envs can hold '{kind}'; add cheese-corner and two-goods")
    chosen = able[(number + KINDS.index(kind)) % len(able)]
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    env = chosen.env
    most = len(env.concepts) - (kind == "decoy")  # one concept is then wanted by none
    for _ in range(DRAWS):
        beyond = kind == "beyond-rank"
        shards = int(rng.integers(most + 1, 7)) if beyond else int(rng.integers(1, most + 1))
        spec = sample_spec(
            rng,
            kind,
            concepts=env.concept_names,
            num_shards=shards if kind in ("shards", "beyond-rank") else min(most, 2 + number % 2),
            num_actions=env.num_actions,
            size=env.height,
            drives=env.drive_names,
            places=_places(env),
        )
        if kind in NULL_KINDS or _pulls(spec, chosen.reference).min() >= LEAST_PULL:
            return Case(kind, env.name, number, spec)
    raise UserError(f"no agent of kind '{kind}' fits {env.name}; choose other envs")


def _places(env: Env) -> tuple[int, ...]:
    return tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "place")


def _holds(env: Env, kind: str) -> bool:
    driven = bool(env.drive_names)
    needs = {"hidden": driven, "drive-planner": driven, "place": bool(_places(env))}
    return needs.get(kind, True)


def _pulls(spec: PlantedSpec, over: Battery) -> np.ndarray:
    """Return float64[K]: each planted shard's part of the pull of all."""
    parts, _ = planted_parts(spec, over)
    count = parts.shards.shape[2]
    part = shares.shares_of(shares.strengths(parts), over.weight)[:count]
    return part / max(part.sum(), 1e-12) if count else np.ones(1)


def planted_parts(spec: PlantedSpec, over: Battery) -> tuple[shares.Parts, np.ndarray]:
    """Return what each planted shard, habit and affordance adds, and the gates [C, K]."""
    gates = planted_gates(spec, over.covariates)
    advantages = np.maximum(over.advantages, LOWEST_ADVANTAGE)
    preferences = np.asarray(spec.preferences).reshape(len(spec.gates), len(spec.concepts))
    parts = shares.Parts(
        shards=shares.shard_pulls(gates, preferences, advantages),
        habit=np.asarray(spec.habit),
        affordance=spec.affordance * over.blocked,
        logits=logits_on(spec, over),
    )
    return parts, gates


def truth_of(spec: PlantedSpec, on: Ground) -> Shards:
    """Return the planted shards: strengths over the battery, shares over the reference."""
    count = len(spec.gates)
    here = shares.strengths(planted_parts(spec, on.battery)[0])
    there = shares.strengths(planted_parts(spec, on.reference)[0])
    return Shards(
        strength=here[:, :count],
        preferences=np.asarray(spec.preferences),
        shares=shares.shares_of(there, on.reference.weight)[:count],
    )


class Answers(NamedTuple):
    """All that one agent answered."""

    logits: np.ndarray  # [C, A]
    without: list[np.ndarray]  # each object removed: [C, A]
    reference: np.ndarray  # over the reference battery, [R, A]
    activations: np.ndarray | None  # [C, D], of the last layer; None of a rule
    gap: float  # bits per decision by which a network misses its rule
    asked: float = 0.0  # the gap at which it was taken; 0 of a rule

    @property
    def reached(self) -> bool:
        """Whether the agent is as near to its rule as was asked."""
        return self.gap <= self.asked


def ask(case: Case, on: Ground) -> Answers:
    """Ask the planted rule itself."""
    without = _rule_without(case.spec, on.env, on.removed)
    reference = logits_on(case.spec, on.reference)
    return Answers(logits_on(case.spec, on.battery), without, reference, None, 0.0)


def _rule_without(spec: PlantedSpec, env: Env, removed: Sequence[Removed]) -> list[np.ndarray]:
    """The rule's logits [C, A] without each object."""
    found = []
    for one in removed:
        planned = planned_values(spec, env, one.states) if spec.reward else None
        found.append(planted_logits(spec, *one.seen, planned))
    return found


def ask_networks(case: Case, on: Ground, gaps: Sequence[float]) -> Iterator[Answers]:
    """Teach one network the rule, and ask it at each of several gaps, the widest first.

    Its lessons are the contexts of the battery and of the reference, each also without each
    object, and it is examined in those of both. Were the two not taught alike, it would do other
    things in the battery than in the reference, and what holds there would say nothing of here.

    Raises:
      UserError: a ground that is not made for networks.
    """
    if len(on.beside) != len(on.removed):
        raise UserError("this ground is for rules alone; draw it with networks=True")
    rule = ask(case, on)
    edited, beside = (_seen_without(on.env, one) for one in (on.removed, on.beside))
    whole = [np.asarray(one.observations) for one in (on.battery, on.reference)]
    exam = _lessons(whole, [rule.logits, rule.reference])
    taught_too = [*rule.without, *_rule_without(case.spec, on.env, on.beside)]
    lessons = _lessons([exam.observations, *edited, *beside], [exam.logits, *taught_too])
    for rung in taught(on.env, lessons, exam, gaps, seed=case.number):
        yield _answered(rung, on, edited)


def _seen_without(env: Env, removed: Sequence[Removed]) -> list[np.ndarray]:
    return [np.asarray(observations_of(env, one.states)) for one in removed]


def _lessons(seen: Sequence[np.ndarray], logits: Sequence[np.ndarray]) -> Lessons:
    return Lessons(np.concatenate(seen), np.concatenate(logits))


def _answered(rung: Rung, on: Ground, edited: Sequence[np.ndarray]) -> Answers:
    logits, layers = rung.agent(on.battery.observations)
    return Answers(
        np.asarray(logits),
        [np.asarray(rung.agent.policy(one)) for one in edited],
        np.asarray(rung.agent.policy(on.reference.observations)),
        np.asarray(layers[rung.agent.layers[-1]], np.float64),
        rung.gap,
        rung.asked,
    )


def own_truth(spec: PlantedSpec, on: Ground, answers: Answers) -> Shards:
    """Return what an agent really does under the planted preferences, whatever it was taught.

    Gates are fitted to its logits over the reference battery, which identification does not see,
    with the planted preferences held: a convex problem. Its shares have intervals of their own,
    since the reference is a sample too.
    """
    here = decisions_on(on.battery, answers.logits)
    there = decisions_on(on.reference, answers.reference)
    model = fit_gates(np.asarray(spec.preferences), there)
    pulls = shares.shard_pulls(model.gate(here.features), model.preferences, here.advantages)
    bumps = model.predict(here) - pulls.sum(-1) - model.habit
    strength = shares.strengths(shares.Parts(pulls, model.habit, bumps, here.logits))
    count = len(spec.gates)
    no_equal_fits = np.zeros((1, 2, count + len(shares.REST)))
    share = share_table([model], [there], no_equal_fits, seed=0).pooled
    return Shards(
        strength=strength[:, :count],
        preferences=model.preferences,
        shares=share.mean[:count],
        interval=np.stack([share.low, share.high], 1)[:count],
        unexplained=strength[:, -1],
    )
