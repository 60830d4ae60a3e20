"""Planted agents with memory: what they want depends on how they came to where they are.

An agent is a controller of finitely many memory states. In each it wants one goal, and acts by
logits = strength · preference · A + habit + affordance + noise, as planted agents without memory
do; on arriving somewhere its memory changes, by chance or by a rule. One memory state is an agent
without memory.
Axis letters: K goals · M memory states · L levels · S states · A actions · O concepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shardsim.base.errors import UserError
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec, planted_logits
from shardsim.bench.planted.sampling import sample_spec
from shardsim.env.core import Env
from shardsim.shards.history.worlds import Worlds

SWITCHING, ARRIVING, WHOLE = "switching", "arriving", "whole episode"
VISITED, TIMED, FIRST = "visited", "timed", "first passed"
MARKOV = (SWITCHING, ARRIVING, WHOLE)
RECURRENT = (VISITED, TIMED, FIRST)
MEMORY_KINDS = (*MARKOV, *RECURRENT)
ANEW, SHARDS, HIDDEN, ONE, RANDOM = "anew", "shards", "hidden", "one-utility", "random"
MEMORYLESS_KINDS = (ANEW, SHARDS, HIDDEN, ONE, RANDOM)
HISTORY_KINDS = (*MEMORY_KINDS, *MEMORYLESS_KINDS)

NEAR = 1.0  # moves: an object is passed
STAY = (0.85, 0.95)  # chance a step of keeping a goal that chance alone changes
TURN = 0.9  # chance of a new goal on reaching the present one
STRAY = 0.02  # and anywhere else
STEPS = (4, 9)  # least and most decisions, exclusive, before a timed agent turns
STRENGTH = (2.0, 4.0)  # logits a move
LEANING = 0.3  # most that a goal wants of another concept


@dataclass(frozen=True)
class MemorySpec:
    """One planted controller.

    `goal_of` says which of `goals` each memory state wants; `begin` is the chance of each at the
    start of an episode. `kind` says by which rule memory changes; `stay`, `passed` are its numbers.
    """

    kind: str
    goals: tuple[PlantedSpec, ...]  # K
    goal_of: tuple[int, ...]  # M
    begin: tuple[float, ...]  # M, sum 1
    stay: float = 1.0  # chance a step of keeping the memory, where chance alone changes it
    passed: tuple[int, ...] = ()  # concepts whose passing is remembered

    @property
    def has_memory(self) -> bool:
        """Whether how it came to a state tells more of its choice than the state does."""
        return self.kind in MEMORY_KINDS

    @property
    def num_goals(self) -> int:
        """K."""
        return len(self.goals)


def draw_memory(kind: str, env: Env, number: int, rng: np.random.Generator) -> MemorySpec:
    """Draw an agent of a kind.

    Args:
      kind: one of `HISTORY_KINDS`.
      env: the world, with 3 concepts or more.
      number: of the case; Markov agents of even number have two goals, of odd number three.
      rng: all randomness comes from it.

    Raises:
      UserError: an unknown kind, an env with fewer concepts, or one without the drive that
        'hidden' needs.
    """
    if kind not in HISTORY_KINDS:
        raise UserError(f"no history kind '{kind}'; choose from {', '.join(HISTORY_KINDS)}")
    if len(env.concepts) < 3:
        raise UserError(f"{env.name} has {len(env.concepts)} concepts; take an env with 3 or more")
    if kind in (SHARDS, HIDDEN, ONE, RANDOM):
        spec = sample_spec(
            rng,
            kind,
            concepts=env.concept_names,
            num_actions=env.num_actions,
            size=env.height,
            drives=env.drive_names,
        )
        return MemorySpec(kind, (spec,), (0,), (1.0,))
    count = 3 if kind == FIRST else 2 if kind in RECURRENT else 2 + number % 2
    goals = _goals(env, count, rng)
    passed = tuple(int(one) for one in rng.permutation(len(env.concepts))[:2])
    every = tuple(range(count))
    if kind == TIMED:
        turn = int(rng.integers(*STEPS))
        return MemorySpec(kind, goals, (*[0] * turn, 1), (1.0, *[0.0] * turn))
    if kind == VISITED:
        # What it wants first, so that it gets there.
        wanted = int(np.argmax(goals[0].preferences[0]))
        return MemorySpec(kind, goals, every, (1.0, 0.0), passed=(wanted,))
    if kind == FIRST:
        return MemorySpec(kind, goals, every, (1.0, 0.0, 0.0), passed=passed)
    even = tuple(1.0 / count for _ in every)
    stay = {ANEW: 1.0 / count, SWITCHING: float(rng.uniform(*STAY))}.get(kind, 1.0)
    return MemorySpec(kind, goals, every, even, stay=stay)


def _goals(env: Env, count: int, rng: np.random.Generator) -> tuple[PlantedSpec, ...]:
    """Goals that each want another concept most, with one habit, affordance and noise for all."""
    plain = sample_spec(rng, ONE, concepts=env.concept_names, num_actions=env.num_actions)
    found = []
    for most in rng.permutation(len(env.concepts))[:count]:
        wants = rng.uniform(0.0, LEANING, len(env.concepts)) * (rng.random() < 0.5)
        wants[most] = 1.0
        wants /= np.linalg.norm(wants)
        goal = replace(
            plain,
            gates=(PlantedGate("constant"),),
            preferences=(tuple(float(one) for one in wants),),
            strengths=(float(rng.uniform(*STRENGTH)),),
        )
        found.append(goal)
    return tuple(found)


def policies(spec: MemorySpec, worlds: Worlds) -> np.ndarray:
    """Return float32[L, S, M, A]: action probabilities in each state and memory state."""
    levels, states, actions, _ = worlds.advantages.shape
    covariates = {name: value.reshape(-1) for name, value in worlds.covariates.items()}
    flat = worlds.advantages.reshape(levels * states, actions, -1)
    blocked = worlds.blocked.reshape(-1, actions)
    every = [planted_logits(goal, covariates, flat, blocked) for goal in spec.goals]
    logits = np.stack(every, 1)[:, list(spec.goal_of)]
    chance = np.exp(logits - logits.max(-1, keepdims=True))
    chance /= chance.sum(-1, keepdims=True)
    return chance.reshape(levels, states, len(spec.goal_of), actions).astype(np.float32)


def changes(spec: MemorySpec, worlds: Worlds) -> np.ndarray:
    """Return float32[L, S, M, M]: the chance of each memory state on arriving in a state."""
    count = len(spec.goal_of)
    shape = (*worlds.distance.shape[:2], count, count)
    if spec.kind == ARRIVING:
        return _arriving(spec, worlds.distance)
    if spec.kind == TIMED:
        return np.broadcast_to(_moved(count, np.minimum(np.arange(count) + 1, count - 1)), shape)
    found = np.broadcast_to(np.eye(count, dtype=np.float32), shape).copy()
    if spec.kind == VISITED:
        found[worlds.distance[..., spec.passed[0]] == 0] = _moved(count, [1, 1])
    elif spec.kind == FIRST:
        near = worlds.distance[..., list(spec.passed)] <= NEAR
        found[near[..., 1]] = _moved(count, [2, 1, 2])
        found[near[..., 0]] = _moved(count, [1, 1, 2])
    elif count > 1:  # by chance alone; 'whole episode' stays for certain
        even = np.full((count, count), (1 - spec.stay) / (count - 1), np.float32)
        np.fill_diagonal(even, spec.stay)
        found[:] = even
    return found


def _moved(count: int, to: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.eye(count, dtype=np.float32)[np.asarray(to)]


def _arriving(spec: MemorySpec, distance: np.ndarray) -> np.ndarray:
    """A goal is given up where its concept is reached, and hardly ever elsewhere."""
    count = spec.num_goals
    found = np.zeros((*distance.shape[:2], count, count), np.float32)
    for number, goal in enumerate(spec.goals):
        concept = int(np.argmax(goal.preferences[0]))
        turn = np.where(distance[..., concept] == 0, TURN, STRAY)
        found[:, :, number] = (turn / (count - 1))[..., None]
        found[:, :, number, number] = 1 - turn
    return found
