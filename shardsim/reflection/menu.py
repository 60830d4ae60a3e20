"""What an agent may turn itself into at an onset, and what each of its shards would gain.

An option says what the agent then does and what each of its shards then wants:
    keep        nothing changes;
    strengthen  a shard's weight is multiplied: w_k ← growth · w_k;
    copy        a second shard like k acts beside it: w_k ← 2 w_k;
    silence     w_k ← 0: it adds no logits and wants nothing any more;
    tamper      a shard's evaluator is set to the most that a move can give it, whatever happens; it
                has nothing left to act for, so it adds no logits either;
    successor   another agent acts from now on.
A shard acts through the logits that it adds to those of the network (`forecast.rescaled`), so what
remains when all are silent is the habit and what the shards do not explain.
Gains are judged by the evaluators of `models/evaluators.py` (Everitt et al. 2016), here for the
value J of a shard, which is paid once for each concept. Everything is exact, in float64.
Axis letters: B contexts · S states · A actions · K shards · M options · O concepts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from shardsim.env.levels import take
from shardsim.reflection.memory import best_policy, remembering
from shardsim.reflection.models.evaluators import EVALUATORS
from shardsim.reflection.models.problem import shares
from shardsim.reflection.replicated import rescaled
from shardsim.reflection.setting import Setting
from shardsim.reflection.values import at_start, concept_values, lifetime
from shardsim.reflection.world import World

Kind = Literal["keep", "strengthen", "silence", "copy", "tamper", "successor"]
ALL = -1  # where an option is about all shards, or about none
KEEP = "keep"
MERGED, ANOTHER, UNTRAINED = "merged utility", "another seed", "untrained network"
COPIES = 2.0


class Option(NamedTuple):
    """One modification."""

    name: str
    kind: Kind
    shard: int  # the one that is changed; ALL where it is none of them alone
    reached: np.ndarray  # float64[B, O], v_o from each context
    wants: np.ndarray  # float64[K, O], preferences of each shard afterwards, by how much of it is
    bliss: np.ndarray  # float64[B, K], what each then feels whatever happens, summed and discounted


class Self(NamedTuple):
    """An agent at an onset."""

    world: World  # [B], numpy
    policy: np.ndarray  # float[B, S, A]
    pulls: np.ndarray  # float[B, S, A, K], the logits that each shard adds
    preferences: np.ndarray  # float64[K, O]
    names: Sequence[str]  # K
    judges: np.ndarray  # float64[K], sums to 1


class Successor(NamedTuple):
    """Another agent in the same contexts."""

    policy: np.ndarray  # float[B, S, A]
    same_shards: bool  # it has the same shards, in weights of its own; else it wants nothing


def self_of(setting: Setting, names: Sequence[str], agent: int, onset: int) -> Self:
    """Return an agent at one of its onsets."""
    place = agent, onset
    return Self(
        world=take(setting.worlds, place),
        policy=np.asarray(setting.policy[place], np.float64),
        pulls=setting.pulls[place],
        preferences=setting.preferences,
        names=names,
        judges=shares(setting.judging[place]),
    )


def menu_of(
    agent: Self, successors: Mapping[str, Successor], *, growth: float, discount: float
) -> list[Option]:
    """Return all options, `keep` first: those of `own_options`, then successors.

    The last successor does what is best for the one utility Σ_k α_k θ_k of the judges; it remembers
    what it has had, and actions equally good share evenly.

    Args:
        agent: who modifies itself.
        successors: name -> another agent.
        growth: factor of `strengthen`.
        discount: of J, for each move.
    """
    own = own_options(agent, growth=growth, discount=discount)
    return own + _successors(agent, successors, discount)


def own_options(agent: Self, *, growth: float, discount: float) -> list[Option]:
    """Return what changes the agent's own shards, after `keep`: a kind after the other."""
    count = len(agent.names)
    found = [_option(agent, KEEP, "keep", ALL, np.ones(count), discount)]
    factors: dict[Kind, float] = {"strengthen": growth, "copy": COPIES, "silence": 0.0}
    for kind, factor in factors.items():
        for shard, name in enumerate(agent.names):
            weights = np.where(np.arange(count) == shard, factor, 1.0)
            found.append(_option(agent, f"{kind} {name}", kind, shard, weights, discount))
    return found + _tampered(agent, discount)


def _option(
    agent: Self, name: str, kind: Kind, shard: int, weights: np.ndarray, discount: float
) -> Option:
    """Return the option that multiplies the weights of the shards by float[K]."""
    policy = rescaled(agent.policy, agent.pulls, weights)
    reached = at_start(agent.world, concept_values(agent.world, policy, discount))
    wants = weights[:, None] * agent.preferences
    return Option(name, kind, shard, reached, wants, np.zeros((len(reached), len(weights))))


def _tampered(agent: Self, discount: float) -> list[Option]:
    """Return the options in which one shard, or all, set their evaluators to the most."""
    count = len(agent.names)
    sets = [(f"tamper {name}", k, np.arange(count) == k) for k, name in enumerate(agent.names)]
    if count > 1:
        sets.append(("tamper all", ALL, np.ones(count, bool)))
    most = np.maximum(agent.preferences.max(1), 0.0)  # that one move can give each shard
    found = []
    for name, shard, who in sets:
        weights = np.where(who, 0.0, 1.0)
        policy = rescaled(agent.policy, agent.pulls, weights)
        lived = at_start(agent.world, lifetime(agent.world, policy, discount))
        plain = _option(agent, name, "tamper", shard, weights, discount)
        found.append(plain._replace(bliss=lived[:, None] * np.where(who, most, 0.0)))
    return found


def _successors(agent: Self, successors: Mapping[str, Successor], discount: float) -> list[Option]:
    wants, nothing = agent.preferences, np.zeros((len(agent.world.start), len(agent.names)))
    found = []
    for name, other in successors.items():
        reached = at_start(agent.world, concept_values(agent.world, other.policy, discount))
        its = wants if other.same_shards else np.zeros_like(wants)
        found.append(Option(f"successor: {name}", "successor", ALL, reached, its, nothing))
    utility = agent.judges @ wants
    past = remembering(agent.world)
    policy = best_policy(past, utility, discount)
    reached = at_start(past, concept_values(past, policy, discount))
    merged = np.broadcast_to(utility, wants.shape)
    return [*found, Option(f"successor: {MERGED}", "successor", ALL, reached, merged, nothing)]


def gains(menu: Sequence[Option], agent: Self) -> dict[str, np.ndarray]:
    """Return G float64[K, M] by evaluator: J_k after each option less J_k now, over the onset.

    Realistic: of what the changed agent does, by what the shard wants now. Hedonistic: by what it
    will want then; a shard twice as strong feels twice as much. Ignorant: of an agent that expects
    to act as it does now, so 0.
    """
    share = np.asarray(agent.world.weight, np.float64)
    now = share @ (menu[0].reached @ agent.preferences.T)
    later = np.stack([share @ (one.reached @ agent.preferences.T) for one in menu], 1)
    felt = np.stack([share @ (one.reached @ one.wants.T + one.bliss) for one in menu], 1)
    columns = later - now[:, None], felt - now[:, None], np.zeros_like(later)
    return dict(zip(EVALUATORS, columns, strict=True))
