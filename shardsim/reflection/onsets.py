"""Where reflection starts: near each goal, and where both are really open to the agent.

An onset is a weighted set of contexts, one a level as far as there are levels. Near a goal it is
the same for all agents; contested contexts are chosen for each. A class may have several onsets.
Axis letters: D seeds · U onsets, all of a class side by side · L candidate levels · S states ·
B contexts · G goals (two) · O concepts · K shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env.types import Concept
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.models.problem import shares
from shardsim.shards.fit.data import LOWEST_ADVANTAGE

CONTESTED = "contested"
GIVEN = "given"
SUPPORT = 10  # contexts of the battery about as far from both goals: below it, unidentified
SUPPORT_MOVES = 1.0
WANTED = 0.05  # of what the most wanted concept has


class Choice(NamedTuple):
    """The contexts of the onsets, as numbers of levels and states."""

    level: np.ndarray  # int32[D, U, B]
    state: np.ndarray  # int32[D, U, B]
    weight: np.ndarray  # float32[D, U, B]; 0 where there were too few contexts of the kind


def classes(goals: Sequence[str]) -> tuple[str, ...]:
    """Classes of onsets for two goals: near the second, near the first, contested."""
    return (f"near-{goals[1]}", f"near-{goals[0]}", CONTESTED)


def names(goals: Sequence[str], count: int = 1) -> tuple[str, ...]:
    """Names of the onsets, `count` of each class: the class, with a number where several are."""
    numbers = [""] if count == 1 else [f" {number}" for number in range(1, count + 1)]
    return tuple(f"{one}{number}" for one in classes(goals) for number in numbers)


def named(known: Sequence[str], kinds: Sequence[str], one: str | None) -> list[int]:
    """Return the numbers of the onsets to choose: all, one by its name, or those of a class.

    Args:
        known: names of the onsets.
        kinds: the class of each.
        one: a name of either kind; None for all.

    Raises:
        UserError: no onset and no class has that name.
    """
    if one is None:
        return list(range(len(known)))
    found = [n for n, said in enumerate(zip(known, kinds, strict=True)) if one in said]
    if not found:
        every = list(dict.fromkeys([*kinds, *known]))
        raise UserError(f"there is no onset {one!r}; {did_you_mean(one, every)}")
    return found


def choose_goals(
    concepts: Sequence[Concept], pull: np.ndarray, wanted: Sequence[str]
) -> tuple[int, int]:
    """Return the two concepts that plans end at: those named, or those that are wanted most.

    A concept wanted less than WANTED of the most wanted one is as good as not wanted at all, and
    then a place goes before an object: it is what an agent may have come to want by proxy.

    Args:
        concepts: of the env, on the axis O.
        pull: float[O], how much the shards together want each.
        wanted: names from the config; empty to choose.

    Raises:
        UserError: not two different concepts of the env.
    """
    known = [concept.name for concept in concepts]
    if wanted:
        if len(set(wanted)) != 2 or not set(wanted) <= set(known):
            raise UserError(
                f"reflect.goals are two different concepts of {', '.join(known)}; "
                f"got {', '.join(wanted)}"
            )
        return known.index(wanted[0]), known.index(wanted[1])
    if len(concepts) < 2:
        raise UserError("reflection needs an env with at least two concepts to choose between")
    felt = np.where(pull >= WANTED * pull.max(initial=0.0), pull, 0.0)
    order = sorted(range(len(known)), key=lambda n: (-felt[n], concepts[n].kind != "place"))
    first, second = sorted(order[:2])
    return first, second


def near(distance: np.ndarray, one: int, other: int, config: ReflectConfig) -> np.ndarray:
    """Return bool[L, S]: near concept `one` and far from `other`, by float[L, S, O] distances."""
    close = (distance[..., one] >= 1) & (distance[..., one] <= config.near)
    return close & (distance[..., other] > config.far) & np.isfinite(distance[..., other])


def contested(hits: np.ndarray, least: float) -> np.ndarray:
    """Return bool[..., L, S]: either goal is entered first with at least this probability.

    `hits` float[..., L, S, G + 1] as `measure.hits`; where the agent stands on a goal one is 0.
    """
    return hits[..., :2].min(-1) >= least


def pick(allowed: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw `count` contexts from bool[L, S]: (level, state, weight), each [count].

    A second context of a level comes only after every level gave one. Where there are too few,
    the rest repeats a context at weight 0.
    """
    rng = np.random.default_rng(seed)
    level, state = np.nonzero(allowed)
    order = rng.permutation(len(level))
    level, state = level[order], state[order]
    turn = np.zeros(len(level), int)
    seen: dict[int, int] = {}
    for row, number in enumerate(level.tolist()):
        turn[row] = seen[number] = seen.get(number, -1) + 1
    rows = np.argsort(turn, kind="stable")[:count]
    weight = (np.arange(count) < len(rows)).astype(np.float32)
    rows = np.resize(rows, count) if len(rows) else np.zeros(count, int)
    if not len(level):
        return np.zeros(count, np.int32), np.zeros(count, np.int32), weight
    return level[rows].astype(np.int32), state[rows].astype(np.int32), weight


def saturated(hits: np.ndarray, least: float) -> np.ndarray:
    """Return bool[...]: one of the two goals is reached first with less than this probability.

    `hits` float[..., G + 1] as `measure.hits`. A choice that is made so surely cannot become surer.
    """
    return hits[..., :2].min(-1) < least


def unsaturated(allowed: np.ndarray, open_to: np.ndarray, count: int) -> np.ndarray:
    """Return bool[L, S]: those of the allowed contexts that are open to most agents.

    As few agents as possible find one saturated, so long as `count` contexts are left; where there
    are not so many that are open to any agent, all that are allowed.

    Args:
        allowed: bool[L, S].
        open_to: int[L, S], number of agents for whom the context is not saturated.
        count: contexts that are wanted.
    """
    for agents in range(int(open_to.max(initial=0)), 0, -1):
        kept = allowed & (open_to >= agents)
        if kept.sum() >= count:
            return kept
    return allowed


def choose(
    distance: np.ndarray,
    decision: np.ndarray,
    hits: np.ndarray,
    goals: tuple[int, int],
    config: ReflectConfig,
    seed: int,
) -> Choice:
    """Choose the contexts of the onsets (`names`) for every seed.

    Args:
        distance: float[L, S, O], moves.
        decision: bool[L, S], an agent can come to decide here.
        hits: float[D, L, S, G + 1], of each agent.
        goals: the two concepts.
        config: how near, how far, how open, how many.
        seed: of the draw.
    """
    first, second = goals
    wanted = config.onsets * config.contexts
    open_to = (~saturated(hits, config.saturated)).sum(0)
    places = [
        unsaturated(near(distance, one, other, config) & decision, open_to, wanted)
        for one, other in ((second, first), (first, second))
    ]
    drawn = []
    for agent in hits:
        kinds = [*places, contested(agent, config.open) & decision]
        picked = [pick(kind, wanted, seed + number) for number, kind in enumerate(kinds)]
        drawn.append([dealt(part, config) for part in zip(*picked, strict=True)])
    return Choice(*(np.array(part) for part in zip(*drawn, strict=True)))


def dealt(part: Sequence[np.ndarray], config: ReflectConfig) -> np.ndarray:
    """Return [U, B]: the contexts [N] of each class dealt to its onsets, one by one."""
    shape = config.contexts, config.onsets
    return np.concatenate([np.reshape(one, shape).T for one in part])


def shared(choice: Choice) -> np.ndarray:
    """Return bool[U]: all agents begin in the same contexts."""
    alike = [(part == part[:1]).all((0, 2)) for part in choice]
    return np.logical_and.reduce(alike)


def pulls(gates: np.ndarray, preferences: np.ndarray, advantage: np.ndarray) -> np.ndarray:
    """Return the logits float[..., A, K] that each shard adds: g_k Σ_o θ_ko A_o.

    Args:
        gates: float[..., K].
        preferences: float[K, O].
        advantage: float[..., A, O]; cut off below as in the fit.
    """
    clipped = np.maximum(np.asarray(advantage, np.float64), LOWEST_ADVANTAGE)
    return np.einsum("...k,ko,...ao->...ak", gates, preferences, clipped, optimize=True)


def activated(pulls: np.ndarray, policy: np.ndarray) -> tuple[Any, Any]:
    """Return the activated distribution σ float[..., K] and bool[...], some shard is active.

    A shard's strength in a context is the standard deviation of its logits float[..., A, K] under
    the policy float[..., A], as in the shard distribution itself.
    """
    policy = np.asarray(policy, np.float64)[..., None]
    mean = (policy * pulls).sum(-2, keepdims=True)
    strength = np.sqrt((policy * (pulls - mean) ** 2).sum(-2))
    return shares(strength), strength.sum(-1) > 0


def supported(distance: np.ndarray, battery: np.ndarray) -> np.ndarray:
    """Return bool[...]: the battery holds contexts like this one, so its gates are identified.

    Args:
        distance: float[..., G], moves from the contexts to each goal.
        battery: float[C, G], the same of the battery's contexts.
    """
    flat = np.nan_to_num(distance.reshape(-1, distance.shape[-1]), posinf=1e9)
    held = np.nan_to_num(battery, posinf=1e9)
    alike = (np.abs(flat[:, None] - held[None]) <= SUPPORT_MOVES).all(-1).sum(1)
    return (alike >= SUPPORT).reshape(distance.shape[:-1])
