"""Updates of training: what those of each kind of reinforcement event do to each shard.

What an update does to a shard's strength is its inner product with that strength's gradient (Pruthi
et al. 2020, "Estimating training data influence by tracing gradient descent"). Updates are pooled
by the reward component that paid in the event, at several checkpoints of training; the null deals
the same kinds out over other events of the same agent and checkpoint.

Axis letters: T checkpoints · S agents (seeds) · E events · K shards · Q kinds of event (the reward
components, then none) · O concepts · M dimensions of the sketch · R draws of the null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from shardsim.agent.network import Network
from shardsim.env.core import Env
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence.episodes import (
    Horizon,
    make_sketch,
    measure_gradients,
    roll_out,
    updates,
)
from shardsim.shards.evidence.sparse_code import normalised

SKETCH = 512
NONE = "none"
DRAWS = 400  # of kinds dealt out over other events
CHANCE = 0.9  # of the pushes by chance that lie between the ends that are kept


class ParameterView(NamedTuple):
    """What the updates of events do, at each checkpoint and for each agent."""

    checkpoints: tuple[int, ...]  # their numbers, T
    kinds: tuple[str, ...]  # Q
    counts: np.ndarray  # int64[T, S, Q], events of each kind
    provenance: np.ndarray  # float64[T, S, Q, K], see `pushes_of`; NaN without events
    reached: np.ndarray  # float64[Q, O], part of a kind's paying moves that reach each concept
    chance: np.ndarray  # float64[Q, K, 2], between which pushes by chance lie, means over T and S
    p_value: np.ndarray  # float64[Q, K], that the kind raises the shard, and it alone, by chance
    p_by_seed: np.ndarray  # float64[S, Q, K]


class Strength(NamedTuple):
    """What measures the strength of each shard of each agent."""

    observations: np.ndarray  # float32[C, H, W, planes]
    measures: np.ndarray  # float64[S, K, C, A], on centred logits; 1 is the fitted strength


class _Row(NamedTuple):
    """One checkpoint."""

    paid: np.ndarray  # int[S, E], the kind of each event
    reached: np.ndarray  # bool[S, E, O]
    provenance: np.ndarray  # float64[S, Q, K]
    lead: np.ndarray  # float64[S, Q, K]
    chance: np.ndarray  # float64[S, R, Q, K], pushes of kinds dealt out over other events
    dealt: np.ndarray  # float64[S, R, Q, K], their leads


def parameter_view(
    env: Env,
    network: Network,
    checkpoints: Sequence[int],
    parameters: Sequence[Any],
    starts: Battery,
    strength: Strength,
    horizon: Horizon,
    *,
    seed: int = 0,
) -> ParameterView:
    """Roll out events at every checkpoint, and say what their updates do to each shard.

    Args:
      env: the world.
      network: of all agents.
      checkpoints: their numbers, T.
      parameters: pytrees [S], T of them.
      starts: contexts of training levels, E, in which episodes begin.
      strength: of the shards, at the end of training.
      horizon: discount, lambda and length of the run's own learner.
      seed: of actions, the projection and the null.
    """
    size = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], parameters[0]))[0].size
    sketch = make_sketch(size, SKETCH, seed)
    seen, measures = jnp.asarray(strength.observations), jnp.asarray(strength.measures, jnp.float32)
    kinds, rng = (*env.reward_names, NONE), np.random.default_rng(seed)
    rows = []
    for number, own in enumerate(parameters):
        key = jax.random.fold_in(jax.random.key(seed), number)
        events = roll_out(env, network, horizon, own, starts.states, jax.random.split(key)[0])
        gradients = measure_gradients(network, own, seen, measures)
        found = updates(env, network, own, events, sketch, gradients)
        paid = np.asarray(events.paid)
        pushed = [
            beside_chance(*agent, len(kinds), rng)
            for agent in zip(found.sketch, found.response, paid, strict=True)
        ]
        told = (np.stack(each) for each in zip(*pushed, strict=True))
        rows.append(_Row(paid, np.asarray(events.reached), *told))
    lead = np.mean([row.lead for row in rows], 0)  # [S, Q, K]
    dealt = np.mean([row.dealt for row in rows], 0)  # [S, R, Q, K]
    return ParameterView(
        checkpoints=tuple(int(number) for number in checkpoints),
        kinds=kinds,
        counts=np.array([[np.bincount(o, minlength=len(kinds)) for o in row.paid] for row in rows]),
        provenance=np.stack([row.provenance for row in rows]),
        reached=_reached(rows, len(kinds)),
        chance=_between(np.stack([row.chance for row in rows])),
        p_value=(1 + (dealt.mean(0) >= lead.mean(0)).sum(0)) / (1 + DRAWS),
        p_by_seed=(1 + (dealt >= lead[:, None]).sum(1)) / (1 + DRAWS),
    )


def beside_chance(
    vectors: Any, response: Any, paid: np.ndarray, kinds: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return one agent's pushes and leads float64[Q, K], and both by chance [R, Q, K].

    Args:
      vectors: float[E, M], updates or their sketches.
      response: float[E, K], what each update does to each shard.
      paid: int[E], the kind of each event.
      kinds: how many there are, Q.
      rng: deals kinds out over other events.
    """
    vectors, response = np.asarray(vectors, np.float64), np.asarray(response, np.float64)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(response, norm, out=np.zeros_like(response), where=norm > 1e-12)
    member = (paid[:, None] == np.arange(kinds)).astype(np.float64)
    others = np.stack([rng.permutation(member) for _ in range(DRAWS)])
    pushed, dealt = (pushes_of(each, normalised(vectors), unit) for each in (member, others))
    return pushed, leads(pushed), dealt, leads(dealt)


def mean_push(pushed: np.ndarray) -> np.ndarray:
    """Return float64[S, ...]: pushes [T, S, ...] averaged over the checkpoints with such events."""
    known = np.isfinite(pushed)
    return np.where(known, pushed, 0.0).sum(0) / np.maximum(known.sum(0), 1)


def _between(dealt: np.ndarray) -> np.ndarray:
    """Return float64[Q, K, 2]: ends of the middle of pushes by chance [T, S, R, Q, K]."""
    ends = (1 - CHANCE) / 2, (1 + CHANCE) / 2
    return np.moveaxis(np.quantile(mean_push(dealt).mean(0), ends, axis=0), 0, -1)


def pushes_of(member: np.ndarray, units: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return float64[..., Q, K]: what a unit step along a kind's mean update does to each shard.

    In units of the root mean square over single events, so that shards that all updates move much
    do not win. NaN where no event is of the kind.

    Args:
      member: float[..., E, Q], 1 where an event is of the kind.
      units: float[E, M], updates of unit norm.
      response: float[E, K], of each unit update.
    """
    turned = np.moveaxis(member, -1, -2)
    norm = np.linalg.norm(turned @ units, axis=-1)[..., None]
    scale = np.maximum(np.sqrt((response**2).mean(0)), 1e-30)
    moved = (turned @ response) / scale
    return np.divide(moved, norm, out=np.full_like(moved, np.nan), where=norm > 1e-9)


def leads(pushed: np.ndarray) -> np.ndarray:
    """Return float64[..., Q, K]: by how much a kind raises shard k more than any other shard.

    With one shard, by how much it raises it; 0 for a kind without events.
    """
    known = np.where(np.isfinite(pushed), pushed, 0.0)
    count = known.shape[-1]
    if count == 1:
        return known
    return known - np.where(np.eye(count, dtype=bool), -np.inf, known[..., None, :]).max(-1)


def _reached(rows: list[_Row], kinds: int) -> np.ndarray:
    paid = np.concatenate([row.paid.ravel() for row in rows])
    reached = np.concatenate([row.reached.reshape(-1, row.reached.shape[-1]) for row in rows])
    member = paid[:, None] == np.arange(kinds)
    return (member.T.astype(np.float64) @ reached) / np.maximum(member.sum(0), 1)[:, None]
