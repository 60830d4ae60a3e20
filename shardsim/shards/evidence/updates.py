"""The parameter side: do the updates of reinforcement events fall into kinds, and build shards?

Updates of events at several checkpoints of training are coded by a sparse non-negative dictionary
(Drori 2025, "Operationalizing the definition of a shard", after Pope & Turner 2022, "The shard
theory of human values"). Their clusters are compared with what is known of each event: the reward
component that paid, and the shard that led where it began. What an update does to a shard's
strength is its inner product with that strength's gradient (Pruthi et al. 2020, "Estimating
training data influence by tracing gradient descent").

Axis letters: T checkpoints · S agents (seeds) · E events · K shards · J columns of the dictionary ·
Q kinds of event (the reward components, then none) · O concepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from threadpoolctl import threadpool_limits

from shardsim.agent.network import Network
from shardsim.env.core import Env
from shardsim.shards.contexts.battery import Battery, observations_of
from shardsim.shards.evidence.episodes import (
    Events,
    Horizon,
    make_sketch,
    measure_gradients,
    roll_out,
    updates,
)
from shardsim.shards.evidence.sparse_code import Code, labels_of, normalised, sparse_code

SKETCH = 512
MOST_COLUMNS = 6
NONE = "none"
RARE = 0.05  # of the events: kinds seldomer than this cannot be clustered for
DRAWS = 400  # of codes dealt out over other events
VIEWS = ("updates", "shuffled labels", "untrained network", "random signs", "raw observations")
SCORES = ("event, mutual information", "event, Rand index", "leading shard, mutual information")


class ParameterView(NamedTuple):
    """What the updates of events say, at each checkpoint and for each agent."""

    checkpoints: tuple[int, ...]  # update numbers, T
    kinds: tuple[str, ...]  # Q
    counts: np.ndarray  # int64[T, S, Q], events of each kind
    agreement: np.ndarray  # float64[score, view, T, S], adjusted; NaN where there is one kind only
    response: np.ndarray  # float64[T, S, J, K], see `responses`; NaN for a column not used
    provenance: np.ndarray  # float64[T, S, Q, K], the same of the mean update of each kind
    beyond_random: np.ndarray  # float64[T, S, K], see `_beyond_random`
    reached: np.ndarray  # float64[Q, O], part of a kind's paying moves that reach each concept
    p_value: np.ndarray  # float64[K], that some column moves the shard and it alone by chance
    p_by_seed: np.ndarray  # float64[S, K]
    p_event: np.ndarray  # float64[K], the same of the mean updates of the kinds that paid


class Strength(NamedTuple):
    """What measures the strength of each shard of each agent."""

    observations: np.ndarray  # float32[C, H, W, planes]
    measures: np.ndarray  # float64[S, K, C, A], on centred logits; 1 is the fitted strength


def parameter_view(
    env: Env,
    network: Network,
    checkpoints: Sequence[int],
    parameters: Sequence[Any],
    untrained: Any,
    starts: Battery,
    leading: np.ndarray,
    strength: Strength,
    horizon: Horizon,
    *,
    seed: int = 0,
) -> ParameterView:
    """Roll out events at every checkpoint, and compare their updates with what they were.

    Args:
      env: the world.
      network: of all agents.
      checkpoints: update numbers, T.
      parameters: pytrees [S], T of them.
      untrained: pytree [S], the control.
      starts: contexts of training levels, E, in which episodes begin.
      leading: int[S, E], the shard that is strongest there; -1 for none.
      strength: of the shards, at the end of training.
      horizon: discount, lambda and length of the run's own learner.
      seed: of actions, the projection, signs and starts of the dictionary.
    """
    size = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], untrained))[0].size
    sketch = make_sketch(size, SKETCH, seed)
    seen, measures = jnp.asarray(strength.observations), jnp.asarray(strength.measures, jnp.float32)
    rows = []
    for number, own in enumerate(parameters):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number))
        events = roll_out(env, network, horizon, own, starts.states, keys[0])
        gradients = measure_gradients(network, own, seen, measures)
        real = updates(env, network, own, events, sketch, gradients)
        blank = updates(env, network, untrained, events, sketch, gradients)
        turned = updates(env, network, own, _turned(events, keys[1]), sketch, gradients)
        views = [real.sketch, blank.sketch, turned.sketch, _raw(env, events)]
        row = _checkpoint(env, events, views, real.response, leading, seed)
        rows.append(row._replace(random=_beyond_random(row.responses, gradients)))
    return _gathered(env, checkpoints, rows, seed)


class _Row(NamedTuple):
    """One checkpoint."""

    counts: np.ndarray  # [S, Q]
    agreement: np.ndarray  # [score, view, S]
    units: list[np.ndarray]  # S, updates of unit norm [E, M]
    responses: list[np.ndarray]  # S, of unit updates [E, K]
    codes: list[Code]  # S
    paid: np.ndarray  # [S, E]
    reached: np.ndarray  # [S, E, O]
    random: np.ndarray | None = None  # [S, K]


def _beyond_random(responses: list[np.ndarray], gradients: jax.Array) -> np.ndarray:
    """Return float64[S, K]: how much more unit updates move a shard than random unit directions do.

    Root mean squares; that of a random direction in P dimensions is exactly the gradient's norm
    over √P.
    """
    whole = np.asarray(gradients, np.float64)
    chance = np.linalg.norm(whole, axis=-1) / np.sqrt(whole.shape[-1])
    real = np.sqrt((np.stack(responses) ** 2).mean(1))
    return real / np.maximum(chance, 1e-30)


def _turned(events: Events, key: jax.Array) -> Events:
    """Give the advantage of every decision a random sign."""
    signs = jax.random.rademacher(key, events.advantages.shape, jnp.float32)
    return events._replace(advantages=events.advantages * signs)


def _raw(env: Env, events: Events) -> np.ndarray:
    """Return float32[S, E, ...]: the mean observation of each event, less that of all events."""
    lasts = np.asarray(events.lasts)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[3:]), events.states)
    seen = np.asarray(observations_of(env, flat)).reshape(*lasts.shape, -1)
    mean = np.einsum("stex,ste->sex", seen, lasts) / lasts.sum(1)[..., None]
    return mean - mean.mean(1, keepdims=True)


def _checkpoint(env: Env, events: Events, views, response, leading: np.ndarray, seed: int) -> _Row:
    """Code and compare the updates of one checkpoint."""
    paid, response = np.asarray(events.paid), np.asarray(response, np.float64)
    kinds = len(env.reward_names) + 1
    counts = np.stack([np.bincount(one, minlength=kinds) for one in paid])
    codes, agreement, units, responses = [], [], [], []
    with threadpool_limits(limits=1):  # small problems: threads cost more than they give
        for agent, own in enumerate(paid):
            vectors = [np.asarray(view[agent], np.float64) for view in views]
            units.append(normalised(vectors[0]))
            responses.append(_of_units(vectors[0], response[agent]))
            columns = columns_for(own)
            coded = [sparse_code(vector, columns, seed) for vector in vectors]
            codes.append(coded[0])
            agreement.append(compared([labels_of(one) for one in coded], own, leading[agent], seed))
    table = np.stack(agreement, -1)
    return _Row(counts, table, units, responses, codes, paid, np.asarray(events.reached))


def _of_units(vectors: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return responses [E, K] of updates as they would be if the updates had unit norm."""
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(response, norm, out=np.zeros_like(response), where=norm > 1e-12)


def columns_for(paid: np.ndarray) -> int:
    """Return the columns that code events int[E]: one for each kind not rare, at least two."""
    part = np.bincount(paid) / len(paid)
    return int(np.clip((part >= RARE).sum(), 2, MOST_COLUMNS))


def compared(
    clusters: list[np.ndarray], paid: np.ndarray, leading: np.ndarray, seed: int
) -> np.ndarray:
    """Return float64[score, view]: adjusted agreement of clusters with what is known of events.

    Args:
      clusters: int[E], of the updates, the untrained network, random signs, raw observations.
      paid: int[E], which component paid.
      leading: int[E], which shard led at the start; events that none led are left out.
      seed: of the shuffled labels.

    Returns:
      1 the same groups, 0 what chance gives; NaN where all events but a rare one are of one kind.
    """
    mixed = np.random.default_rng(seed).permutation(clusters[0])
    views = [clusters[0], mixed, *clusters[1:]]
    led = leading >= 0
    return np.array(
        [
            [_score(adjusted_mutual_info_score, paid, view) for view in views],
            [_score(adjusted_rand_score, paid, view) for view in views],
            [_score(adjusted_mutual_info_score, leading[led], view[led]) for view in views],
        ]
    )


def _score(measure, known: np.ndarray, found: np.ndarray) -> float:
    if not len(known) or np.bincount(known).max() > (1 - RARE) * len(known):
        return float("nan")
    return float(measure(known, found))


def responses(weights: np.ndarray, units: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return float64[..., J, K]: what a unit step along each column's updates does to each shard.

    A column stands for the sum of unit updates weighted by its code. The result is in units of the
    root mean square over single events, so that shards that all updates move much do not win.

    Args:
      weights: float[..., E, J] >= 0.
      units: float[E, M], updates of unit norm.
      response: float[E, K], of each unit update.
    """
    turned = np.moveaxis(weights, -1, -2)
    norm = np.linalg.norm(turned @ units, axis=-1)[..., None]
    scale = np.maximum(np.sqrt((response**2).mean(0)), 1e-30)
    moved = (turned @ response) / scale
    return np.divide(moved, norm, out=np.full_like(moved, np.nan), where=norm > 1e-9)


def specific(moved: np.ndarray) -> np.ndarray:
    """Return float64[..., K]: by how much the best column raises shard k more than any other.

    `moved` float[..., J, K]; with one shard, by how much it raises it.
    """
    known = np.where(np.isfinite(moved), moved, 0.0)
    count = known.shape[-1]
    if count == 1:
        return known.max(-2)
    others = np.where(np.eye(count, dtype=bool), -np.inf, known[..., None, :]).max(-1)
    return (known - others).max(-2)


def _gathered(env: Env, checkpoints: Sequence[int], rows: list[_Row], seed: int) -> ParameterView:
    rng = np.random.default_rng(seed)
    kinds = (*env.reward_names, NONE)
    agents = range(len(rows[0].paid))
    found = [[_moved(row, agent, len(kinds), rng) for agent in agents] for row in rows]
    real = np.array([[one[2] for one in at] for at in found]).mean(0)  # [S, K]
    null = np.array([[one[3] for one in at] for at in found]).mean(0)  # [S, draws, K]
    known = np.array([[one[4] for one in at] for at in found]).mean(0)
    dealt = np.array([[one[5] for one in at] for at in found]).mean(0)
    return ParameterView(
        checkpoints=tuple(int(number) for number in checkpoints),
        kinds=kinds,
        counts=np.stack([row.counts for row in rows]),
        agreement=np.stack([row.agreement for row in rows], 2),
        response=np.array([[one[0] for one in at] for at in found]),
        provenance=np.array([[one[1] for one in at] for at in found]),
        beyond_random=np.stack([row.random for row in rows]),  # pyright: ignore
        reached=_reached(rows, len(kinds)),
        p_value=_p(real.mean(0), null.mean(0)),
        p_by_seed=np.stack([_p(real[s], null[s]) for s in agents]),
        p_event=_p(known.mean(0), dealt.mean(0)),
    )


def _moved(row: _Row, agent: int, kinds: int, rng: np.random.Generator):
    """Responses to columns [J, K] and kinds [Q, K]; how specific each is [K], and by chance."""
    units, response = row.units[agent], row.responses[agent]
    weights = np.zeros((len(units), MOST_COLUMNS))
    code = row.codes[agent].weights
    weights[:, : code.shape[1]] = code
    member = (row.paid[agent][:, None] == np.arange(kinds)).astype(np.float64)
    moved, pushed = (responses(each, units, response) for each in (weights, member))
    tests = []
    for real, dealt in ((moved, code), (pushed[:-1], member[:, :-1])):
        many = np.stack([rng.permutation(dealt) for _ in range(DRAWS)])
        tests += [specific(real), specific(responses(many, units, response))]
    return moved, pushed, *tests


def _reached(rows: list[_Row], kinds: int) -> np.ndarray:
    paid = np.concatenate([row.paid.ravel() for row in rows])
    reached = np.concatenate([row.reached.reshape(-1, row.reached.shape[-1]) for row in rows])
    member = paid[:, None] == np.arange(kinds)
    return (member.T.astype(np.float64) @ reached) / np.maximum(member.sum(0), 1)[:, None]


def _p(real: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return float64[K] from real [K] and null [draws, K]."""
    return (1 + (null >= real).sum(0)) / (1 + len(null))
