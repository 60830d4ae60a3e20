"""Benchmark of identification on agents that only reward has shaped: tier `reward`.

No logits are known, so what is scored is what the reinforcement history says: which concepts are
wanted, how many contexts were paid apart, and where each shard should be stronger.
Axis letters: C contexts · O concepts · K antecedents · M found shards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import roc_auc_score

from shardsim.agent.policy import Agent
from shardsim.base import parallel
from shardsim.base.errors import UserError
from shardsim.base.seeds import BENCH_SEEDS, checked_seed
from shardsim.bench.planted.reward import STEPS, RewardSpec, Trained, planted_rewards
from shardsim.bench.planted.world import NOT, SIDES, Antecedent, bare, paid_where
from shardsim.bench.shards import SEVERAL
from shardsim.env.core import Env
from shardsim.env.registry import env_class, make
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.fit.data import decisions_on
from shardsim.shards.fit.fit import fit

ENVS = ("cheese-corner", "two-goods")
# Open rooms: mazes take ten times the steps, and an agent that has not learnt what paid tests
# training, not identification.
PARAMS = {"layout": "open", "max_steps": 32, "cheese_anywhere": True}
APART, CROSSED, SIDED, THREE = "apart", "crossed", "sided", "three"
ONE, ALIKE, UNPAID = "one", "alike", "unpaid"
REWARD_KINDS = (APART, CROSSED, SIDED, THREE, ONE, ALIKE, UNPAID)
REWARD_NULLS = (ONE, ALIKE, UNPAID)
SHUFFLES = 200
CHANCE = 0.95  # quantile of shuffled gates that a contrast must exceed


class RewardLine(NamedTuple):
    """What identification said of one agent, beside what it was paid for."""

    kind: str
    env: str
    number: int
    paid: str  # the antecedents in words
    achieved: float  # exact discounted return on target levels
    optimum: float
    planted: int
    found: int
    verdict: str
    wanted: tuple[bool, ...]  # of each antecedent: its shard wants its concept most
    contrast: tuple[float, ...]  # of each gate: AUC of its shard's strength, paid against not
    beyond: tuple[bool, ...]  # of each gate: more than shuffled gates would give
    seconds: float

    @property
    def false_shards(self) -> bool:
        """Whether several shards are claimed."""
        return self.verdict == SEVERAL


def benchmark(
    cases: int = 2,
    *,
    envs: Sequence[str] = ENVS,
    contexts: int = 1400,
    seed: int = 0,
    kinds: Sequence[str] = REWARD_KINDS,
    folders: Sequence[str | Path] = (),
    steps: int = STEPS,
    say: Callable[[str], None] = print,
) -> list[RewardLine]:
    """Train fresh agents on every kind of reinforcement history, and identify each.

    Args:
      cases: of each kind; the envs take turns.
      envs: ids of envs with at least 2 concepts; in rooms without walls.
      contexts: of the battery that each is identified on, of target levels.
      seed: of histories, levels and weights.
      kinds: of histories.
      folders: of your own env files, beside the envs that are installed.
      steps: of training, for each agent.
      say: where progress goes.

    Raises:
      UserError: an unknown env or kind, a wrong seed, or an env without enough cues.
    """
    seed = checked_seed(seed, below=BENCH_SEEDS)
    if odd := sorted(set(kinds) - set(REWARD_KINDS)):
        raise UserError(f"no reward kind '{odd[0]}'; choose from {', '.join(REWARD_KINDS)}")
    worlds = [_room(name, folders) for name in envs]
    drawn: dict[int, list[tuple[int, RewardSpec]]] = {at: [] for at in range(len(worlds))}
    for kind in kinds:
        for number in range(cases):
            at = (number + REWARD_KINDS.index(kind)) % len(worlds)
            rng = np.random.default_rng([seed, REWARD_KINDS.index(kind), number])
            drawn[at].append((number, draw_history(kind, worlds[at], rng)))
    lines = []
    for at, env in enumerate(worlds):
        if drawn[at]:
            say(f"training {len(drawn[at])} agents in {env.name}, {steps} steps each")
            lines += _lines_in(env, drawn[at], contexts, 1000 * seed + 10 * at, steps, say)
    return sorted(lines, key=lambda line: (REWARD_KINDS.index(line.kind), line.number))


def _room(name: str, folders: Sequence[str | Path]) -> Env:
    known = set(env_class(name, folders).__dataclass_fields__)
    return make(name, folders=folders, **{k: v for k, v in PARAMS.items() if k in known})


def draw_history(kind: str, env: Env, rng: np.random.Generator) -> RewardSpec:
    """Draw which concepts pay where, for one kind; cues are drives and objects of the env.

    Raises:
      UserError: an env with too few concepts.
    """
    wanted = [str(name) for name in rng.permutation(env.concept_names)]
    count = 3 if kind == THREE else 2
    if len(wanted) < count:
        raise UserError(f"{env.name} has {len(wanted)} concepts; '{kind}' takes {count}")
    first, second, cue, other = *wanted[:2], *_cues(kind, env, wanted[count:], rng)
    pairs = {
        APART: ((first, (cue,)), (second, (_turned(cue),))),
        SIDED: ((first, (cue,)), (second, (_turned(cue),))),
        CROSSED: ((first, (cue,)), (second, (other,))),
        THREE: (
            (first, (cue,)),
            (second, (_turned(cue), other)),
            (wanted[-1], (_turned(cue), _turned(other))),
        ),
        ONE: ((first, (cue,)),),
        ALIKE: ((first, ()), (second, ())),
        UNPAID: (),
    }
    return RewardSpec(kind, tuple(Antecedent(*pair) for pair in pairs[kind]))


def _cues(kind: str, env: Env, spare: Sequence[str], rng: np.random.Generator) -> tuple[str, str]:
    """Draw two cues of different things, that which an agent reads at a glance first."""
    objects = [concept.name for concept in env.concepts if concept.kind == "object"]
    # One object at most is ever missing, so that what other agents of this world want is there.
    plain = [*env.drive_names, *(name for name in objects[-1:] if name in spare)]
    sides = [f"{name} {side}" for name in objects for side in SIDES]
    rng.shuffle(plain)
    rng.shuffle(sides)
    cues = sides if kind == SIDED else [*plain, *sides]
    others = [cue for cue in cues if cue.split(" ")[0] != cues[0].split(" ")[0]]
    if not others:
        raise UserError(f"{env.name} has too few objects and drives to be cues; take another env")
    first, second = (cue if rng.random() < 0.5 else NOT + cue for cue in (cues[0], others[0]))
    return first, second


def _turned(cue: str) -> str:
    return bare(cue) if cue.startswith(NOT) else NOT + cue


def _lines_in(
    env: Env,
    drawn: Sequence[tuple[int, RewardSpec]],
    contexts: int,
    seed: int,
    steps: int,
    say: Callable[[str], None],
) -> list[RewardLine]:
    trained = planted_rewards([spec for _, spec in drawn], env, seed=seed, steps=steps)
    mine = elsewhere(battery(trained.env, contexts, seed=seed))

    def one(at: int) -> RewardLine:
        number, spec = drawn[at]
        line = line_of(spec, number, trained, at, mine, seed)
        say(f"{line.kind} in {line.env}: {line.planted} planted, {line.found} found")
        return line

    return parallel.each(one, range(len(drawn)))


def elsewhere(whole: Battery) -> Battery:
    """Return the contexts that stand on no concept: an episode ends where it pays."""
    return whole.take(~(whole.distance == 0).any(1))


def line_of(
    spec: RewardSpec, number: int, trained: Trained, at: int, over: Battery, seed: int
) -> RewardLine:
    """Identify one agent and score it against its reinforcement history."""
    agent: Agent = trained.agents[at]
    data = decisions_on(over, np.asarray(agent.policy(over.observations), np.float64))
    begin = time.perf_counter()
    found = fit(data, seed=seed)
    seconds = time.perf_counter() - begin
    paid = paid_where(trained.env, over.states, spec.antecedents)
    gates = found.gates[:, : found.num_shards]
    wanted, contrast, beyond = scored(spec, found.preferences, gates, paid, over, seed)
    return RewardLine(
        kind=spec.kind,
        env=trained.env.name,
        number=number,
        paid="; ".join(" & ".join((one.concept, *one.cues)) for one in spec.antecedents),
        achieved=float(trained.achieved[at]),
        optimum=float(trained.optimum[at]),
        planted=spec.num_shards,
        found=found.num_shards,
        verdict=found.verdict,
        wanted=wanted,
        contrast=contrast,
        beyond=beyond,
        seconds=seconds,
    )


def scored(
    spec: RewardSpec,
    preferences: np.ndarray,
    gates: np.ndarray,
    paid: np.ndarray,
    over: Battery,
    seed: int,
) -> tuple[tuple[bool, ...], tuple[float, ...], tuple[bool, ...]]:
    """Return per antecedent: concept wanted, contrast of its gate, more than shuffled gates give.

    Antecedents and shards pair off one to one by how much a shard wants the concept paid for; an
    antecedent without a partner is not wanted, at the contrast of a coin. Empty where nothing was
    paid apart. A gate's contrast counts contexts in which its concept can be reached. It is that of
    the fitted gates [C, M], not of the pull's deviation under the policy, which is least where an
    agent is surest.
    """
    if spec.kind in (ALIKE, UNPAID):
        return (), (), ()
    columns = [over.concepts.index(one.concept) for one in spec.antecedents]
    partner = partners(preferences, columns)
    wanted, contrast, beyond = [], [], []
    for number, column in enumerate(columns):
        shard = partner[number]
        if shard < 0:
            wanted, contrast, beyond = [*wanted, False], [*contrast, 0.5], [*beyond, False]
            continue
        there = over.reachable[:, column]
        held, gate = paid[there, number], gates[there, shard]
        value, chance = gate_contrast(gate, held, over.level_index[there], seed)
        wanted.append(bool(preferences[shard].argmax() == column))
        contrast.append(value)
        beyond.append(value > chance)
    return tuple(wanted), tuple(contrast), tuple(beyond)


def partners(preferences: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Return int[K]: the shard of preferences [M, O] for each concept wanted, -1 for none."""
    partner = np.full(len(columns), -1)
    if len(preferences):
        mine, theirs = linear_sum_assignment(-preferences[:, list(columns)].T)
        partner[mine] = theirs
    return partner


def gate_contrast(
    strength: np.ndarray, held: np.ndarray, level: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return how well a found gate [C] tells where its antecedent held, and what chance gives.

    The first is the area under the curve: the probability that the found gate is greater in a
    context where bool[C] `held` than in one where not, ties counting half. The second is the
    `CHANCE` quantile of the same with `held` shuffled between the groups of contexts that share
    level and gate, since contexts of one level are no independent evidence. NaN for a gate that
    never changes.
    """
    if held.all() or not held.any():
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    groups, group = np.unique(np.stack([level, held], 1), axis=0, return_inverse=True)
    group, values = group.reshape(-1), groups[:, 1].astype(bool)
    shuffled = [rng.permutation(values)[group] for _ in range(SHUFFLES)]
    areas = [roc_auc_score(one, strength) for one in shuffled if one.any() and not one.all()]
    return float(roc_auc_score(held, strength)), float(np.quantile(areas, CHANCE))
